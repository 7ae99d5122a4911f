//! The exit codes: an interface for scripts, stable for good.
//!
//! Neighbours: every command returns one, `deploy/docs/cli.md` lists them and a test compares the two. A number is never
//! given another meaning.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Ok,
    /// Something that should not happen: a defect, or a file of Muster's own that cannot be written.
    Internal,
    /// The command line or a file that it names is wrong; nothing was sent.
    Usage,
    /// Documents have errors; nothing was stored.
    Rejected,
    /// Someone pushed since; nothing was stored.
    Stale,
    /// The controller understood and refused.
    Refused,
    /// The controller did not answer.
    Unreachable,
    /// The run ended, and not with every step done.
    NotDone,
    /// The run can only go on when a person has done something.
    Waiting,
    /// Something that must be there before a site can be installed is not, or nobody can tell.
    Missing,
}

impl Exit {
    /// Every exit code, by number.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Internal,
        Self::Usage,
        Self::Rejected,
        Self::Stale,
        Self::Refused,
        Self::Unreachable,
        Self::NotDone,
        Self::Waiting,
        Self::Missing,
    ];

    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Rejected => 3,
            Self::Stale => 4,
            Self::Refused => 5,
            Self::Unreachable => 6,
            Self::NotDone => 7,
            Self::Waiting => 8,
            Self::Missing => 9,
        }
    }

    /// What it means, in the words of the reference.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done as asked",
            Self::Internal => "internal: a defect, or a file of Muster's own that cannot be written",
            Self::Usage => "the command line, or a file that it names, is wrong; nothing was sent",
            Self::Rejected => "documents have errors; nothing was stored",
            Self::Stale => "someone else pushed since; nothing was stored",
            Self::Refused => "the controller refused",
            Self::Unreachable => "the controller cannot be reached",
            Self::NotDone => "the run ended and not every step is done",
            Self::Waiting => "the run waits for a person",
            Self::Missing => "a preflight misses something, or cannot tell",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_places_in_the_list() {
        for (place, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), place);
        }
    }
}

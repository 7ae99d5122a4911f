//! What Windows does when a service fails: the list that it keeps, and the attributes by which documents speak of it.
//!
//! Neighbours: `services` is the port to it, `resource::recovery` sees and applies the attributes, a twin's hand drifts them.
//! A change of one part keeps the others. Pure; whether a word may be wanted at all is the table of kinds' to say.

use serde::{Deserialize, Serialize};

/// The attributes of a `service` that are parts of it.
pub const ATTRIBUTES: [&str; 8] = [
    "first_failure",
    "first_failure_delay_seconds",
    "second_failure",
    "second_failure_delay_seconds",
    "later_failures",
    "later_failures_delay_seconds",
    "failures_reset_seconds",
    "failures_include_errors",
];

/// How many failures the attributes tell apart: the first, the second, and all later ones.
const TOLD_APART: usize = 3;
const NEVER: &str = "never";

/// All that Windows keeps of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// What is done, and when the count begins anew.
    #[serde(default)]
    pub actions: FailureActions,
    /// Whether a stop in good order with an error code counts as a failure.
    #[serde(default)]
    pub include_errors: bool,
}

/// What is done at each failure since the count began, as in `SERVICE_FAILURE_ACTIONSW`:
/// <https://learn.microsoft.com/en-us/windows/win32/api/winsvc/ns-winsvc-service_failure_actionsw>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureActions {
    /// The first failure's, the second one's and so on; the last one again at every failure after it. Nothing where it is empty.
    pub list: Vec<OnFailure>,
    /// After how long without a failure the count begins anew; none is never.
    #[serde(default = "at_once")]
    pub reset_seconds: Option<u32>,
}

/// As Windows has it of a service for which nothing was set.
impl Default for FailureActions {
    fn default() -> Self {
        Self { list: Vec::new(), reset_seconds: at_once() }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is the default of a field that may be none")]
fn at_once() -> Option<u32> {
    Some(0)
}

/// What is done at one failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnFailure {
    /// What.
    pub action: FailureAction,
    /// How long after the failure.
    #[serde(default)]
    pub delay_ms: u32,
}

/// What Windows can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureAction {
    /// Nothing.
    #[default]
    None,
    /// It starts the service again.
    Restart,
    /// It starts the computer again.
    Reboot,
    /// It runs a program.
    Program,
    /// Something of that number, which is none of these.
    Other(i32),
}

impl FailureAction {
    fn word(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Restart => "restart".to_owned(),
            Self::Reboot => "reboot".to_owned(),
            Self::Program => "program".to_owned(),
            Self::Other(number) => format!("action {number}"),
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::None, Self::Restart, Self::Reboot, Self::Program].into_iter().find(|own| own.word() == word)
    }
}

/// What an attribute speaks of.
#[derive(Debug, Clone, Copy)]
enum Part {
    Action(usize),
    Delay(usize),
    Reset,
    IncludeErrors,
}

fn part(attribute: &str) -> Option<Part> {
    Some(match attribute {
        "first_failure" => Part::Action(0),
        "first_failure_delay_seconds" => Part::Delay(0),
        "second_failure" => Part::Action(1),
        "second_failure_delay_seconds" => Part::Delay(1),
        "later_failures" => Part::Action(2),
        "later_failures_delay_seconds" => Part::Delay(2),
        "failures_reset_seconds" => Part::Reset,
        "failures_include_errors" => Part::IncludeErrors,
        _ => return None,
    })
}

impl Recovery {
    /// An attribute as it is, in words; none where it is not one of these.
    pub fn word(&self, attribute: &str) -> Option<String> {
        Some(match part(attribute)? {
            Part::Action(failure) => in_turn(self.actions.at(failure), |on| on.action.word()),
            Part::Delay(failure) => in_turn(self.actions.at(failure), |on| seconds(on.delay_ms)),
            Part::Reset => self.actions.reset_seconds.map_or(NEVER.to_owned(), |seconds| seconds.to_string()),
            Part::IncludeErrors => self.include_errors.to_string(),
        })
    }

    /// Sets one attribute, and keeps the others as they are; none where there is no such attribute or it cannot be that.
    pub fn set(&mut self, attribute: &str, word: &str) -> Option<()> {
        match part(attribute)? {
            Part::Action(failure) => {
                let action = FailureAction::of(word)?;
                self.actions.change(failure, |on| on.action = action);
            }
            Part::Delay(failure) => {
                let delay_ms = word.parse::<u32>().ok()?.checked_mul(1_000)?;
                self.actions.change(failure, |on| on.delay_ms = delay_ms);
            }
            Part::Reset => {
                self.actions.reset_seconds = if word == NEVER { None } else { Some(word.parse().ok()?) };
                // Without an action Windows keeps no such time.
                self.actions.tell_apart();
            }
            Part::IncludeErrors => self.include_errors = word.parse().ok()?,
        }
        Some(())
    }
}

impl FailureActions {
    /// What is done at that failure, counted from 0; of the last that is told apart, at each one after it, too.
    fn at(&self, failure: usize) -> &[OnFailure] {
        const NOTHING: &[OnFailure] = &[OnFailure { action: FailureAction::None, delay_ms: 0 }];
        let from = failure.min(self.list.len().saturating_sub(1));
        let to = if failure + 1 < TOLD_APART { from + 1 } else { self.list.len() };
        self.list.get(from..to).filter(|found| !found.is_empty()).unwrap_or(NOTHING)
    }

    fn change(&mut self, failure: usize, change: impl Fn(&mut OnFailure)) {
        self.tell_apart();
        let later = failure + 1 == TOLD_APART;
        let count = if later { self.list.len() - failure } else { 1 };
        self.list.iter_mut().skip(failure).take(count).for_each(change);
    }

    /// Says for each failure that is told apart what Windows does at it already.
    fn tell_apart(&mut self) {
        let last = self.list.last().copied().unwrap_or_default();
        let length = self.list.len().max(TOLD_APART);
        self.list.resize(length, last);
    }
}

/// One word where all are the same; else each that differs from the one before it.
fn in_turn(all: &[OnFailure], word: impl Fn(&OnFailure) -> String) -> String {
    let mut words: Vec<String> = all.iter().map(word).collect();
    words.dedup();
    words.join(", then ")
}

/// As documents count it, where it is a whole number of seconds.
fn seconds(ms: u32) -> String {
    if ms.is_multiple_of(1_000) { (ms / 1_000).to_string() } else { format!("{ms} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovery(list: &[(FailureAction, u32)]) -> Recovery {
        let list = list.iter().map(|&(action, delay_ms)| OnFailure { action, delay_ms }).collect();
        Recovery { actions: FailureActions { list, reset_seconds: Some(60) }, include_errors: false }
    }

    fn words(recovery: &Recovery) -> Vec<String> {
        ATTRIBUTES.iter().map(|attribute| recovery.word(attribute).unwrap()).collect()
    }

    #[test]
    fn the_last_action_is_that_of_every_failure_after_it() {
        use FailureAction::{Reboot, Restart};
        assert_eq!(words(&Recovery::default()), ["none", "0", "none", "0", "none", "0", "0", "false"]);
        let one = recovery(&[(Restart, 5_000)]);
        assert_eq!(words(&one), ["restart", "5", "restart", "5", "restart", "5", "60", "false"]);
        let two = recovery(&[(Restart, 1_500), (Reboot, 0)]);
        assert_eq!(words(&two), ["restart", "1500 ms", "reboot", "0", "reboot", "0", "60", "false"]);
    }

    #[test]
    fn later_failures_of_several_sorts_are_shown_in_turn() {
        use FailureAction::{None, Other, Program, Restart};
        let four = recovery(&[(None, 0), (None, 0), (Restart, 60_000), (Program, 60_000), (Other(9), 0)]);
        assert_eq!(four.word("later_failures").unwrap(), "restart, then program, then action 9");
        assert_eq!(four.word("later_failures_delay_seconds").unwrap(), "60, then 0");
    }

    #[test]
    fn each_attribute_is_set_alone_and_every_other_is_as_it_was() {
        use FailureAction::{None, Program, Reboot, Restart};
        let before = [
            recovery(&[]),
            recovery(&[(Restart, 5_000)]),
            recovery(&[(Reboot, 1_000), (None, 2_000)]),
            recovery(&[(Restart, 1), (Reboot, 2), (Program, 3), (Restart, 4)]),
        ];
        for before in before {
            for (index, attribute) in ATTRIBUTES.into_iter().enumerate() {
                let word = match index {
                    0 | 2 | 4 => "restart",
                    6 => "never",
                    7 => "true",
                    _ => "77",
                };
                let mut after = before.clone();
                after.set(attribute, word).unwrap();
                let mut wanted = words(&before);
                word.clone_into(&mut wanted[index]);
                assert_eq!(words(&after), wanted, "{attribute} of {before:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_not_set() {
        let mut recovery = Recovery::default();
        for (attribute, word) in [
            ("first_failure", "action 9"),
            ("first_failure_delay_seconds", "-1"),
            ("first_failure_delay_seconds", "4294968"),
            ("failures_reset_seconds", "always"),
            ("failures_include_errors", "1"),
            ("start", "automatic"),
        ] {
            assert_eq!(recovery.set(attribute, word), None, "{attribute} {word}");
        }
        assert_eq!(recovery, Recovery::default());
    }
}

//! An error and what caused it, in one line, for a person or a log.
//!
//! Neighbours: every room whose answer is a text. Errors never repeat their source, so that nothing is said twice here.

use std::error::Error;

/// The error and its causes, each after a colon.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] io::Error);

    #[test]
    fn causes_follow_in_their_order() {
        let inner = io::Error::other("the disk is full");
        assert_eq!(with_causes(&Outer("not stored", inner)), "not stored: the disk is full");
        assert_eq!(with_causes(&io::Error::other("alone")), "alone");
    }
}

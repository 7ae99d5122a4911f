//! Secrets as everybody may see them: a name and a version, the rule for the form of a value, and whom it is sealed to.
//!
//! Neighbours: `parameter` has the type, `value` holds references, `muster-proto` seals and opens. A value of a secret is
//! never in this crate but as a borrowed text that is judged, and no message here repeats it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{SECRET_CHARACTERS, SECURITY_CODE_CHARACTERS};
use crate::name::{InvalidName, ParameterName, SecretVersion, Slug};

/// A secret of a site at a version: what stands where its value is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// The site that it belongs to.
    pub site: Slug,
    /// The parameter of type `secret`.
    pub secret: ParameterName,
    /// Its version; 0 as long as none was set.
    pub version: SecretVersion,
}

impl SecretRef {
    /// Whether there is a value at all.
    pub fn is_set(&self) -> bool {
        self.version.0 > 0
    }
}

/// The version alone, as rows show it: never anything that depends on the value.
impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_set() { write!(f, "{}", self.version) } else { f.write_str("(not set)") }
    }
}

/// The value of a secret as it is stored and sent: an age file that only its recipients open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedSecret {
    /// Which, and at which version; its payload says the same.
    pub secret: SecretRef,
    /// The age file.
    pub sealed: Sealed,
}

/// The bytes of an age file; in JSON hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// These bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// By its size: nobody reads a ciphertext in a log.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sealed bytes", self.0.len())
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> String {
        sealed.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Sealed {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        let digits = text
            .bytes()
            .map(|digit| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
        let digits: Option<Vec<u8>> = digits.collect();
        match digits.filter(|digits| digits.len() % 2 == 0) {
            Some(digits) => Ok(Self(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())),
            None => Err(InvalidName {
                what: "sealed value",
                rule: "pairs of hexadecimal digits",
                text: String::new(),
            }),
        }
    }
}

/// What a value of a secret must look like.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretForm {
    /// The vendor's own rule, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<FormRule>,
    /// At least so many characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_characters: Option<u64>,
    /// A regular expression that the whole value must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// A rule that a vendor has for a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormRule {
    /// Exactly `default`, or at least 10 characters or symbols without accents (G8).
    SecurityCode,
}

impl FormRule {
    /// The words for the rules, as a product writes them.
    pub(crate) const WORDS: [&str; 1] = ["security_code"];

    /// The rule of that word.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        (word == "security_code").then_some(Self::SecurityCode)
    }
}

impl SecretForm {
    /// Whether a value has this form.
    ///
    /// # Errors
    /// What is wanted instead, in words that say nothing of the value.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let characters = value.chars().count() as u64;
        if characters == 0 || characters > SECRET_CHARACTERS {
            return Err(format!("1 to {SECRET_CHARACTERS} characters are wanted"));
        }
        if value.chars().any(char::is_control) {
            return Err("one line without control characters is wanted".to_owned());
        }
        match self.rule {
            Some(FormRule::SecurityCode) if !is_security_code(value) => {
                return Err(format!(
                    "exactly `default`, or at least {SECURITY_CODE_CHARACTERS} characters or symbols without accents are wanted (G8)"
                ));
            }
            Some(FormRule::SecurityCode) | None => {}
        }
        if let Some(least) = self.min_characters.filter(|least| characters < *least) {
            return Err(format!("at least {least} characters are wanted"));
        }
        if let Some(pattern) = &self.pattern
            && !crate::parameter::matches(pattern, value)
        {
            return Err(format!("a value that matches {pattern} is wanted"));
        }
        Ok(())
    }

    /// The form in words, as a product writes it.
    pub(crate) fn describe(&self) -> String {
        let mut words = vec!["secret".to_owned()];
        words.extend(self.rule.map(|FormRule::SecurityCode| "of the form security_code (G8)".to_owned()));
        words.extend(self.min_characters.map(|least| format!("of at least {least} characters")));
        words.extend(self.pattern.as_ref().map(|pattern| format!("that matches {pattern}")));
        words.join(" ")
    }
}

/// Letters and digits of the unaccented alphabet and the symbols of its keyboard: what is typed alike everywhere (G8).
fn is_security_code(value: &str) -> bool {
    value == "default"
        || (value.len() as u64 >= SECURITY_CODE_CHARACTERS
            && value.bytes().all(|byte| byte.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> SecretForm {
        SecretForm { rule: Some(FormRule::SecurityCode), ..SecretForm::default() }
    }

    /// G8.
    #[test]
    fn a_security_code_is_default_or_ten_characters_without_accents() {
        for right in ["default", "0123456789", "Aa1!$%&/()", "abcdefghijklmnop"] {
            assert_eq!(code().check(right), Ok(()), "{right}");
        }
        for wrong in
            ["", "Default", "default ", "012345678", "azertyuiopé", "with a space", "e\u{301}abcdefghij"]
        {
            let problem = code().check(wrong).unwrap_err();
            assert!(wrong.is_empty() || !problem.contains(wrong) || wrong == "default", "{problem}");
        }
    }

    #[test]
    fn a_form_says_what_is_wanted_and_nothing_of_the_value() {
        let form = SecretForm { min_characters: Some(8), pattern: Some("[a-z]+".to_owned()), rule: None };
        assert_eq!(form.check("abcdefgh"), Ok(()));
        for wrong in ["short", "WITHCAPITALS", "two\nlines-of-it"] {
            assert!(!form.check(wrong).unwrap_err().contains(wrong));
        }
        let long = "x".repeat(usize::try_from(SECRET_CHARACTERS).unwrap() + 1);
        assert!(SecretForm::default().check(&long).is_err());
        assert_eq!(SecretForm::default().check(&long[1..]), Ok(()));
    }

    #[test]
    fn a_sealed_value_survives_its_json() {
        let sealed = Sealed::new((0..=255).collect());
        let json = serde_json::to_string(&sealed).unwrap();
        assert_eq!(serde_json::from_str::<Sealed>(&json).unwrap(), sealed);
        assert!(
            serde_json::from_str::<Sealed>("\"0\"").is_err()
                && serde_json::from_str::<Sealed>("\"0g\"").is_err()
        );
    }

    #[test]
    fn a_row_shows_a_version_and_nothing_else() {
        let mut secret = SecretRef {
            site: "dupont-prod".parse().unwrap(),
            secret: "batch_password".parse().unwrap(),
            version: SecretVersion(0),
        };
        assert_eq!(secret.to_string(), "(not set)");
        secret.version = "v3".parse().unwrap();
        assert_eq!(secret.to_string(), "v3");
    }
}

//! Where a value stands in the registry, as documents name it: `HKLM\SOFTWARE\Sage\Port`.
//!
//! Neighbours: `document` checks names by it, the agent's registry port opens keys by it. Only HKEY_LOCAL_MACHINE: an agent
//! serves a computer and no person's profile.

use std::fmt;
use std::str::FromStr;

use crate::name::InvalidName;

/// A value's place: a view, a key and a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryName {
    /// Whether it is in the view of 32-bit programs (`KEY_WOW64_32KEY`), and not in Windows' own.
    pub is_32bit: bool,
    /// The key's path below HKEY_LOCAL_MACHINE.
    pub key: String,
    /// The value's name.
    pub value: String,
}

const RULE: &str = r"HKLM\KEY\VALUE, or HKLM32\KEY\VALUE for the view of 32-bit programs, and no WOW6432Node";

impl FromStr for RegistryName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName { what: "registry value", rule: RULE, text: text.to_owned() };
        let mut parts = text.split('\\');
        let hive = parts.next().unwrap_or_default();
        let is_32bit = match hive.to_ascii_uppercase().as_str() {
            "HKLM" => false,
            "HKLM32" => true,
            _ => return Err(wrong()),
        };
        let rest: Vec<&str> = parts.collect();
        let is_redirected = |part: &&str| part.eq_ignore_ascii_case("WOW6432Node");
        let [key @ .., value] = rest.as_slice() else { return Err(wrong()) };
        if key.is_empty() || rest.iter().any(|part| part.trim().is_empty() || is_redirected(part)) {
            return Err(wrong());
        }
        Ok(Self { is_32bit, key: key.join("\\"), value: (*value).to_owned() })
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_32bit, key, value } = self;
        write!(f, "{}\\{key}\\{value}", if *is_32bit { "HKLM32" } else { "HKLM" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_view_its_key_and_its_value() {
        let name: RegistryName = r"HKLM32\SOFTWARE\Sage\Port".parse().unwrap();
        assert_eq!((name.is_32bit, name.key.as_str(), name.value.as_str()), (true, r"SOFTWARE\Sage", "Port"));
        assert_eq!(name.to_string(), r"HKLM32\SOFTWARE\Sage\Port");
        let name: RegistryName = r"hklm\SOFTWARE\Port".parse().unwrap();
        assert_eq!(name.to_string(), r"HKLM\SOFTWARE\Port");
    }

    #[test]
    fn another_hive_an_empty_part_and_a_view_by_its_hidden_key_are_refused() {
        let wrong =
            [r"HKCU\SOFTWARE\x", "HKLM", r"HKLM\x", r"HKLM\a\\b", r"HKLM\SOFTWARE\Wow6432Node\a\b", ""];
        for text in wrong {
            assert!(text.parse::<RegistryName>().is_err(), "{text}");
        }
    }
}

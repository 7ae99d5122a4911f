//! Registry values: the port, and what the bytes of each type mean.
//!
//! Neighbours: `registry` opens keys; `muster_model::registry` reads names. Texts are not expanded, so that what is compared
//! is what was written. Never lists a key and never removes one.

use windows_sys::Win32::System::Registry::{
    REG_BINARY, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_NONE, REG_QWORD, REG_SZ,
};

use muster_model::registry::RegistryName;

use super::WindowsHost;
use super::registry::{Key, Raw, View};
use super::text::{error_text, narrow, wide};
use crate::host::{Error, Registry, RegistryData};

const READ: &str = "read registry value";
const REMOVE: &str = "remove registry value";
const SET: &str = "set registry value";

impl Registry for WindowsHost {
    fn get(&self, name: &RegistryName) -> Result<Option<RegistryData>, Error> {
        let read = || {
            let Some(key) = Key::open(&name.key, view(name))? else { return Ok(None) };
            Ok(key.raw(&name.value)?.map(|raw| decode(&raw)))
        };
        read().map_err(|error: std::io::Error| refused(READ, name, error_text(&error)))
    }

    fn set(&self, name: &RegistryName, data: &RegistryData) -> Result<(), Error> {
        let raw = encode(data).map_err(|message| refused(SET, name, message))?;
        let set = Key::make(&name.key, view(name)).and_then(|key| key.set(&name.value, &raw));
        set.map_err(|error| refused(SET, name, error_text(&error)))
    }

    fn remove(&self, name: &RegistryName) -> Result<(), Error> {
        let remove = Key::make(&name.key, view(name)).and_then(|key| key.remove(&name.value));
        remove.map_err(|error| refused(REMOVE, name, error_text(&error)))
    }
}

fn view(name: &RegistryName) -> View {
    if name.is_32bit { View::Bits32 } else { View::Bits64 }
}

fn refused(operation: &'static str, name: &RegistryName, message: impl Into<String>) -> Error {
    Error::Refused { operation, name: name.to_string(), message: message.into() }
}

/// What the bytes mean; bytes that are not what their type promises are another type, so that nothing is guessed.
fn decode(raw: &Raw) -> RegistryData {
    let Raw { kind, bytes } = raw;
    let units = raw.units();
    let other = |word: &str| RegistryData::Other(format!("{word}, {} bytes", bytes.len()));
    match *kind {
        REG_SZ => RegistryData::String(narrow(&units)),
        REG_EXPAND_SZ => RegistryData::ExpandString(narrow(&units)),
        REG_MULTI_SZ => {
            let texts = units.split(|unit| *unit == 0).take_while(|text| !text.is_empty());
            RegistryData::MultiString(texts.map(String::from_utf16_lossy).collect())
        }
        REG_DWORD => match bytes.as_slice().try_into() {
            Ok(number) => RegistryData::Dword(u32::from_le_bytes(number)),
            Err(_) => other("REG_DWORD"),
        },
        REG_QWORD => match bytes.as_slice().try_into() {
            Ok(number) => RegistryData::Qword(u64::from_le_bytes(number)),
            Err(_) => other("REG_QWORD"),
        },
        REG_BINARY => other("REG_BINARY"),
        REG_NONE => other("REG_NONE"),
        number => other(&format!("type {number}")),
    }
}

/// The bytes that Windows keeps, or why there are none.
pub(super) fn encode(data: &RegistryData) -> Result<Raw, String> {
    let bytes_of = |text: &str| wide(text).into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let text = |kind, text: &str| match text.contains('\0') {
        true => Err("a text of the registry cannot hold a zero character".to_owned()),
        false => Ok(Raw { kind, bytes: bytes_of(text) }),
    };
    match data {
        RegistryData::String(value) => text(REG_SZ, value),
        RegistryData::ExpandString(value) => text(REG_EXPAND_SZ, value),
        RegistryData::MultiString(values) => {
            if values.iter().any(|value| value.is_empty() || value.contains('\0')) {
                return Err(
                    "a text in a list of the registry cannot be empty or hold a zero character".to_owned()
                );
            }
            let mut bytes: Vec<u8> = values.iter().flat_map(|value| bytes_of(value)).collect();
            bytes.extend([0, 0]);
            Ok(Raw { kind: REG_MULTI_SZ, bytes })
        }
        RegistryData::Dword(number) => Ok(Raw { kind: REG_DWORD, bytes: number.to_le_bytes().to_vec() }),
        RegistryData::Qword(number) => Ok(Raw { kind: REG_QWORD, bytes: number.to_le_bytes().to_vec() }),
        RegistryData::Other(words) => Err(format!("{words} can be shown and not set")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn data() -> [RegistryData; 7] {
        let text = |text: &str| text.to_owned();
        [
            RegistryData::String(text("Trésorerie")),
            RegistryData::String(String::new()),
            RegistryData::ExpandString(text(r"%ProgramFiles%\Sage")),
            RegistryData::MultiString(vec![text("a"), text("b c")]),
            RegistryData::MultiString(Vec::new()),
            RegistryData::Dword(u32::MAX),
            RegistryData::Qword(u64::MAX),
        ]
    }

    #[test]
    fn every_type_is_read_back_from_the_server_as_it_was_set() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let name: RegistryName = r"HKLM\SOFTWARE\Muster Story\Below\Value".parse().unwrap();
        for data in data() {
            host.set(&name, &data).unwrap();
            assert_eq!(host.get(&name).unwrap(), Some(data));
        }
        let long = RegistryData::String("x".repeat(5_000));
        host.set(&name, &long).unwrap();
        assert_eq!(host.get(&name).unwrap(), Some(long));
    }

    #[test]
    fn a_value_is_taken_away_and_the_one_beside_it_stays() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let name =
            |value| -> RegistryName { format!(r"HKLM\SOFTWARE\Muster Story\Gone\{value}").parse().unwrap() };
        for value in ["a", "b"] {
            host.set(&name(value), &RegistryData::Dword(1)).unwrap();
        }
        host.remove(&name("a")).unwrap();
        assert_eq!(host.get(&name("a")).unwrap(), None);
        assert_eq!(host.get(&name("b")).unwrap(), Some(RegistryData::Dword(1)));
        assert!(host.remove(&name("a")).unwrap_err().to_string().contains("error 2: "));
    }

    #[test]
    fn what_is_not_there_is_none() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        for name in [r"HKLM\SOFTWARE\Muster Nowhere\Value", r"HKLM\SOFTWARE\Microsoft\Nowhere"] {
            assert_eq!(host.get(&name.parse().unwrap()).unwrap(), None);
        }
    }

    #[test]
    fn bytes_that_are_not_what_their_type_promises_are_shown_and_never_set() {
        let other = decode(&Raw { kind: REG_DWORD, bytes: vec![1, 2, 3] });
        assert_eq!(other, RegistryData::Other("REG_DWORD, 3 bytes".to_owned()));
        assert!(encode(&other).is_err());
        assert!(encode(&RegistryData::MultiString(vec![String::new()])).is_err());
        assert!(encode(&RegistryData::String("a\0b".to_owned())).is_err());
    }
}

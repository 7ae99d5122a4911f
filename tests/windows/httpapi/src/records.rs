//! The records: lines of `http_sys.txt`, `ENDPOINT THUMBPRINT {PROGRAM} STORE FLAGS`.
//!
//! A thumbprint that is a line of `without-key.txt` is that of a certificate without a key in the machine's store. Neighbours:
//! `api` asks.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `ERROR_FILE_NOT_FOUND`.
pub(crate) const NOT_FOUND: u32 = 2;
/// `ERROR_ALREADY_EXISTS`.
pub(crate) const ALREADY_EXISTS: u32 = 183;
/// `ERROR_NO_SUCH_LOGON_SESSION`.
pub(crate) const NO_KEY: u32 = 1312;
/// `ERROR_WRITE_FAULT`.
const WRITE_FAULT: u32 = 29;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) thumbprint: String,
    pub(crate) app_id: String,
    pub(crate) store: String,
    pub(crate) flags: u32,
}

/// The folder with the files.
#[derive(Debug)]
pub(crate) struct Records(PathBuf);

impl Records {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    fn all(&self) -> Vec<(String, Record)> {
        let text = fs::read_to_string(self.0.join("http_sys.txt")).unwrap_or_default();
        text.lines().filter_map(read).collect()
    }

    fn write(&self, all: &[(String, Record)]) -> Result<(), u32> {
        let line = |(endpoint, record): &(String, Record)| {
            let Record { thumbprint, app_id, store, flags } = record;
            format!("{endpoint} {thumbprint} {app_id} {store} {flags}\n")
        };
        let text: String = all.iter().map(line).collect();
        fs::write(self.0.join("http_sys.txt"), text).map_err(|_| WRITE_FAULT)
    }

    pub(crate) fn get(&self, endpoint: &str) -> Result<Record, u32> {
        let found = self.all().into_iter().find(|(own, _)| own.eq_ignore_ascii_case(endpoint));
        found.map(|(_, record)| record).ok_or(NOT_FOUND)
    }

    /// The one of that number of those that stand at an address.
    pub(crate) fn at(&self, number: u32) -> Option<(String, Record)> {
        let mut by_address =
            self.all().into_iter().filter(|(endpoint, _)| endpoint.parse::<SocketAddr>().is_ok());
        by_address.nth(usize::try_from(number).ok()?)
    }

    /// As on Windows, one that is there is not replaced.
    pub(crate) fn set(&self, endpoint: &str, record: Record) -> Result<(), u32> {
        if self.get(endpoint).is_ok() {
            return Err(ALREADY_EXISTS);
        }
        let without_key = fs::read_to_string(self.0.join("without-key.txt")).unwrap_or_default();
        if without_key.lines().any(|line| line.eq_ignore_ascii_case(&record.thumbprint)) {
            return Err(NO_KEY);
        }
        let mut all = self.all();
        all.push((endpoint.to_owned(), record));
        self.write(&all)
    }

    pub(crate) fn remove(&self, endpoint: &str) -> Result<(), u32> {
        self.get(endpoint)?;
        let mut all = self.all();
        all.retain(|(own, _)| !own.eq_ignore_ascii_case(endpoint));
        self.write(&all)
    }
}

fn read(line: &str) -> Option<(String, Record)> {
    let [endpoint, thumbprint, app_id, store, flags] = line.split_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    let [thumbprint, app_id, store] = [thumbprint, app_id, store].map(str::to_owned);
    Some((endpoint.to_owned(), Record { thumbprint, app_id, store, flags: flags.parse().ok()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_once_and_only_with_a_key() {
        let folder = std::env::temp_dir().join(format!("muster-httpapi-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let records = Records::new(&folder);
        let record = Record {
            thumbprint: "AB".repeat(20),
            app_id: "{4dc3e181-e14b-4a21-b022-59fc669b0914}".to_owned(),
            store: "MY".to_owned(),
            flags: 2,
        };
        assert_eq!(records.get("a.example:443"), Err(NOT_FOUND));
        records.set("a.example:443", record.clone()).unwrap();
        assert_eq!(records.set("A.example:443", record.clone()), Err(ALREADY_EXISTS));
        assert_eq!(records.get("A.EXAMPLE:443"), Ok(record.clone()));
        fs::write(folder.join("without-key.txt"), format!("{}\n", record.thumbprint)).unwrap();
        assert_eq!(records.set("0.0.0.0:443", record), Err(NO_KEY));
        assert_eq!(records.at(0), None, "it stands at no address");
        records.remove("a.example:443").unwrap();
        assert_eq!(records.remove("a.example:443"), Err(NOT_FOUND));
        fs::remove_dir_all(folder).unwrap();
    }
}

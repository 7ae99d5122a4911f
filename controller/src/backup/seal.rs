//! Keys, closed for the recovery keys and opened with one of them. The stock `age` tool does both as well.
//!
//! Neighbours: `make` seals, `restore` opens. What was opened is in memory only, and never shown.

use age::x25519::{Identity, Recipient};
use age::{DecryptError, EncryptError};
use thiserror::Error;

/// Why something could not be sealed.
#[derive(Debug, Error)]
pub enum Error {
    /// There is nobody to seal it to.
    #[error("the database names no recovery key, so that nobody could open a backup's keys")]
    Nobody,
    /// A public half is not one.
    #[error("the recovery key {0:?} that the database names is not an age recipient: {1}")]
    Recipient(String, &'static str),
    /// It cannot be sealed.
    #[error("a key cannot be sealed")]
    Seal(#[from] EncryptError),
    /// It cannot be written.
    #[error("a key cannot be sealed or opened whole")]
    Io(#[from] std::io::Error),
    /// It cannot be opened.
    #[error("it cannot be opened")]
    Open(#[from] DecryptError),
}

/// A recovery key's private half, from its file: the one line that is neither empty nor a comment.
pub(super) fn recovery_key(text: &str) -> Option<Identity> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.parse().ok(),
        _ => None,
    }
}

/// Opens what was sealed to that key, among others.
pub(super) fn open(key: &Identity, sealed: &[u8]) -> Result<String, Error> {
    use std::io::Read as _;
    let mut text = String::new();
    let decryptor = age::Decryptor::new(sealed)?;
    decryptor.decrypt(std::iter::once(key as &dyn age::Identity))?.read_to_string(&mut text)?;
    Ok(text)
}

/// Seals a text to all of these; each alone can open it.
pub(super) fn seal(recipients: &[String], text: &str) -> Result<Vec<u8>, Error> {
    use std::io::Write as _;
    let parsed = recipients.iter().map(|recipient| {
        recipient.parse::<Recipient>().map_err(|why| Error::Recipient(recipient.clone(), why))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    if parsed.is_empty() {
        return Err(Error::Nobody);
    }
    let all = parsed.iter().map(|recipient| recipient as &dyn age::Recipient);
    let mut sealed = Vec::new();
    let mut writer = age::Encryptor::with_recipients(all)?.wrap_output(&mut sealed)?;
    writer.write_all(text.as_bytes())?;
    writer.finish()?;
    Ok(sealed)
}

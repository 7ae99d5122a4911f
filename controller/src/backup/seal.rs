//! Keys, closed for the recovery keys and opened with one of them. The stock `age` tool does both as well.
//!
//! Neighbours: `make` seals. What was opened is in memory only, and never shown.

use age::x25519::Recipient;
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
    #[error("a key cannot be sealed")]
    Write(#[from] std::io::Error),
    /// It cannot be opened.
    #[error("it cannot be opened")]
    Open(#[from] DecryptError),
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

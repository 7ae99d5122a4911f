//! A certificate in a PFX file with a password, for a self-test to import: bytes of this program, the key in them known to all.
//!
//! It gives nobody trust. It signed itself, and a self-test puts it where a computer keeps its own certificates, never
//! where it keeps those that it believes: among its own, and among those of intermediate authorities, where nobody trusts
//! one for lying there. Its name ends with `.invalid`, which no address ever has (RFC 6761), and its only purpose, marked
//! critical, is to stamp times: no server and no client takes it for one of its own. It has not ended, because what has
//! ended is not used, and would show nothing of what a run does. Made by OpenSSL, with the ciphers that every Windows
//! reads; its key is nowhere else. Neighbours: `rows` imports it, the props of a host hand it over and take it away.

use muster_model::name::{InvalidName, SecretVersion};
use muster_model::secret::SecretRef;
use muster_proto::secret::SecretValue;
use zeroize::Zeroizing;

use crate::vault::{self, Secrets};

/// The file.
pub const PFX: &[u8] = include_bytes!("throwaway.pfx");
/// The certificate in it alone, as a file that is handed over freely.
pub const CER: &[u8] = include_bytes!("throwaway.cer");
/// Its thumbprint.
pub const THUMBPRINT: &str = "9635D9CE6BFD7742AA6773651FA65994942FDE94";
/// Its common name.
pub const NAME: &str = "pfx.muster-selftest.invalid";
/// When it ends.
pub const NOT_AFTER: &str = "2120-01-01T00:00:00Z";
/// What opens the file.
pub const PASSWORD: &str = "muster-selftest";

/// Opens the one secret that a self-test has.
pub(super) struct Known;

impl Secrets for Known {
    fn open(&self, secret: &SecretRef) -> Result<SecretValue, vault::Error> {
        match reference() {
            Ok(own) if own == *secret => Ok(value(PASSWORD)),
            Ok(_) | Err(_) => Err(vault::Error::NotKept(secret.clone())),
        }
    }
}

/// What a node names the password by.
pub(super) fn reference() -> Result<SecretRef, InvalidName> {
    let version = SecretVersion(1);
    Ok(SecretRef { site: "selftest".parse()?, secret: "pfx_password".parse()?, version })
}

/// A text as a password.
pub(super) fn value(text: &str) -> SecretValue {
    SecretValue::new(Zeroizing::new(text.to_owned()))
}

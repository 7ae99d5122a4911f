//! The port to the computer's certificates (LocalMachine's stores) and to the rights on their private keys.
//!
//! Neighbours: `resource::certificate` chooses, `resource::private_key_access` grants. Never removes a certificate.

use jiff::Timestamp;
use muster_model::certificate::{CertificateName, CertificateStore};
use muster_proto::secret::SecretValue;

use super::Error;

/// A certificate of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-1 of the certificate, 40 hexadecimal digits in capitals.
    pub thumbprint: String,
    /// Its subject.
    pub subject: String,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whether its private key is there.
    pub has_key: bool,
}

/// What an account may do with a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAccess {
    /// Use it.
    Read,
    /// Everything, rights included.
    Full,
}

impl CertificateFacts {
    /// Whether it has begun and has not ended.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
    }
}

/// Where the key of a certificate is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyOf<'a> {
    /// The store that the certificate lies in.
    pub store: CertificateStore,
    /// Its thumbprint.
    pub thumbprint: &'a str,
}

/// Certificates and rights on their keys, CNG and CAPI alike.
pub trait Certificates {
    /// All of a store.
    fn all(&self, store: CertificateStore) -> Result<Vec<CertificateFacts>, Error>;
    /// Imports that certificate from a PFX file into its store, its key into the machine's key store. Where it is not in the file,
    /// or is in the store already, nothing is imported, and no key is left behind. Where the file's password is another, or it
    /// has one and none is given, [`Error::Locked`], and nothing is imported.
    fn import(&self, name: &CertificateName, pfx: &str, password: Option<&SecretValue>) -> Result<(), Error>;
    /// Puts that certificate, without a key, from a file of public ones into its store; whatever else is in the file is not.
    /// Where it is not there, or several of them are meant, nothing is put anywhere.
    fn add(&self, name: &CertificateName, file: &str) -> Result<(), Error>;
    /// Accounts with an explicit right on the key of that certificate.
    fn key_rights(&self, key: KeyOf<'_>) -> Result<Vec<(String, KeyAccess)>, Error>;
    /// Gives one account exactly this access; other accounts stay as they are.
    fn grant_key(&self, key: KeyOf<'_>, account: &str, access: KeyAccess) -> Result<(), Error>;
    /// Takes one account's explicit access away.
    fn revoke_key(&self, key: KeyOf<'_>, account: &str) -> Result<(), Error>;
}

/// The one certificate of a file that is meant.
///
/// # Errors
/// In words, where none or more than one is.
pub fn meant<T>(
    name: &CertificateName,
    all: impl IntoIterator<Item = (T, CertificateFacts)>,
) -> Result<T, String> {
    let (meant, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, facts)| name.names(&facts.thumbprint, &facts.subject));
    let subjects: Vec<&str> = others.iter().map(|(_, facts)| facts.subject.as_str()).collect();
    match meant.len() {
        0 if subjects.is_empty() => Err("there is no certificate in it".to_owned()),
        0 => Err(format!("the certificate is not in it; it holds {}", subjects.join("; "))),
        1 => meant.into_iter().next().map(|(it, _)| it).ok_or_else(String::new),
        several => Err(format!("{several} certificates in it are meant; name one by its thumbprint")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(file: &[(&str, &str)], name: &str) -> Result<String, String> {
        let Ok(name) = name.parse::<CertificateName>();
        let facts = |(digit, subject): &(&str, &str)| CertificateFacts {
            thumbprint: digit.repeat(40),
            subject: (*subject).to_owned(),
            not_before: Timestamp::MIN,
            not_after: Timestamp::MAX,
            has_key: false,
        };
        meant(&name, file.iter().map(|one| (one.0.to_owned(), facts(one))))
    }

    /// A file with a chain in it brings the one that is named, and a renewal beside the old one is nobody's guess.
    #[test]
    fn of_a_file_the_one_that_is_named_is_meant_and_where_it_is_not_clear_none() {
        let chain = [("A", "CN=h"), ("B", "CN=CA"), ("C", "CN=Root")];
        assert_eq!(from(&chain, "ca/CN=CA").as_deref(), Ok("B"));
        assert_eq!(from(&chain, &format!("root/{}", "C".repeat(40))).as_deref(), Ok("C"));
        let others = from(&chain, "ca/CN=Other").unwrap_err();
        assert_eq!(others, "the certificate is not in it; it holds CN=h; CN=CA; CN=Root");
        assert_eq!(from(&[], "ca/CN=CA").unwrap_err(), "there is no certificate in it");
        let renewed = [("A", "CN=CA"), ("B", "CN=CA")];
        let several = from(&renewed, "ca/CN=CA").unwrap_err();
        assert_eq!(several, "2 certificates in it are meant; name one by its thumbprint");
        assert_eq!(from(&renewed, &format!("ca/{}", "B".repeat(40))).as_deref(), Ok("B"));
    }
}

//! Sealing: the value of a secret on its way from the hands that typed it to the one place that uses it.
//!
//! A sealed value is an age file (age-encryption.org/v1, X25519, many recipients), so that the stock `age` tool opens it
//! without Muster. Its payload is one line of JSON that names site, secret and version, then the value on a line of its own:
//! a ciphertext that was moved to another place is found out. Neighbours: the CLI seals, agents and holders of a recovery
//! key open; the controller does neither and holds no key. Nothing here is logged, and no error repeats a value.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::str::FromStr;

use age::secrecy::ExposeSecret as _;
use muster_model::limits::{SEALED_SIZE_BYTES, SECRET_CHARACTERS};
use muster_model::name::{InvalidName, ParameterName, Recipient, SecretVersion, Slug};
use muster_model::secret::SecretRef;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

/// The payload's format number.
const FORMAT: u32 = 1;

/// Payloads are padded to a multiple of this: the length of a ciphertext says little of the length of a value.
const PADDED_BYTES: usize = 256;

/// The most that a payload can have: the longest value in four bytes each, and its line of JSON.
const PAYLOAD_BYTES: usize = 8 * 1024;

/// The value of a secret. It has no `Display`, `Debug`, `Clone` or `Serialize`, and is wiped from memory when dropped.
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// Takes a text in.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text, for whoever uses it at once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// An age key, agent's or recovery. As unshowable as what it opens.
pub struct Key(age::x25519::Identity);

impl Key {
    /// A new one.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads a key file as the `age` tool writes it: lines that begin with `#` are comments, one line is the key.
    ///
    /// # Errors
    /// Where there is none, more than one, or it is mistyped.
    pub fn parse(file: &str) -> Result<Self, Error> {
        let mut lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next(), lines.next()) {
            (Some(line), None) => age::x25519::Identity::from_str(line).map(Self).map_err(|_| Error::KeyFile),
            (Some(_) | None, _) => Err(Error::KeyFile),
        }
    }

    /// Its public half.
    ///
    /// # Errors
    /// Never, as long as age writes recipients as it specifies them.
    pub fn recipient(&self) -> Result<Recipient, InvalidName> {
        self.0.to_public().to_string().parse()
    }

    /// The one line of its key file.
    pub fn to_line(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n", self.0.to_string().expose_secret()))
    }
}

/// Why a value was not sealed or not opened. Never says anything of the value.
#[derive(Debug, Error)]
pub enum Error {
    /// The file is no key file.
    #[error("this is no age key file: it must have one line that begins with AGE-SECRET-KEY-1")]
    KeyFile,
    /// A recipient is no age key of the kind that is used.
    #[error("{0} cannot be sealed to: {1}")]
    Recipient(Recipient, &'static str),
    /// There is nobody to seal to.
    #[error("there is nobody to seal to")]
    Nobody,
    /// The value cannot be sealed.
    #[error("the value could not be sealed")]
    Seal(#[source] std::io::Error),
    /// It is sealed to others.
    #[error("{} of {} is not sealed to this key", .0.version, .0.secret)]
    OtherKey(Box<SecretRef>),
    /// It is not an age file, or was altered.
    #[error("the sealed {} of {} is damaged", .0.version, .0.secret)]
    Damaged(Box<SecretRef>),
    /// It was sealed for another place: site, secret or version.
    #[error(
        "what is stored as {} {} of {} was sealed as {} {} of {}: it was moved",
        wanted.secret, wanted.version, wanted.site, found.secret, found.version, found.site
    )]
    Moved {
        /// Where it stands.
        wanted: Box<SecretRef>,
        /// What it says of itself.
        found: Box<SecretRef>,
    },
}

/// The line of JSON before the value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    format: u32,
    site: Slug,
    secret: ParameterName,
    version: SecretVersion,
    padding: String,
}

/// Seals a value to these recipients.
///
/// # Errors
/// Where a recipient cannot be sealed to, or there is none.
pub fn seal(secret: &SecretRef, value: &SecretValue, to: &BTreeSet<Recipient>) -> Result<Vec<u8>, Error> {
    let keys = to.iter().map(|recipient| {
        let key = age::x25519::Recipient::from_str(recipient.as_str());
        key.map_err(|problem| Error::Recipient(recipient.clone(), problem))
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let encryptor = age::Encryptor::with_recipients(keys.iter().map(|key| key as &dyn age::Recipient))
        .map_err(|_| Error::Nobody)?;
    let payload = payload(secret, value).map_err(Error::Seal)?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(Error::Seal)?;
    writer.write_all(&payload).map_err(Error::Seal)?;
    writer.finish().map_err(Error::Seal)?;
    Ok(sealed)
}

/// Reserved whole beforehand, so that no smaller copy is left behind as it grows.
fn payload(secret: &SecretRef, value: &SecretValue) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let SecretRef { site, secret, version } = secret;
    let mut label = Label {
        format: FORMAT,
        site: site.clone(),
        secret: secret.clone(),
        version: *version,
        padding: String::new(),
    };
    let bare = serde_json::to_string(&label)?.len() + value.expose().len() + 2;
    label.padding = "-".repeat((PADDED_BYTES - bare % PADDED_BYTES) % PADDED_BYTES);
    let mut payload = Zeroizing::new(Vec::with_capacity(PAYLOAD_BYTES));
    payload.extend_from_slice(serde_json::to_string(&label)?.as_bytes());
    payload.push(b'\n');
    payload.extend_from_slice(value.expose().as_bytes());
    payload.push(b'\n');
    Ok(payload)
}

/// Opens a value and checks that it was sealed for this place.
///
/// # Errors
/// Where it is sealed to other keys, damaged, or of another site, secret or version.
pub fn open(sealed: &[u8], key: &Key, wanted: &SecretRef) -> Result<SecretValue, Error> {
    let damaged = || Error::Damaged(Box::new(wanted.clone()));
    if sealed.len() as u64 > SEALED_SIZE_BYTES {
        return Err(damaged());
    }
    let decryptor = age::Decryptor::new(sealed).map_err(|_| damaged())?;
    let reader = decryptor.decrypt(std::iter::once(&key.0 as &dyn age::Identity));
    let reader = reader.map_err(|error| {
        let other = matches!(error, age::DecryptError::NoMatchingKeys);
        if other { Error::OtherKey(Box::new(wanted.clone())) } else { damaged() }
    })?;
    let mut payload = Zeroizing::new(Vec::with_capacity(PAYLOAD_BYTES));
    let most = PAYLOAD_BYTES as u64;
    reader.take(most).read_to_end(&mut payload).map_err(|_| damaged())?;
    let text = std::str::from_utf8(&payload).map_err(|_| damaged())?;
    let (label, value) = text.split_once('\n').ok_or_else(damaged)?;
    let value = value.strip_suffix('\n').ok_or_else(damaged)?;
    let Label { format, site, secret, version, padding: _ } =
        serde_json::from_str(label).map_err(|_| damaged())?;
    let found = SecretRef { site, secret, version };
    if found != *wanted {
        return Err(Error::Moved { wanted: Box::new(wanted.clone()), found: Box::new(found) });
    }
    if format != FORMAT || value.chars().count() as u64 > SECRET_CHARACTERS {
        return Err(damaged());
    }
    Ok(SecretValue::new(Zeroizing::new(value.to_owned())))
}

/// To how many X25519 recipients a sealed value is sealed; none where it is no age file. Which ones, nobody can tell who has
/// not their keys.
pub fn recipients_in(sealed: &[u8]) -> Option<usize> {
    // The header is text (https://age-encryption.org/v1): a version line, stanzas that begin with `->`, a line with the MAC.
    let mut lines = sealed.split(|byte| *byte == b'\n');
    if lines.next() != Some(b"age-encryption.org/v1") {
        return None;
    }
    let mut count = 0;
    for line in lines {
        if line.starts_with(b"--- ") {
            return Some(count);
        }
        count += usize::from(line.starts_with(b"-> X25519 "));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not compile where the type has the trait: two candidates for one name.
    macro_rules! has_not {
        ($type:ty: $($trait:path),+) => { $(const _: fn() = || {
            trait Ambiguous<A> { fn named() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Has;
            impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
            let _ = <$type as Ambiguous<_>>::named;
        };)+ };
    }
    has_not!(SecretValue: std::fmt::Debug, std::fmt::Display, Serialize, Clone, ToString);
    has_not!(Key: std::fmt::Debug, std::fmt::Display, Serialize, Clone, ToString);

    fn secret(name: &str, version: u64) -> SecretRef {
        SecretRef {
            site: "dupont-prod".parse().unwrap(),
            secret: name.parse().unwrap(),
            version: SecretVersion(version),
        }
    }

    fn value(text: &str) -> SecretValue {
        SecretValue::new(Zeroizing::new(text.to_owned()))
    }

    fn to(keys: &[&Key]) -> BTreeSet<Recipient> {
        keys.iter().map(|key| key.recipient().unwrap()).collect()
    }

    #[test]
    fn each_recipient_opens_it_and_nobody_else() {
        let (agent, recovery, other) = (Key::generate(), Key::generate(), Key::generate());
        for text in ["default", "pass\"word\\é ü", &"x".repeat(1_024)] {
            let sealed = seal(&secret("code", 3), &value(text), &to(&[&agent, &recovery])).unwrap();
            for key in [&agent, &recovery] {
                assert!(open(&sealed, key, &secret("code", 3)).unwrap().expose() == text);
            }
            assert!(matches!(open(&sealed, &other, &secret("code", 3)), Err(Error::OtherKey(_))));
            assert_eq!(recipients_in(&sealed), Some(2));
        }
    }

    #[test]
    fn a_ciphertext_that_was_moved_is_found_out() {
        let key = Key::generate();
        let sealed = seal(&secret("code", 3), &value("0123456789"), &to(&[&key])).unwrap();
        let other_site = SecretRef { site: "nord-prod".parse().unwrap(), ..secret("code", 3) };
        for place in [secret("code", 2), secret("batch_password", 3), other_site] {
            let Err(error) = open(&sealed, &key, &place) else { panic!("it opened as {place:?}") };
            assert!(matches!(error, Error::Moved { .. }) && !error.to_string().contains("0123456789"));
        }
    }

    #[test]
    fn a_damaged_one_is_damaged_and_nothing_panics() {
        let key = Key::generate();
        let sealed = seal(&secret("code", 1), &value("0123456789"), &to(&[&key])).unwrap();
        for index in 0..sealed.len() {
            let mut bytes = sealed.clone();
            bytes[index] ^= 1;
            assert!(open(&bytes, &key, &secret("code", 1)).is_err(), "byte {index}");
            assert!(open(&sealed[..index], &key, &secret("code", 1)).is_err(), "cut at {index}");
        }
        assert_eq!(recipients_in(b"hello"), None);
        assert!(matches!(seal(&secret("code", 1), &value("x"), &BTreeSet::new()), Err(Error::Nobody)));
    }

    #[test]
    fn the_length_of_a_ciphertext_says_little_of_the_value() {
        let length = |text: &str| payload(&secret("code", 1), &value(text)).unwrap().len();
        assert_eq!(length("default") % PADDED_BYTES, 0);
        assert_eq!(length("default"), length("a rather long pass phrase of many words"));
    }

    #[test]
    fn a_key_file_is_read_back_comments_and_all() {
        let key = Key::generate();
        let file = format!("# made today\n# public key: {}\r\n{}", key.recipient().unwrap(), *key.to_line());
        assert_eq!(Key::parse(&file).unwrap().recipient().unwrap(), key.recipient().unwrap());
        for wrong in ["", "# only a comment", "AGE-SECRET-KEY-1QQQ", &format!("{0}{0}", *key.to_line())] {
            assert!(matches!(Key::parse(wrong), Err(Error::KeyFile)));
        }
    }
}

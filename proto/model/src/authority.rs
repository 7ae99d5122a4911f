//! The certificates of an authority, as a document has them: PEM, and nothing secret.
//!
//! Neighbours: a site's `endpoints` are read by it, the agent judges a SQL Server's certificate with it. Knows the outer shape of a
//! certificate alone: what is in it is for those who use it.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::AUTHORITY_SIZE_BYTES;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// One or more certificates of authorities; never none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertificateAuthority {
    pem: String,
    certificates: Vec<Vec<u8>>,
}

/// Text that is no PEM of certificates. It never shows the text, which may be a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidAuthority {
    /// A key among the certificates, or in their place.
    #[error("holds a private key, which belongs in no document")]
    Key,
    /// Too long.
    #[error("is longer than {AUTHORITY_SIZE_BYTES} bytes")]
    Size,
    /// Something else.
    #[error("is no certificate in PEM")]
    Shape,
}

impl CertificateAuthority {
    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.pem
    }

    /// Each certificate, in DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(Vec::as_slice)
    }
}

impl TryFrom<String> for CertificateAuthority {
    type Error = InvalidAuthority;
    fn try_from(pem: String) -> Result<Self, InvalidAuthority> {
        let certificates = certificates(&pem)?;
        Ok(Self { pem, certificates })
    }
}

impl FromStr for CertificateAuthority {
    type Err = InvalidAuthority;
    fn from_str(text: &str) -> Result<Self, InvalidAuthority> {
        Self::try_from(text.to_owned())
    }
}

impl From<CertificateAuthority> for String {
    fn from(authority: CertificateAuthority) -> String {
        authority.pem
    }
}

/// The certificates of a text (RFC 7468, section 5), and nothing beside them but empty lines.
fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, InvalidAuthority> {
    if pem.contains("PRIVATE KEY") {
        return Err(InvalidAuthority::Key);
    }
    if u64::try_from(pem.len()).unwrap_or(u64::MAX) > AUTHORITY_SIZE_BYTES {
        return Err(InvalidAuthority::Size);
    }
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in pem.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match (line, open.as_mut()) {
            (BEGIN, None) => open = Some(String::new()),
            (END, Some(text)) => {
                let der = STANDARD.decode(text.as_bytes()).map_err(|_| InvalidAuthority::Shape)?;
                if !is_whole_sequence(&der) {
                    return Err(InvalidAuthority::Shape);
                }
                found.push(der);
                open = None;
            }
            (text, Some(before)) => before.push_str(text),
            (_, None) => return Err(InvalidAuthority::Shape),
        }
    }
    if open.is_some() || found.is_empty() { Err(InvalidAuthority::Shape) } else { Ok(found) }
}

/// Whether it is one SEQUENCE of DER, to its last byte; a certificate's length takes two bytes, rarely one or three.
fn is_whole_sequence(der: &[u8]) -> bool {
    let (head, length) = match der {
        [0x30, 0x81, a, ..] => (3, usize::from(*a)),
        [0x30, 0x82, a, b, ..] => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        _ => return false,
    };
    der.len() == head + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
    }

    #[test]
    fn certificates_are_taken_one_by_one_and_shown_as_they_were_written() {
        let (one, other) = ([&[0x30, 0x81, 0x80], [7; 0x80].as_slice()].concat(), vec![0x30, 0x82, 0, 1, 9]);
        let text = format!("\n  {}\r\n{}", pem(&one), pem(&other));
        let read: CertificateAuthority = text.parse().unwrap();
        assert_eq!(read.as_str(), text);
        assert_eq!(read.certificates().collect::<Vec<_>>(), [one.as_slice(), other.as_slice()]);
    }

    #[test]
    fn what_is_no_certificate_is_refused_and_never_shown() {
        let whole = pem(&[0x30, 0x82, 0, 1, 9]);
        let wrong = |text: &str| text.parse::<CertificateAuthority>().unwrap_err();
        for text in [
            "",
            "MIIB",
            &pem(&[0x30, 0x82, 0, 2, 9]),
            &pem(&[0x30, 0x82, 0, 0, 9]),
            &pem(b"words"),
            &whole.replace("MIIA", "MI!A"),
            &whole.replace(END, ""),
            &(whole.clone() + &whole.replace(END, "")),
            &format!("{whole}words"),
            &whole.replace("CERTIFICATE", "X509 CRL"),
        ] {
            assert_eq!(wrong(text), InvalidAuthority::Shape, "{text}");
        }
        let key = whole.clone() + "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";
        assert_eq!(wrong(&key), InvalidAuthority::Key);
        assert!(!wrong(&key).to_string().contains("hunter2"));
        let long = whole.repeat(usize::try_from(AUTHORITY_SIZE_BYTES).unwrap());
        assert_eq!(wrong(&long), InvalidAuthority::Size);
    }
}

//! Which certificate of a server's own store is meant, as documents name it: by thumbprint, subject or common name.
//!
//! Neighbours: nodes of several kinds name the same certificate in the same words, which is how `resolve` finds the edges
//! between them. The agent chooses where several match.

use std::convert::Infallible;
use std::str::FromStr;

/// The name of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateName {
    /// 40 hexadecimal digits, in capitals: the SHA-1 of the certificate, as Windows shows it.
    Thumbprint(String),
    /// The whole subject, as in `CN=sxa.dupont.example, O=Dupont`.
    Subject(String),
    /// The common name alone, as in `Sage.fcs.client`.
    CommonName(String),
}

impl FromStr for CertificateName {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        Ok(if digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            Self::Thumbprint(digits.to_ascii_uppercase())
        } else if text.contains('=') {
            Self::Subject(text.to_owned())
        } else {
            Self::CommonName(text.to_owned())
        })
    }
}

impl CertificateName {
    /// Whether a certificate with this thumbprint and subject is meant. A subject is compared whole and never by a part.
    pub fn names(&self, thumbprint: &str, subject: &str) -> bool {
        match self {
            Self::Thumbprint(own) => own.eq_ignore_ascii_case(thumbprint),
            Self::Subject(own) => parts(own).eq(parts(subject)),
            Self::CommonName(own) => parts(subject)
                .any(|part| part.strip_prefix("cn=").is_some_and(|name| name == own.to_lowercase())),
        }
    }
}

/// The parts of a subject, in small letters, without the spaces between them.
fn parts(subject: &str) -> impl Iterator<Item = String> {
    subject.split(',').map(|part| part.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str, subject: &str) -> bool {
        let Ok(name) = name.parse::<CertificateName>();
        name.names("0123456789ABCDEF0123456789ABCDEF01234567", subject)
    }

    #[test]
    fn g16_a_certificate_is_meant_whole_and_never_by_a_part_of_its_subject() {
        assert!(names("Sage.fcs.client", "CN=Sage.fcs.client"));
        assert!(names("Sage.fcs.client", "O=Sage, CN=Sage.fcs.client"));
        assert!(!names("Sage.fcs", "CN=Sage.fcs.client"));
        assert!(names("CN=a, O=b", "cn=A,O=b") && !names("CN=a", "CN=a, O=b"));
        assert!(names("01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 67", "CN=x"));
    }
}

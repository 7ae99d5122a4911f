//! Which certificate of a server is meant, as documents name it: by thumbprint, subject or common name, and in which store.
//!
//! The store is a part of the name, so that one subject in two stores is two nodes; the computer's own store is left out.
//! Neighbours: nodes of several kinds name the same certificate in the same words, which is how `resolve` finds the edges
//! between them. The agent chooses where several match.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A certificate store of the computer, LocalMachine's in Windows' words. Users' stores are never looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateStore {
    /// Personal, `MY`: the computer's own certificates with their keys.
    #[default]
    My,
    /// Trusted Root Certification Authorities, `Root`.
    Root,
    /// Intermediate Certification Authorities, `CA`.
    Ca,
    /// Trusted People, `TrustedPeople`.
    TrustedPeople,
    /// Web Hosting, `WebHosting`: as Personal, for servers with many sites.
    WebHosting,
}

impl CertificateStore {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::My, Self::Root, Self::Ca, Self::TrustedPeople, Self::WebHosting];

    /// The word for it in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::My => "my",
            Self::Root => "root",
            Self::Ca => "ca",
            Self::TrustedPeople => "trusted_people",
            Self::WebHosting => "web_hosting",
        }
    }

    /// The store's name in Windows, as in `Cert:\LocalMachine\Root`.
    pub fn windows_name(self) -> &'static str {
        match self {
            Self::My => "MY",
            Self::Root => "Root",
            Self::Ca => "CA",
            Self::TrustedPeople => "TrustedPeople",
            Self::WebHosting => "WebHosting",
        }
    }

    /// The folder that Windows' console for certificates (`certlm.msc`) shows it as.
    pub fn title(self) -> &'static str {
        match self {
            Self::My => "Personal",
            Self::Root => "Trusted Root Certification Authorities",
            Self::Ca => "Intermediate Certification Authorities",
            Self::TrustedPeople => "Trusted People",
            Self::WebHosting => "Web Hosting",
        }
    }

    /// Whether its certificates are the computer's own, each with its private key.
    pub fn keeps_keys(self) -> bool {
        matches!(self, Self::My | Self::WebHosting)
    }

    /// Who trusts a certificate because it is there; none where nobody does.
    pub fn trusted_by(self) -> Option<&'static str> {
        match self {
            Self::Root => Some("the whole computer, with all that it signs"),
            Self::TrustedPeople => Some("the whole computer, it alone"),
            Self::My | Self::Ca | Self::WebHosting => None,
        }
    }

    /// How documents name that certificate of the store, be it by thumbprint or subject: the store's word before a slash, but
    /// for the computer's own.
    pub fn name_of(self, which: &str) -> String {
        if self == Self::My { which.to_owned() } else { format!("{self}/{which}") }
    }

    /// The store that a name says, and which certificate of it. Whatever begins with no store's word is one of the computer's
    /// own, slashes and all.
    pub fn split(name: &str) -> (Self, &str) {
        let named = name.split_once('/').and_then(|(word, which)| Some((store(word)?, which)));
        named.unwrap_or((Self::My, name))
    }

    /// The store that Windows calls so, whatever the case.
    pub fn of_windows(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|store| store.windows_name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for CertificateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a certificate: `CN=sxa.dupont.example`, or, in another store than the computer's own, `root/CN=Dupont CA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateName {
    /// Where it lies.
    pub store: CertificateStore,
    /// Which one of that store.
    pub which: Which,
}

/// Which certificate of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
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
        let (store, text) = CertificateStore::split(text);
        Ok(Self { store, which: which(text) })
    }
}

/// The store that is named before a slash; its own is never.
fn store(word: &str) -> Option<CertificateStore> {
    let named = CertificateStore::ALL.into_iter().find(|store| store.as_str() == word);
    named.filter(|store| *store != CertificateStore::My)
}

fn which(text: &str) -> Which {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Which::Thumbprint(digits.to_ascii_uppercase())
    } else if text.contains('=') {
        Which::Subject(text.to_owned())
    } else {
        Which::CommonName(text.to_owned())
    }
}

impl CertificateName {
    /// Whether a certificate of its store with this thumbprint and subject is meant. A subject is compared whole and never by
    /// a part.
    pub fn names(&self, thumbprint: &str, subject: &str) -> bool {
        match &self.which {
            Which::Thumbprint(own) => own.eq_ignore_ascii_case(thumbprint),
            Which::Subject(own) => parts(own).eq(parts(subject)),
            Which::CommonName(own) => parts(subject)
                .any(|part| part.strip_prefix("cn=").is_some_and(|name| plain(name) == own.to_lowercase())),
        }
    }

    /// That there is none, in words.
    pub fn missing(&self) -> String {
        let which = match &self.which {
            Which::Thumbprint(text) | Which::Subject(text) | Which::CommonName(text) => text,
        };
        let with_its_key = if self.store.keeps_keys() { " with its key" } else { "" };
        let place = match self.store {
            CertificateStore::My => "the computer's own store".to_owned(),
            CertificateStore::Root
            | CertificateStore::Ca
            | CertificateStore::TrustedPeople
            | CertificateStore::WebHosting => format!("the computer's store {}", self.store.title()),
        };
        format!("no certificate {which}{with_its_key} is in {place}")
    }

    /// Whether it is that certificate and no other, whatever a file says of itself.
    pub fn is_exact(&self) -> bool {
        matches!(self.which, Which::Thumbprint(_))
    }
}

/// Whether a text can name a certificate: no blanks at its ends, something behind the store's word, and no word of a store
/// that there is not. A common name may have slashes, as in `HTTP/web01`: only what is a store's word in other letters, or stands
/// before a subject or a thumbprint, was meant for one.
pub fn is_certificate_name(text: &str) -> bool {
    let Some((word, rest)) = text.split_once('/').filter(|(word, _)| !word.contains('=')) else {
        return !text.is_empty() && text.trim() == text;
    };
    let bare = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let is_like = |store: &CertificateStore| {
        [store.as_str(), store.title()].iter().any(|known| bare(known) == bare(word))
    };
    let is_meant = CertificateStore::ALL.iter().any(is_like) || !matches!(which(rest), Which::CommonName(_));
    text.trim() == text && rest.trim() == rest && (store(word).is_some() && !rest.is_empty() || !is_meant)
}

/// The parts of a subject, in small letters, without the spaces between them. Within quotation marks, which Windows writes
/// round a value that has one, a comma parts nothing.
fn parts(subject: &str) -> impl Iterator<Item = String> {
    let mut is_quoted = false;
    let parted = subject.split(move |c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    parted.map(|part| part.trim().to_lowercase())
}

/// A value without the quotation marks that stand round it; one within is doubled.
fn plain(value: &str) -> String {
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.map_or_else(|| value.to_owned(), |inner| inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

    fn read(name: &str) -> CertificateName {
        let Ok(name) = name.parse();
        name
    }

    fn names(name: &str, subject: &str) -> bool {
        read(name).names(DIGITS, subject)
    }

    #[test]
    fn g16_a_certificate_is_meant_whole_and_never_by_a_part_of_its_subject() {
        assert!(names("Sage.fcs.client", "CN=Sage.fcs.client"));
        assert!(names("Sage.fcs.client", "O=Sage, CN=Sage.fcs.client"));
        assert!(!names("Sage.fcs", "CN=Sage.fcs.client"));
        assert!(names("CN=a, O=b", "cn=A,O=b") && !names("CN=a", "CN=a, O=b"));
        assert!(names("01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 67", "CN=x"));
    }

    /// Whoever gets a certificate signed for an organisation of his choice must not be taken for another by it.
    #[test]
    fn a_comma_in_quotation_marks_parts_nothing() {
        assert!(!names("Sage.fcs.client", r#"O="x, CN=Sage.fcs.client, y", CN=other"#));
        assert!(names("other", r#"O="x, CN=Sage.fcs.client, y", CN=other"#));
        assert!(names("Dupont, SA", r#"CN="Dupont, SA", O=x"#) && !names("Dupont", r#"CN="Dupont, SA""#));
        assert!(names(r#"a "b", c"#, r#"CN="a ""b"", c""#));
        assert!(names(r#"CN="Dupont, SA", O=x"#, r#"cn="Dupont, SA",O=x"#));
    }

    #[test]
    fn a_store_is_named_before_a_slash_and_a_name_without_one_is_of_the_computer_s_own() {
        for store in CertificateStore::ALL.into_iter().filter(|store| *store != CertificateStore::My) {
            assert_eq!(read(&format!("{store}/CN=a")).store, store);
            assert_eq!(CertificateStore::split(&store.name_of("CN=a/b")), (store, "CN=a/b"));
            assert!(names(&format!("{store}/CN=a"), "CN=a") && names(&format!("{store}/{DIGITS}"), "CN=a"));
            assert_eq!(CertificateStore::of_windows(&store.windows_name().to_uppercase()), Some(store));
        }
        // As documents have always named them.
        for own in ["CN=a/b", "HTTP/web01", "a/b", DIGITS, "CN=root/a"] {
            assert_eq!(read(own).store, CertificateStore::My, "{own}");
            assert_eq!(
                CertificateStore::split(&CertificateStore::My.name_of(own)),
                (CertificateStore::My, own)
            );
            assert!(is_certificate_name(own), "{own}");
        }
        assert!(names("HTTP/web01", "CN=HTTP/web01") && names("CN=a/b", "CN=a/b"));
    }

    /// What the agent opens, and where a person looks.
    #[test]
    fn a_store_has_windows_own_name_and_the_title_of_its_folder() {
        assert_eq!(
            CertificateStore::ALL.map(|store| (store.as_str(), store.windows_name(), store.title())),
            [
                ("my", "MY", "Personal"),
                ("root", "Root", "Trusted Root Certification Authorities"),
                ("ca", "CA", "Intermediate Certification Authorities"),
                ("trusted_people", "TrustedPeople", "Trusted People"),
                ("web_hosting", "WebHosting", "Web Hosting"),
            ]
        );
    }

    #[test]
    fn a_store_that_there_is_not_names_nothing() {
        for good in ["root/CN=a", "trusted_people/a", "web_hosting/HTTP/web01"] {
            assert!(is_certificate_name(good), "{good}");
        }
        let typed = format!("rot/{DIGITS}");
        for bad in [
            "",
            "root/",
            " a",
            "root/ a",
            "my/CN=a",
            "My/a",
            "Root/a",
            "WebHosting/a",
            "Web Hosting/a",
            "rot/CN=a",
            &typed,
            "Personal/a",
        ] {
            assert!(!is_certificate_name(bad), "{bad}");
        }
    }
}

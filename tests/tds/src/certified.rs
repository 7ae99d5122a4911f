//! Certificates that a played server shows: one that it signed itself, or one of an authority that is made for a story.
//!
//! Neighbours: `wire` makes TLS of one. Keys of stories, in memory alone.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;

use crate::wire::config;

/// A certificate that a server shows, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// An authority of a story.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Shown {
    /// The certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// TLS with it.
    pub fn tls(&self) -> Arc<ServerConfig> {
        config(self)
    }

    /// One that signs itself, as SQL Server makes one.
    pub(crate) fn by_itself() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["SSL_Self_Signed_Fallback".to_owned()]);
        let made = made.expect("a certificate can be made");
        Self { certificate: made.cert.der().to_vec(), key: made.signing_key.serialize_der() }
    }
}

impl Authority {
    /// One of that name. Two of one name have two keys.
    ///
    /// # Panics
    /// Where no certificate can be made.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = params.self_signed(&key).expect("a certificate can be made").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, as a document has it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for that host, a name or an address.
    ///
    /// # Panics
    /// Where no certificate can be made.
    pub fn server(&self, host: &str) -> Shown {
        self.sign(CertificateParams::new([host.to_owned()]).expect("a host"))
    }

    /// The same, whose time is over.
    ///
    /// # Panics
    /// Where no certificate can be made.
    pub fn ended(&self, host: &str) -> Shown {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host");
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Shown {
        let key = KeyPair::generate().expect("a key can be made");
        let made = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        Shown { certificate: made.der().to_vec(), key: key.serialize_der() }
    }
}

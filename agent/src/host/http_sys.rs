//! The port to HTTP.SYS: which certificate answers at an address and port, or for a host name and port.
//!
//! Neighbours: `resource::iis_binding` calls it. Records belong to nobody: bindings of several sites may share one, and other
//! programs than IIS have some.

use std::net::SocketAddr;

use muster_model::certificate::CertificateStore;

use super::{Error, KeyOf};

/// Who IIS says it is in a record.
pub const IIS_APP_ID: &str = "{4dc3e181-e14b-4a21-b022-59fc669b0914}";

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SslRecord {
    /// The certificate's thumbprint.
    pub thumbprint: String,
    /// The store that HTTP.SYS looks for it in; none for one that documents cannot name.
    pub store: Option<CertificateStore>,
    /// Whose record it is.
    pub app_id: String,
}

/// Records of HTTP.SYS, by `address:port` or `host:port`.
pub trait HttpSys {
    /// The record at that endpoint, or none.
    fn record(&self, endpoint: &str) -> Result<Option<SslRecord>, Error>;
    /// The records at that port that stand at an address, and not for a host name; every address among them (`0.0.0.0`).
    fn records_at(&self, port: u16) -> Result<Vec<(SocketAddr, SslRecord)>, Error>;
    /// Sets IIS's record there to that certificate, which has its key.
    fn set_record(&self, endpoint: &str, certificate: KeyOf<'_>) -> Result<(), Error>;
    /// Takes the record away.
    fn remove_record(&self, endpoint: &str) -> Result<(), Error>;
}

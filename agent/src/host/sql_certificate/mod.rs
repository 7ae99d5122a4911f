//! The certificate that a SQL Server shows, judged by the authority that a site's documents name.
//!
//! The client of SQL Server judges by Windows' own store, or compares with one certificate byte by byte, and knows no other
//! authority. So the server is met once before: no more is said to it than what comes before a log-on, and a handshake of
//! TLS. The certificate that has proved itself there is the one that the client is told to insist on. Neighbours:
//! `host::windows::sql` brings the stream and the limit of time, and hands on what came. Never logs on. Revocation is not
//! looked at.

use std::fmt;
use std::io;
use std::sync::Arc;

use muster_model::authority::CertificateAuthority;
use muster_model::limits::TLS_FLIGHT_SIZE_BYTES;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What comes before the log-on, and each flight of the handshake of TLS (MS-TDS 2.2.6.5 and 2.2.3.1.1).
const PRELOGIN: u8 = 0x12;
/// The option that says what each side wants of encryption.
const ENCRYPTION: u8 = 1;
const NOT_SUPPORTED: u8 = 2;
const END_OF_OPTIONS: u8 = 0xFF;
const HEADER_BYTES: usize = 8;
/// The size of a packet that both sides take before they agree on another.
const PACKET_BYTES: usize = 4096;
const END_OF_MESSAGE: u8 = 1;

/// Why a SQL Server is not the one that is meant, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be met.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What it said is no beginning of TDS.
    #[error("what answers there speaks no TDS")]
    Tds,
    /// It encrypts nothing.
    #[error(
        "it knows no encryption: give it a certificate (SQL Server Configuration Manager, Protocols, Certificate)"
    )]
    NoEncryption,
    /// The authority itself.
    #[error("certificate_authority of its endpoint holds something that is no authority's certificate ({0})")]
    Authority(rustls::Error),
    /// Signed by somebody else.
    #[error(
        "its certificate was not signed by certificate_authority of its endpoint ({0}): write the authority that signed it there, or \
         give SQL Server a certificate of that one; whoever answers may be somebody else"
    )]
    Untrusted(CertificateError),
    /// Of another computer.
    #[error(
        "its certificate is for {}, and the endpoint's address has {host}: write the address with a name that it bears, or give \
         SQL Server a certificate for this one; whoever answers may be somebody else", names(.presented)
    )]
    OtherName {
        /// The name in the address.
        host: String,
        /// The alternative names in the certificate.
        presented: Vec<String>,
    },
    /// At another time.
    #[error("its certificate is not valid at this time ({0}): renew it, or set the clock of this computer")]
    Time(CertificateError),
    /// Anything else of TLS.
    #[error("no TLS with it: {0}; it takes TLS 1.2 with ECDHE, which Windows Server 2016 and later have")]
    Tls(rustls::Error),
}

fn names(presented: &[String]) -> impl fmt::Display {
    if presented.is_empty() {
        "no computer (no subject alternative name)".to_owned()
    } else {
        presented.join(", ")
    }
}

/// Meets the server at the other end and gives its certificate, in DER: one of that authority, for that host, valid now.
///
/// # Errors
/// Where it shows none such; each error says what to do.
pub async fn judged<S>(mut stream: S, host: &str, authority: &CertificateAuthority) -> Result<Vec<u8>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut tls = ClientConnection::new(config(authority)?, server_name(host)?).map_err(Error::Tls)?;
    send(&mut stream, &prelogin()).await?;
    if encryption(&receive(&mut stream).await?).ok_or(Error::Tds)? == NOT_SUPPORTED {
        return Err(Error::NoEncryption);
    }
    while tls.is_handshaking() {
        flush(&mut tls, &mut stream).await?;
        if !tls.is_handshaking() {
            break;
        }
        let flight = receive(&mut stream).await?;
        let mut rest = flight.as_slice();
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            if let Err(error) = tls.process_new_packets() {
                // That it is not believed is told to it; whether it hears that is nobody's concern.
                let _told = flush(&mut tls, &mut stream).await;
                return Err(refusal(error, host));
            }
        }
    }
    flush(&mut tls, &mut stream).await?;
    let shown = tls.peer_certificates().and_then(<[CertificateDer<'_>]>::first);
    shown.map(|certificate| certificate.to_vec()).ok_or(Error::Tds)
}

fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| Error::OtherName { host: host.to_owned(), presented: Vec::new() })
}

fn config(authority: &CertificateAuthority) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in authority.certificates() {
        roots.add(CertificateDer::from(certificate.to_vec())).map_err(Error::Authority)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(Arc::new(config.map_err(Error::Tls)?.with_root_certificates(roots).with_no_client_auth()))
}

fn refusal(error: rustls::Error, host: &str) -> Error {
    let rustls::Error::InvalidCertificate(problem) = error else { return Error::Tls(error) };
    if let CertificateError::NotValidForNameContext { presented, .. } = problem {
        return Error::OtherName { host: host.to_owned(), presented };
    }
    let is_of_time = matches!(
        problem,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    );
    if is_of_time { Error::Time(problem) } else { Error::Untrusted(problem) }
}

/// This side's half of what comes before the log-on: encryption is wanted.
fn prelogin() -> Vec<u8> {
    // Number, offset and length of each option, then their values (MS-TDS 2.2.6.5): version, encryption.
    let mut bytes = vec![0, 0, 11, 0, 6, ENCRYPTION, 0, 17, 0, 1, END_OF_OPTIONS];
    bytes.extend([0; 6]);
    bytes.push(1);
    bytes
}

/// What the other side says of encryption.
fn encryption(options: &[u8]) -> Option<u8> {
    let mut at = 0;
    loop {
        match options.get(at..)? {
            [ENCRYPTION, high, low, ..] => {
                return options.get(usize::from(u16::from_be_bytes([*high, *low]))).copied();
            }
            [END_OF_OPTIONS, ..] | [] => return None,
            [..] => at += 5,
        }
    }
}

async fn flush<S: AsyncWrite + Unpin>(tls: &mut ClientConnection, stream: &mut S) -> io::Result<()> {
    let mut flight = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut flight)?;
    }
    if flight.is_empty() { Ok(()) } else { send(stream, &flight).await }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, message: &[u8]) -> io::Result<()> {
    let parts = message.chunks(PACKET_BYTES - HEADER_BYTES);
    let last = parts.len();
    for (number, part) in (1_u8..).zip(parts) {
        let status = if usize::from(number) == last { END_OF_MESSAGE } else { 0 };
        let [high, low] = u16::try_from(HEADER_BYTES + part.len()).map_err(io::Error::other)?.to_be_bytes();
        let head = [PRELOGIN, status, high, low, 0, 0, number, 0];
        stream.write_all(&[head.as_slice(), part].concat()).await?;
    }
    stream.flush().await
}

/// The next message of the other side, whatever its type is: SQL Server answers the first in one of another.
async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Error> {
    let mut message = Vec::new();
    loop {
        let mut head = [0; HEADER_BYTES];
        stream.read_exact(&mut head).await?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let mut part = vec![0; length.checked_sub(HEADER_BYTES).ok_or(Error::Tds)?];
        stream.read_exact(&mut part).await?;
        message.append(&mut part);
        if u64::try_from(message.len()).unwrap_or(u64::MAX) > TLS_FLIGHT_SIZE_BYTES {
            return Err(Error::Tds);
        }
        if head[1] & END_OF_MESSAGE != 0 {
            return Ok(message);
        }
    }
}

#[cfg(test)]
mod tests;

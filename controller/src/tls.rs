//! The one door: accepts connections, ends TLS, and says who the peer is.
//!
//! Neighbours: `serve` starts it and hands its connections to tonic; `access` judges every call by the [`Peer`] that is
//! made here. A client certificate is optional, because a server that enrols has none yet; one that is shown must be the
//! authority's. Revocation is asked after every handshake, also a resumed one, and an open connection is cut the moment its
//! certificate is revoked or expires. TLS 1.3 only, with a hybrid post-quantum key exchange where the client has one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use jiff::Timestamp;
use muster_model::identity::Identity;
use muster_model::limits;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::authority::Revocations;
use crate::clock::Clock;

/// Connections that passed the handshake and wait for tonic to take them.
const QUEUE: usize = 64;
/// How long to wait after the machine refused to accept, as when it has no file handle left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Why the door cannot open.
#[derive(Debug, Error)]
pub enum Error {
    /// The controller's key, certificate or authority cannot be used.
    #[error("the controller's {0} cannot be used")]
    Files(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a connection was not let in.
#[derive(Debug, Error)]
enum Refused {
    #[error("the handshake took too long")]
    Slow(#[from] tokio::time::error::Elapsed),
    #[error("the handshake failed")]
    Handshake(#[from] io::Error),
    #[error("the certificate names no identity of Muster: {0}")]
    Identity(String),
    #[error("the certificate {0} was revoked")]
    Revoked(String),
    #[error("too many connections without a certificate are open")]
    Crowded,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// What its certificate says; none where it showed none.
    pub holder: Option<Holder>,
}

/// The holder of a certificate of the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who it is.
    pub identity: Identity,
    /// The certificate's serial number, 32 hexadecimal digits.
    pub serial: String,
    /// The certificate's end.
    pub expires_at: Timestamp,
}

/// How this end does TLS: from the controller's PEM file (key, certificate, authority).
///
/// # Errors
/// Where the file does not hold the three.
pub fn config(chain_pem: &str) -> Result<Arc<ServerConfig>, Error> {
    let key = PrivateKeyDer::from_pem_slice(chain_pem.as_bytes())
        .map_err(|error| Error::Files("key", error.into()))?;
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::Files("certificate", error.into()))?;
    let authority = chain.last().cloned().ok_or_else(|| Error::Files("authority", "there is none".into()))?;
    let mut roots = RootCertStore::empty();
    roots.add(authority).map_err(|error| Error::Files("authority", error.into()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| Error::Files("authority", error.into()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| Error::Files("set of TLS versions", error.into()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| Error::Files("certificate and key", error.into()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// The acceptor's settings.
pub struct Acceptor {
    /// How this end does TLS.
    pub config: Arc<ServerConfig>,
    /// The revoked serial numbers.
    pub revocations: Revocations,
    /// What certificates' ends are judged by.
    pub clock: Clock,
    /// Becomes true when every connection is to be cut: the controller's time to stop is over.
    pub cut: watch::Receiver<bool>,
}

impl Acceptor {
    /// Accepts connections for as long as the returned stream lives; each that comes out has passed the handshake.
    pub fn accept(self, listener: TcpListener) -> Connections {
        let (out, connections) = mpsc::channel(QUEUE);
        let this = Arc::new(self);
        let task = tokio::spawn(async move {
            let permits = places(limits::HANDSHAKES);
            let strangers = places(limits::STRANGERS);
            while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
                let (tcp, address) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(ACCEPT_AGAIN).await;
                        continue;
                    }
                };
                let (this, out, strangers) = (Arc::clone(&this), out.clone(), Arc::clone(&strangers));
                tokio::spawn(async move {
                    let outcome = this.handshake(tcp, address, strangers).await;
                    drop(permit);
                    match outcome {
                        Ok(connection) => {
                            if out.send(Ok(connection)).await.is_err() {
                                tracing::debug!(%address, "a connection came while the controller stops");
                            }
                        }
                        Err(error) => {
                            tracing::info!(%address, error = &error as &dyn std::error::Error, "not let in");
                        }
                    }
                });
            }
        });
        Connections { connections, task }
    }

    async fn handshake(
        &self,
        tcp: TcpStream,
        address: SocketAddr,
        strangers: Arc<Semaphore>,
    ) -> Result<Connection, Refused> {
        tcp.set_nodelay(true)?;
        let limit = Duration::from_millis(limits::HANDSHAKE_MS);
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        let tls = tokio::time::timeout(limit, acceptor.accept(tcp)).await??;
        let certificate = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let holder =
            certificate.map(|certificate| holder(certificate)).transpose().map_err(Refused::Identity)?;
        if let Some(holder) = &holder
            && self.revocations.contains(&holder.serial)
        {
            return Err(Refused::Revoked(holder.serial.clone()));
        }
        let place = match &holder {
            None => Some(strangers.try_acquire_owned().map_err(|_| Refused::Crowded)?),
            Some(_) => None,
        };
        let peer = Peer { address, holder };
        let end = Box::pin(end(peer.clone(), self.revocations.clone(), self.clock.clone(), self.cut.clone()));
        Ok(Connection { tls, peer, end, ended: false, _place: place })
    }
}

fn places(count: u64) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS)))
}

/// Waits until a connection may live no longer.
async fn end(peer: Peer, revocations: Revocations, clock: Clock, mut cut: watch::Receiver<bool>) {
    let lifetime = async {
        match &peer.holder {
            None => tokio::time::sleep(Duration::from_millis(limits::STRANGER_MS)).await,
            Some(holder) => {
                let left_ms = holder.expires_at.as_millisecond() - clock.now().as_millisecond();
                tokio::time::sleep(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))).await;
            }
        }
    };
    let revoked = async {
        match &peer.holder {
            None => std::future::pending().await,
            Some(holder) => revocations.revoked(&holder.serial).await,
        }
    };
    tokio::select! {
        () = lifetime => tracing::info!(address = %peer.address, "a connection's time is over"),
        () = revoked => tracing::warn!(address = %peer.address, "a connection is cut: its certificate was revoked"),
        // A sender that is gone has stopped as well.
        _ = cut.wait_for(|cut| *cut) => {}
    }
}

/// Who the certificate names: exactly one URI, in Muster's own form.
fn holder(der: &CertificateDer<'_>) -> Result<Holder, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let names = certificate.subject_alternative_name().map_err(|error| error.to_string())?;
    let mut uris = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    let (Some(uri), None) = (uris.next(), uris.next()) else {
        return Err("it must have exactly one URI".to_owned());
    };
    let identity = uri.parse().map_err(|error: muster_model::name::InvalidName| error.to_string())?;
    let serial = certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
    let expires_at = Timestamp::from_second(certificate.validity().not_after.timestamp())
        .map_err(|error| error.to_string())?;
    Ok(Holder { identity, serial, expires_at })
}

/// Connections that passed the handshake. Dropping it closes the listener.
pub struct Connections {
    connections: mpsc::Receiver<io::Result<Connection>>,
    task: tokio::task::JoinHandle<()>,
}

impl Stream for Connections {
    type Item = io::Result<Connection>;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.connections.poll_recv(context)
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, which fails all reads and writes once its end has come.
pub struct Connection {
    tls: TlsStream<TcpStream>,
    peer: Peer,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
    /// A stranger's place among [`limits::STRANGERS`].
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// An error from the moment on at which the connection's end has come; until then the task is woken by it.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.ended && self.end.as_mut().poll(context).is_ready() {
            self.ended = true;
        }
        if self.ended { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;
    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.tls).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.tls).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.tls).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.tls).poll_shutdown(context)
    }
}

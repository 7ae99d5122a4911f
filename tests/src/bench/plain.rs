//! The yardstick of a medium's journey: the same file over TLS and nothing else, with the controller's own key and settings.
//!
//! One connection through a [`Link`] that holds, read from a disk, written to a disk, flushed once. Neighbours: `medium` shows it
//! beside the real thing, which also compares each piece, flushes as it goes and reads the whole back.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use muster_controller::tls;
use muster_model::identity::CONTROLLER_NAME;
use muster_proto::profile::Profile;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::link::Link;

/// Copies a file, from whoever has the controller's data to whoever has that profile.
///
/// # Errors
/// Where it does not arrive.
pub async fn copy(data: &Path, profile: &Path, from: &Path, to: &Path) -> Result<()> {
    let server = tls::config(&std::fs::read_to_string(data.join("controller.pem"))?)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let link = Link::to(&listener.local_addr()?.to_string())?;
    let mut file = File::open(from).await?;
    let sending = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await?;
        let mut tls = TlsAcceptor::from(server).accept(tcp).await?;
        tokio::io::copy(&mut file, &mut tls).await?;
        tls.shutdown().await
    });
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(Profile::read(profile)?.ca_pem.as_bytes())?)?;
    let mut client =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from(CONTROLLER_NAME)?;
    let tcp = TcpStream::connect(link.address()).await?;
    let mut tls = TlsConnector::from(Arc::new(client)).connect(name, tcp).await?;
    let mut copy = File::create(to).await?;
    tokio::io::copy(&mut tls, &mut copy).await.context("the copy broke")?;
    copy.flush().await?;
    copy.sync_all().await?;
    Ok(sending.await??)
}

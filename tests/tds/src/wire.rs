//! Packets of TDS, in clear and through TLS (MS-TDS 2.2.3; the handshake of TLS is in packets of its own, 2.2.6.5).
//!
//! Neighbours: `session` reads and writes whole messages here. Never knows what is in one.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::certified::Shown;

/// A batch of T-SQL.
pub(crate) const BATCH: u8 = 0x01;
/// An answer.
pub(crate) const ANSWER: u8 = 0x04;
/// A request to stop.
pub(crate) const ATTENTION: u8 = 0x06;
/// A log-on.
pub(crate) const LOGIN7: u8 = 0x10;
/// What comes before the log-on, and the handshake of TLS.
pub(crate) const PRELOGIN: u8 = 0x12;

const HEADER_BYTES: usize = 8;
const END_OF_MESSAGE: u8 = 0x01;
/// The size of a packet that clients take before they agree on another.
const PACKET_BYTES: usize = 4096;

/// A connection.
#[expect(clippy::large_enum_variant, reason = "there is one for each connection, and it is not moved")]
pub(crate) enum Wire {
    /// In clear.
    Clear(TcpStream),
    /// Through TLS.
    Tls(StreamOwned<ServerConnection, TcpStream>),
}

impl Wire {
    /// Goes on through TLS.
    pub(crate) fn secured(self, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let Self::Clear(mut stream) = self else { return Err(io::Error::other("TLS in TLS")) };
        let mut tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let (_, payload) = read(&mut stream)?;
            let mut rest = payload.as_slice();
            while !rest.is_empty() {
                tls.read_tls(&mut rest)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
            let mut flight = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut flight)?;
            }
            if !flight.is_empty() {
                write(&mut stream, PRELOGIN, &flight)?;
            }
        }
        Ok(Self::Tls(StreamOwned::new(tls, stream)))
    }

    /// The next message: its type and what is in it.
    pub(crate) fn read(&mut self) -> io::Result<(u8, Vec<u8>)> {
        match self {
            Self::Clear(stream) => read(stream),
            Self::Tls(stream) => read(stream),
        }
    }

    /// Sends a message.
    pub(crate) fn write(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => write(stream, kind, payload),
            Self::Tls(stream) => write(stream, kind, payload),
        }
    }

    /// Waits until the client is gone.
    pub(crate) fn wait_until_gone(&self) {
        let stream = match self {
            Self::Clear(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        };
        let mut byte = [0];
        while matches!(stream.peek(&mut byte), Ok(1)) {
            // A client that asks to stop is no client that is gone.
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn read(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut message = Vec::new();
    loop {
        let mut header = [0; HEADER_BYTES];
        stream.read_exact(&mut header)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let body = length.checked_sub(HEADER_BYTES).ok_or_else(|| io::Error::other("a packet too short"))?;
        let start = message.len();
        message.resize(start + body, 0);
        stream.read_exact(&mut message[start..])?;
        if header[1] & END_OF_MESSAGE != 0 {
            return Ok((header[0], message));
        }
    }
}

fn write(stream: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    let mut parts = payload.chunks(PACKET_BYTES - HEADER_BYTES).peekable();
    let mut number = 1_u8;
    loop {
        let part = parts.next().unwrap_or_default();
        let status = if parts.peek().is_none() { END_OF_MESSAGE } else { 0 };
        let length = u16::try_from(HEADER_BYTES + part.len()).map_err(io::Error::other)?.to_be_bytes();
        let mut packet = vec![kind, status, length[0], length[1], 0, 0, number, 0];
        packet.extend_from_slice(part);
        stream.write_all(&packet)?;
        if status == END_OF_MESSAGE {
            return stream.flush();
        }
        number = number.wrapping_add(1);
    }
}

/// What TLS needs with that certificate. TLS 1.2 alone: SQL Server before 2022 knows no later one in this framing.
pub(crate) fn config(shown: &Shown) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(shown.key.clone()).expect("a key was made");
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("TLS 1.2 is known")
        .with_no_client_auth()
        .with_single_cert(vec![shown.certificate.clone().into()], key);
    Arc::new(config.expect("certificate and key belong together"))
}

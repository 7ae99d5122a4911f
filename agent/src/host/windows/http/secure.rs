//! Probes of addresses with TLS: whose certificate Windows takes, and what is said of one that it does not.
//!
//! The server is played, on loopback; its authority comes into the computer's store by the agent's own hand.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use muster_model::certificate::{CertificateName, CertificateStore};
use muster_tds::{Authority, Shown};
use rustls::{ServerConnection, Stream};

use super::super::WindowsHost;
use super::super::certificates::imported::remove;
use crate::host::{Certificates as _, Http as _};

const ROOT: &str = "Muster Story Root";

/// Answers every request that gets through TLS with 204, until the process ends; gives its port.
fn answering(shown: &Shown) -> u16 {
    let (config, listener) = (shown.tls(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut tcp in listener.incoming().map_while(Result::ok) {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut connection, &mut tcp);
            let mut request = [0; 4096];
            // Whoever does not like the certificate hangs up.
            if stream.read(&mut request).is_ok_and(|length| length > 0) {
                let _answered = stream.write_all(b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n");
            }
        }
    });
    port
}

/// The computer trusts no authority of this story, not even one of a run that was cut off.
fn trust_none(host: &WindowsHost) {
    let all = host.all(CertificateStore::Root).unwrap();
    for root in all.iter().filter(|root| root.subject.contains(ROOT)) {
        remove(CertificateStore::Root, &root.thumbprint).unwrap();
    }
}

/// What a process has once seen of the computer's authorities Wine keeps to its end: the trusted one comes first.
#[test]
fn a_certificate_is_taken_where_its_authority_is_trusted_for_its_own_name_and_no_other_one_s() {
    let folder = tempfile::tempdir().unwrap();
    let host = WindowsHost::new(Path::new(r"C:\logs"));
    trust_none(&host);
    let authority = Authority::new(ROOT);
    let file = folder.path().join("root.cer");
    std::fs::write(&file, authority.pem()).unwrap();
    let name: CertificateName = format!("root/{ROOT}").parse().unwrap();
    host.add(&name, file.to_str().unwrap()).unwrap();
    let port = answering(&authority.server("localhost"));
    assert_eq!(host.get(&format!("https://localhost:{port}/")).unwrap(), 204);

    let by_other = Authority::new(ROOT).server("localhost");
    for url in [format!("https://127.0.0.1:{port}/"), format!("https://localhost:{}/", answering(&by_other))]
    {
        let refused = host.get(&url).unwrap_err().to_string();
        assert!(refused.contains("error 121") && refused.contains("certificate"), "{refused}");
    }
    trust_none(&host);
}

//! Servers that are played, each with another certificate, and what the authority of the documents makes of them.

use muster_tds::{Authority, Server, State};
use tokio::net::TcpStream;

use super::*;

fn met(server: &Server, host: &str, authority: &Authority) -> Result<Vec<u8>, Error> {
    let authority: CertificateAuthority = authority.pem().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
        judged(stream, host, &authority).await
    })
}

#[track_caller]
fn refused(server: &Server, host: &str, authority: &Authority) -> String {
    met(server, host, authority).unwrap_err().to_string()
}

#[test]
fn a_server_is_believed_whose_certificate_is_the_authority_s_and_bears_its_name() {
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    let shown = authority.server("dup-sql01.dupont.local");
    let server = Server::start_certified(State::default(), [shown.clone()]);
    assert_eq!(met(&server, "DUP-SQL01.dupont.local", &authority).unwrap(), shown.certificate());
    let told = refused(&server, "dup-sql01.dupont.local", &other);
    assert!(told.contains("not signed by certificate_authority") && told.contains("or give"), "{told}");
    let told = refused(&server, "dup-sql02.dupont.local", &authority);
    assert!(told.contains("is for") && told.contains("dup-sql01.dupont.local"), "{told}");
    assert!(told.contains("has dup-sql02.dupont.local"), "{told}");
    assert!(server.state().journal.is_empty(), "nobody logged on");

    let by_number = Server::start_certified(State::default(), [authority.server("127.0.0.1")]);
    met(&by_number, "127.0.0.1", &authority).unwrap();
}

#[test]
fn a_certificate_that_signed_itself_or_has_ended_is_none_of_the_authority_s() {
    let authority = Authority::new("Dupont CA");
    let told = refused(&Server::start(State::default()), "dup-sql01", &authority);
    assert!(told.contains("not signed by certificate_authority"), "{told}");
    let ended = Server::start_certified(State::default(), [authority.ended("dup-sql01")]);
    let told = refused(&ended, "dup-sql01", &authority);
    assert!(told.contains("not valid at this time") && told.contains("clock"), "{told}");
}

#[test]
fn a_server_without_encryption_is_named_as_that_and_what_is_none_is_not_read() {
    let authority = Authority::new("Dupont CA");
    let told = refused(&Server::start_plain(State::default()), "dup-sql01", &authority);
    assert!(told.contains("knows no encryption"), "{told}");
    assert_eq!(encryption(b"HTTP/1.1 400 Bad Request\r\n"), None);
    assert_eq!(encryption(&prelogin()), Some(1));
    for cut in 0..prelogin().len() {
        assert_eq!(encryption(&prelogin()[..cut]), None, "{cut}");
    }
}

#[test]
fn what_the_documents_have_in_an_authority_s_place_is_named() {
    let no_authority = "-----BEGIN CERTIFICATE-----\nMIIAAQk=\n-----END CERTIFICATE-----\n".parse().unwrap();
    assert!(matches!(config(&no_authority), Err(Error::Authority(_))));
}

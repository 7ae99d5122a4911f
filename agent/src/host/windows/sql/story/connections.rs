//! The way to a SQL Server: log-ons, named pipes, and the certificate that is judged before them.

use muster_tds::pipe::Pipe;
use muster_tds::{Authority, Shown};

use super::*;

#[test]
fn who_is_not_let_in_is_told_why_and_nothing_goes_in_clear() {
    let server = Server::start(state());
    let wrong = WindowsHost::new(Path::new(r"C:\logs")).with_secrets(Arc::new(Opens("another")));
    let refused = wrong.database(&endpoint(&server), "SXA").unwrap_err();
    assert!(
        matches!(refused, Error::Refused { .. }) && refused.to_string().contains("Msg 18456"),
        "{refused}"
    );
    let absent = host().connect(&endpoint(&server), "SXA", false).map(|_| ()).unwrap_err().to_string();
    assert!(absent.contains("Msg 4060"), "{absent}");

    // Without a login Windows is to say who it is. Wine cannot, and nobody is taken for somebody.
    let nobody = Endpoint { login: None, ..endpoint(&server) };
    let before = server.log_ons();
    let said = host().database(&nobody, "SXA").unwrap_err();
    assert_eq!(server.log_ons(), before, "no other log-on in its place: {said}");
    assert!(server.state().journal.is_empty(), "nobody was let in");
    let plain = Server::start_plain(state());
    let error = host().database(&endpoint(&plain), "SXA").unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(plain.state().journal.is_empty(), "nobody logged on");
    let closed = Endpoint::new("main".parse().unwrap(), "127.0.0.1,9".parse().unwrap());
    assert!(matches!(
        host().database(&Endpoint { login: endpoint(&plain).login, ..closed }, "SXA"),
        Err(Error::Unreachable { .. })
    ));
}

/// The same server behind a pipe of this computer.
fn piped(server: &Server, pipe: &str) -> Endpoint {
    Endpoint { address: format!(r"np:\\localhost\pipe\{pipe}").parse().unwrap(), ..endpoint(server) }
}

/// Long enough to be many packets and many messages of the pipe, and what is asked does not depend on how it travels.
#[test]
fn through_a_named_pipe_a_server_is_as_through_its_port() {
    let (server, host) = (with_database(), host());
    let pipe = Pipe::open(r"muster-story-whole\sql\query", 2, server.port()).unwrap();
    let piped = piped(&server, r"muster-story-whole\sql\query");
    let mut session = host.connect(&piped, "SXA", false).unwrap();
    let long = "é".repeat(20_000);
    assert!(run(session.as_mut(), &format!("PRINT N'{long}'"), None).unwrap() == [long.as_str()]);
    run(session.as_mut(), "INSERT INTO T VALUES (1)", Some("1/9")).unwrap();
    assert_eq!(seen(&server), (1, Some("1/9".to_owned())));
    let wrong = WindowsHost::new(Path::new(r"C:\logs")).with_secrets(Arc::new(Opens("another")));
    let refused = wrong.database(&piped, "SXA").unwrap_err().to_string();
    assert!(refused.contains("Msg 18456"), "{refused}");
    server.arm("VALUES (2)", Moment::Before, Trouble::Lose);
    let lost = run(session.as_mut(), "INSERT INTO T VALUES (2)", Some("2/9"));
    assert!(matches!(lost, Err(SqlError::Lost(_))), "{lost:?}");
    drop(pipe);
    let gone = host.database(&piped, "SXA").unwrap_err();
    let Error::Unreachable { message, .. } = &gone else { panic!("{gone}") };
    assert!(message.contains("there is no such pipe") && message.contains("Configuration Manager"), "{gone}");
}

#[test]
fn a_pipe_whose_instances_are_all_in_use_is_waited_for() {
    let (server, host) = (with_database(), host());
    let _pipe = Pipe::open("muster-story-busy", 1, server.port()).unwrap();
    let piped = piped(&server, "muster-story-busy");
    let first = host.connect(&piped, "SXA", false).unwrap();
    let busy = std::fs::File::options().read(true).write(true).open(r"\\.\pipe\muster-story-busy");
    assert_eq!(busy.unwrap_err().raw_os_error(), Some(231), "it is in use");
    std::thread::scope(|scope| {
        let second = scope.spawn(|| self::host().database(&piped, "SXA").unwrap());
        drop(first);
        assert!(second.join().unwrap().is_some());
    });
}

/// A server with that certificate, and its endpoint with that authority.
fn certified(shown: &[Shown], authority: &Authority) -> (Server, Endpoint) {
    let server = Server::start_certified(state(), shown.to_vec());
    let endpoint = Endpoint {
        trust_certificate: false,
        authority: Some(authority.pem().parse().unwrap()),
        ..endpoint(&server)
    };
    (server, endpoint)
}

#[test]
fn a_server_is_let_near_the_password_only_with_the_authority_s_certificate_for_its_name() {
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    let (server, endpoint) = certified(&[authority.server("127.0.0.1")], &authority);
    let host = host();
    host.create_database(&endpoint, "SXA", &NewDatabase::default()).unwrap();
    assert!(host.database(&endpoint, "SXA").unwrap().is_some());
    let mut session = host.connect(&endpoint, "SXA", false).unwrap();
    run(session.as_mut(), "PRINT 'a'", None).unwrap();
    assert!(!server.state().journal.is_empty());

    let (by_other, wrong) = (other.server("127.0.0.1"), authority.server("dup-sql02"));
    for (shown, told) in [(by_other, "not signed by certificate_authority"), (wrong, "dup-sql02")] {
        let (server, endpoint) = certified(&[shown], &authority);
        let refused = host.database(&endpoint, "SXA").unwrap_err();
        assert!(matches!(refused, Error::Unreachable { .. }), "{refused}");
        let refused = refused.to_string();
        assert!(refused.contains(told) && refused.contains(&server.address()), "{refused}");
        assert_eq!(server.log_ons(), 0, "{told}");
    }
}

/// Between the one connection and the other somebody else may answer, with a certificate that is good, too, or with none such.
#[test]
fn a_server_that_shows_another_certificate_to_the_client_is_refused() {
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    for second in [authority.server("127.0.0.1"), other.server("127.0.0.1")] {
        let (server, endpoint) = certified(&[authority.server("127.0.0.1"), second], &authority);
        let refused = host().database(&endpoint, "SXA").unwrap_err().to_string();
        assert!(refused.contains("another certificate than a moment ago"), "{refused}");
        assert_eq!(server.log_ons(), 0, "nothing was sent to it");
    }
}

#[test]
fn the_certificate_is_judged_through_a_named_pipe_as_well_and_no_copy_of_it_stays() {
    let copies = || {
        let names = std::fs::read_dir(std::env::temp_dir()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("muster-") && name.ends_with(".cer")).count()
    };
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    let (server, endpoint) = certified(&[authority.server("localhost")], &authority);
    let _pipe = Pipe::open("muster-story-certified", 1, server.port()).unwrap();
    let piped = Endpoint { authority: endpoint.authority, ..piped(&server, "muster-story-certified") };
    let piped = Endpoint { trust_certificate: false, ..piped };
    assert_eq!(host().database(&piped, "SXA").unwrap(), None);
    let refused = Endpoint { authority: Some(other.pem().parse().unwrap()), ..piped };
    let refused = host().database(&refused, "SXA").unwrap_err().to_string();
    assert!(refused.contains("not signed by certificate_authority"), "{refused}");
    assert_eq!((server.log_ons(), copies()), (1, 0));
}

//! Every RPC against every kind of caller: the table is what happens.

use muster_controller::access::{Caller, allowed};
use muster_controller::clock::Clock;
use muster_proto::Method;
use muster_proto::dial::Credentials;
use tempfile::TempDir;
use tonic::Code;

use crate::fixture::{Fixture, options};

/// What a cell of the table expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The call reaches its handler, which may say anything but that the caller is not allowed.
    Reached,
    /// The handler never sees it.
    Denied(Code),
    /// No call is answered at all.
    NotLetIn,
}

fn expected(caller: Option<Caller>, method: Method) -> Expected {
    match caller {
        None => Expected::NotLetIn,
        Some(caller) if allowed(method).contains(&caller) => Expected::Reached,
        Some(Caller::Stranger) => Expected::Denied(Code::Unauthenticated),
        Some(Caller::Agent | Caller::Operator) => Expected::Denied(Code::PermissionDenied),
    }
}

async fn check(fixture: &Fixture, who: &str, caller: Option<Caller>, credentials: Option<&Credentials>) {
    for method in Method::ALL {
        let code = fixture.call(credentials, method.path()).await;
        let holds = match expected(caller, method) {
            Expected::Reached => {
                !matches!(code, None | Some(Code::Unauthenticated))
                    && (code != Some(Code::PermissionDenied)
                        || matches!(method, Method::EnrollmentEnroll | Method::EnrollmentEnrollOperator))
            }
            Expected::Denied(denied) => code == Some(denied),
            Expected::NotLetIn => code.is_none(),
        };
        assert!(holds, "{who} on {}: {code:?}, expected {:?}", method.path(), expected(caller, method));
    }
}

#[tokio::test]
async fn every_call_answers_exactly_the_callers_of_its_row() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent("dupont-prod/web").await;
    let other_agent = fixture.agent("dupont-prod/db").await;
    check(&fixture, "a stranger", Some(Caller::Stranger), None).await;
    check(&fixture, "an operator", Some(Caller::Operator), Some(&fixture.operator())).await;
    check(&fixture, "an agent", Some(Caller::Agent), Some(&agent)).await;
    check(&fixture, "another agent", Some(Caller::Agent), Some(&other_agent)).await;
}

#[tokio::test]
async fn a_revoked_certificate_gets_no_answer_from_any_call() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent("dupont-prod/web").await;
    let server = "dupont-prod/web".parse().unwrap();
    fixture.running.authority().revoke(server, "anne".to_owned(), None).await.unwrap();
    check(&fixture, "a revoked agent", None, Some(&agent)).await;
    let bruno = fixture.second_operator("bruno").await;
    check(&fixture, "a second operator", Some(Caller::Operator), Some(&bruno)).await;
    let authority = fixture.running.authority();
    authority.revoke_operator("anne".parse().unwrap(), "bruno".to_owned()).await.unwrap();
    check(&fixture, "a revoked operator", None, Some(&fixture.operator())).await;

    // It stays so over a restart.
    let fixture = fixture.restart().await;
    check(&fixture, "a revoked agent after a restart", None, Some(&agent)).await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_gets_no_answer_from_any_call() {
    let fixture = Fixture::start().await;
    let elsewhere = Fixture::start().await;
    // It trusts this controller, and shows what the other one issued.
    let foreign = |mut credentials: Credentials| {
        credentials.ca_pem = fixture.operator().ca_pem;
        credentials
    };
    check(&fixture, "another's operator", None, Some(&foreign(elsewhere.operator()))).await;
    let agent = elsewhere.agent("dupont-prod/web").await;
    check(&fixture, "another's agent", None, Some(&foreign(agent))).await;
}

#[tokio::test]
async fn a_certificate_that_has_expired_gets_no_answer_from_any_call() {
    let fixture = Fixture::start().await;
    let agent = fixture.agent("dupont-prod/web").await;
    fixture.pass(91);
    // TLS judges by the machine's clock, the guard by the controller's: here only the second has moved.
    for method in Method::ALL {
        let code = fixture.call(Some(&agent), method.path()).await;
        assert!(matches!(code, None | Some(Code::Unauthenticated)), "{}: {code:?}", method.path());
    }
}

#[tokio::test]
async fn a_path_without_a_row_reaches_no_handler() {
    let fixture = Fixture::start().await;
    for path in
        ["/muster.fleet.v1.Operator/Nothing", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]
    {
        assert_eq!(fixture.call(Some(&fixture.operator()), path).await, Some(Code::Unimplemented));
        assert_eq!(fixture.call(None, path).await, Some(Code::Unimplemented));
    }
}

#[tokio::test]
async fn a_caller_refuses_a_controller_of_another_authority() {
    let fixture = Fixture::start().await;
    let dir = TempDir::new().unwrap();
    muster_controller::init::run(&options(dir.path()), Clock::system()).await.unwrap();
    let profile = muster_proto::profile::Profile::read(&dir.path().join("anne.profile")).unwrap();
    assert_eq!(fixture.call(Some(&profile.credentials()), Method::OperatorPush.path()).await, None);
}

//! A controller in a temporary folder, with a clock that tests move, and callers of every kind.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use muster_controller::authority::{HostOf, Invited};
use muster_controller::clock::Clock;
use muster_controller::init;
use muster_controller::serve::{Error, Options, Running};
use muster_model::token::{OperatorToken, Token};
use muster_proto::dial::{Credentials, dial, dial_pinned};
use muster_proto::profile::Profile;
use muster_proto::secret::Key;
use muster_proto::v1;
use muster_proto::v1::enrollment_client::EnrollmentClient;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tonic::{Code, Status};

/// The servers that the documents name, with their computers.
pub(crate) const SERVERS: [(&str, &str); 3] =
    [("dupont-prod/web", "DUP-WEB01"), ("dupont-prod/db", "DUP-DB01"), ("martin/web", "MAR-WEB01")];

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) running: Running,
    offset_ms: Arc<AtomicI64>,
}

pub(crate) fn options(dir: &Path) -> init::Options {
    init::Options {
        data_dir: dir.join("data"),
        listen: "127.0.0.1:7400".to_owned(),
        operator: "anne".parse().unwrap(),
        profile_out: dir.join("anne.profile"),
        recovery_out: dir.join("recovery"),
    }
}

pub(crate) fn serve_options(dir: &Path) -> Options {
    Options { data_dir: dir.join("data"), listen: Some("127.0.0.1:0".to_owned()) }
}

pub(crate) fn host_of() -> HostOf {
    Arc::new(|_, server| {
        let named = SERVERS.into_iter().find(|(name, _)| *name == server.to_string());
        Box::pin(async move { Ok(named.map(|(_, host)| host.parse().unwrap())) })
    })
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        init::run(&options(dir.path()), Clock::system()).await.unwrap();
        let offset_ms = Arc::new(AtomicI64::new(0));
        let running = start(dir.path(), &offset_ms).await.unwrap();
        Self { dir, running, offset_ms }
    }

    /// Stops it in order and starts it again.
    pub(crate) async fn restart(self) -> Self {
        let Self { dir, running, offset_ms } = self;
        running.stop().await.unwrap();
        let running = start(dir.path(), &offset_ms).await.unwrap();
        Self { dir, running, offset_ms }
    }

    /// Starts what was stopped.
    pub(crate) async fn again(dir: TempDir) -> Self {
        let offset_ms = Arc::new(AtomicI64::new(0));
        let running = start(dir.path(), &offset_ms).await.unwrap();
        Self { dir, running, offset_ms }
    }

    /// Stops it in order.
    pub(crate) async fn stop(self) -> TempDir {
        self.running.stop().await.unwrap();
        self.dir
    }

    pub(crate) fn pass(&self, days: i64) {
        self.offset_ms.fetch_add(days * 24 * 3_600 * 1_000, Ordering::SeqCst);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub(crate) fn data(&self, file: &str) -> PathBuf {
        self.dir.path().join("data").join(file)
    }

    pub(crate) fn operator(&self) -> Credentials {
        Profile::read(&self.dir.path().join("anne.profile")).unwrap().credentials()
    }

    pub(crate) async fn invite(&self, server: &str) -> Invited {
        let server = server.parse().unwrap();
        self.running.authority().invite(server, "anne".to_owned(), 0).await.unwrap()
    }

    /// Enrols as an agent does: pinned, without a certificate, with a key of its own.
    pub(crate) async fn enroll(&self, invited: &Invited, host: &str) -> Result<Credentials, Status> {
        let token = &invited.token;
        self.enroll_with(&KeyPair::generate().unwrap(), token, host).await
    }

    /// The same with a key that is there.
    pub(crate) async fn enroll_with(
        &self,
        key: &KeyPair,
        token: &Token,
        host: &str,
    ) -> Result<Credentials, Status> {
        let channel = dial_pinned(&self.address().to_string(), token.ca_pin).await.unwrap();
        let request = v1::EnrollRequest {
            token: token.secret.clone(),
            csr_pem: csr(key),
            host: host.to_owned(),
            age_recipient: Key::generate().recipient().unwrap().to_string(),
        };
        let reply = EnrollmentClient::new(channel).enroll(request).await?.into_inner();
        assert_eq!(reply.server, token.server.to_string());
        Ok(Credentials {
            ca_pem: reply.ca_pem,
            certificate_pem: reply.certificate_pem,
            key_pem: key.serialize_pem(),
        })
    }

    /// Makes a token for an operator and spends it.
    pub(crate) async fn second_operator(&self, name: &str) -> Credentials {
        let name = name.parse().unwrap();
        let authority = self.running.authority();
        let invited = authority.invite_operator(name, "anne".to_owned(), 0).await.unwrap();
        self.enroll_operator(&KeyPair::generate().unwrap(), &invited.token).await.unwrap()
    }

    /// Spends an operator's token.
    pub(crate) async fn enroll_operator(
        &self,
        key: &KeyPair,
        token: &OperatorToken,
    ) -> Result<Credentials, Status> {
        let channel = dial_pinned(&self.address().to_string(), token.ca_pin).await.unwrap();
        let request = v1::EnrollOperatorRequest { token: token.secret.clone(), csr_pem: csr(key) };
        let reply = EnrollmentClient::new(channel).enroll_operator(request).await?.into_inner();
        assert_eq!(reply.operator, token.operator.as_str());
        let (ca_pem, certificate_pem) = (reply.ca_pem, reply.certificate_pem);
        Ok(Credentials { ca_pem, certificate_pem, key_pem: key.serialize_pem() })
    }

    pub(crate) async fn agent(&self, server: &str) -> Credentials {
        let invited = self.invite(server).await;
        let host = SERVERS.into_iter().find(|(name, _)| *name == server).unwrap().1;
        self.enroll(&invited, host).await.unwrap()
    }

    /// What comes of a call without content: the code, or none where no connection came about.
    pub(crate) async fn call(&self, credentials: Option<&Credentials>, path: &'static str) -> Option<Code> {
        let address = self.address().to_string();
        let channel = match credentials {
            Some(credentials) => dial(&address, credentials).await,
            None => dial_pinned(&address, self.invite("martin/web").await.token.ca_pin).await,
        };
        let mut grpc = tonic::client::Grpc::new(channel.ok()?);
        if grpc.ready().await.is_err() {
            return None;
        }
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        match grpc.server_streaming(tonic::Request::new(()), path, codec).await {
            Ok(_) => Some(Code::Ok),
            // Tonic's own words for a connection that broke: no answer came from the other side.
            Err(status) if std::error::Error::source(&status).is_some() => None,
            Err(status) => Some(status.code()),
        }
    }
}

async fn start(dir: &Path, offset_ms: &Arc<AtomicI64>) -> Result<Running, Error> {
    let offset_ms = Arc::clone(offset_ms);
    let clock = Clock::from_fn(move || {
        let ms = Timestamp::now().as_millisecond() + offset_ms.load(Ordering::SeqCst);
        Timestamp::from_millisecond(ms).unwrap()
    });
    Running::start(serve_options(dir), clock, host_of()).await
}

pub(crate) fn csr(key: &KeyPair) -> String {
    let params = CertificateParams::new(vec!["controller.muster.internal".to_owned()]).unwrap();
    params.serialize_request(key).unwrap().pem().unwrap()
}

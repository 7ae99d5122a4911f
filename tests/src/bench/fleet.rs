//! A fleet for the load: a site with one server for each agent, and each agent's certificate.
//!
//! Neighbours: `load` reads what is made here. Nothing is put into the controller's database past its door: documents are
//! pushed, servers invited and enrolled by the calls that operators and agents use, many at a time, so that each group of
//! them shares a transaction. A fleet of 9,500 takes a minute or two.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use futures_util::StreamExt as _;
use futures_util::stream::{self, TryStreamExt as _};
use muster_model::name::ServerId;
use muster_model::token::Token;
use muster_proto::dial::{self, Credentials, Dialer};
use muster_proto::profile::Profile;
use muster_proto::secret::Key;
use muster_proto::v1;
use muster_proto::v1::enrollment_client::EnrollmentClient;
use muster_proto::v1::operator_client::OperatorClient;
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;

/// Documents of one push, below the limit.
const PUSH: usize = 1_900;
/// Calls that are under way at once.
const AT_ONCE: usize = 96;
/// Servers that enrol over one connection, which lives for half a minute.
const ENROL: usize = 400;

/// One agent of the fleet.
#[derive(Clone, Serialize, Deserialize)]
pub struct Member {
    /// The server.
    pub server: ServerId,
    /// Its computer's name.
    pub host: String,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    /// Its certificate, PEM.
    pub certificate_pem: String,
    /// Its private key, PEM.
    pub key_pem: String,
}

impl Member {
    /// What it dials with.
    ///
    /// # Errors
    /// Where the certificate or the key cannot be read.
    pub fn dialer(&self) -> Result<Dialer> {
        Ok(Dialer::new(&Credentials {
            ca_pem: self.ca_pem.clone(),
            certificate_pem: self.certificate_pem.clone(),
            key_pem: self.key_pem.clone(),
        })?)
    }
}

/// The file of the members, in a fleet's folder.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("fleet.json")
}

/// Reads a fleet.
///
/// # Errors
/// Where none was made there.
pub fn read(folder: &Path) -> Result<Vec<Member>> {
    Ok(serde_json::from_slice(&std::fs::read(file(folder))?)?)
}

/// An operator who speaks over several connections, because one carries only so many calls at once.
///
/// # Errors
/// Where the controller cannot be dialled.
pub async fn operators(address: &str, profile: &Path, count: usize) -> Result<Vec<OperatorClient<Channel>>> {
    let dialer = Dialer::new(&Profile::read(profile)?.credentials())?;
    let mut operators = Vec::new();
    for _ in 0..count {
        operators.push(OperatorClient::new(dialer.dial(address).await?));
    }
    Ok(operators)
}

/// The server of that number.
pub fn site(number: usize) -> String {
    format!("bench-{number:05}")
}

/// Makes a fleet of so many at a serving controller, and writes it to its folder.
///
/// # Errors
/// Where the controller refuses something.
pub async fn make(address: &str, folder: &Path, profile: &Path, agents: usize) -> Result<()> {
    let operators = operators(address, profile, 4).await?;
    push(&operators[0], agents).await?;
    let mut members = Vec::with_capacity(agents);
    let numbers: Vec<usize> = (0..agents).collect();
    for numbers in numbers.chunks(ENROL) {
        let invited = stream::iter(numbers.iter().copied())
            .map(|number| invite(operators[number % operators.len()].clone(), number))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>();
        let invited = invited.await?;
        let pin = invited.first().context("nobody was invited")?.1.ca_pin;
        let mut strangers = Vec::new();
        for _ in 0..4 {
            strangers.push(EnrollmentClient::new(dial::dial_pinned(address, pin).await?));
        }
        let strangers = Arc::new(strangers);
        let enrolled = stream::iter(invited)
            .map(|(number, token)| enrol(strangers[number % strangers.len()].clone(), number, token))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>();
        members.extend(enrolled.await?);
    }
    std::fs::write(file(folder), serde_json::to_vec(&members)?)?;
    Ok(())
}

async fn push(operator: &OperatorClient<Channel>, agents: usize) -> Result<()> {
    let file = |path: String, text: String| v1::SourceFile { path, content: text.into_bytes() };
    let mut files = vec![
        file(
            "product.yaml".to_owned(),
            "kind: Product\nname: bench\nversion: \"1\"\nroles: [web]\nnodes:\n\
             \x20 - {iis_app_pool: Bench, load_user_profile: true}\n"
                .to_owned(),
        ),
        file("client.yaml".to_owned(), "kind: Client\nname: bench\n".to_owned()),
    ];
    files.extend((0..agents).map(document).map(|(path, text)| file(path, text)));
    for files in files.chunks(PUSH) {
        let request = v1::PushRequest { files: files.to_vec(), any_base: true, ..v1::PushRequest::default() };
        match operator.clone().push(request).await?.into_inner().result {
            Some(v1::push_reply::Result::Pushed(_)) => {}
            refused => bail!("the documents were refused: {refused:?}"),
        }
    }
    Ok(())
}

/// The path and the text of a site's document.
pub fn document(number: usize) -> (String, String) {
    let (site, host) = (site(number), host(number));
    let text = format!(
        "kind: Site\nname: {site}\nclient: bench\nproduct: bench 1\ntime_zone: Europe/Paris\n\
         servers:\n  web: {{name: {host}}}\n"
    );
    (format!("{site}.yaml"), text)
}

fn host(number: usize) -> String {
    format!("BENCH{number:05}")
}

async fn invite(mut operator: OperatorClient<Channel>, number: usize) -> Result<(usize, Token)> {
    let request = v1::InviteRequest { server: format!("{}/web", site(number)), lifetime_ms: 0 };
    let token = operator.invite_server(request).await?.into_inner().token;
    Ok((number, Token::from_line(&token)?))
}

async fn enrol(mut stranger: EnrollmentClient<Channel>, number: usize, token: Token) -> Result<Member> {
    let key = rcgen::KeyPair::generate()?;
    let csr_pem = rcgen::CertificateParams::default().serialize_request(&key)?.pem()?;
    let request = v1::EnrollRequest {
        token: token.secret,
        csr_pem,
        host: host(number),
        age_recipient: Key::generate().recipient()?.to_string(),
    };
    let reply = stranger.enroll(request).await?.into_inner();
    Ok(Member {
        server: token.server,
        host: host(number),
        ca_pem: reply.ca_pem,
        certificate_pem: reply.certificate_pem,
        key_pem: key.serialize_pem(),
    })
}

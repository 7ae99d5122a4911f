//! An operator's folder with a profile, a controller to talk to, and records to say.
//!
//! Neighbours: every story begins with a [`World`]. Times are fixed, so that outputs are.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muster::exit::Exit;
use muster::output::{Buffer, Output};
use muster_model::digest::Digest;
use muster_model::event::{Event, EventBody};
use muster_model::identity::CONTROLLER_NAME;
use muster_model::name::Sequence;
use muster_model::plan::{PlanHeader, ServerSteps};
use muster_model::preflight::PreflightView;
use muster_proto::profile::Profile;
use muster_proto::v1::PlanReply;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fake::{Script, Server, Shared};

/// An operator and a controller.
pub(crate) struct World {
    folder: TempDir,
    tls: Arc<ServerConfig>,
    pub(crate) controller: Arc<Shared>,
    pub(crate) server: Server,
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// With a controller that knows the example site.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (tls, certificates) = certificates();
        let controller = Shared::new(script());
        let server = Server::start(
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            Arc::clone(&controller),
            Arc::clone(&tls),
        );
        let profile = Profile {
            format: 1,
            controller: server.address.to_string(),
            operator: "anne".parse().unwrap(),
            ca_pem: certificates.0,
            certificate_pem: certificates.1,
            key_pem: certificates.2,
        };
        std::fs::write(folder.path().join("profile.json"), serde_json::to_vec(&profile).unwrap()).unwrap();
        Self { folder, tls, controller, server }
    }

    /// A path in the operator's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file there, folders included.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Starts the controller again where it was.
    pub(crate) fn restart(&mut self) {
        self.server.kill();
        self.server = Server::start(self.server.address, Arc::clone(&self.controller), Arc::clone(&self.tls));
    }

    /// Types a command; `DIR/` is the operator's folder.
    pub(crate) async fn muster(&self, line: &str) -> Ran {
        let (out, err) = (Buffer::default(), Buffer::default());
        let exit = self.start(line, &out, &err).await;
        Ran { exit, out: self.fixed(&out.text()), err: self.fixed(&err.text()) }
    }

    /// The same, with buffers that can be read meanwhile.
    pub(crate) fn start(&self, line: &str, out: &Buffer, err: &Buffer) -> impl Future<Output = Exit> + use<> {
        let profile = self.path("profile.json").display().to_string();
        let folder = self.folder.path().display().to_string();
        let words = line.split_whitespace().map(|word| word.replace("DIR", &folder));
        let mut args = vec!["muster".into()];
        if !line.contains("--profile") {
            args.extend(["--profile".into(), profile.into()]);
        }
        args.extend(words.map(std::ffi::OsString::from));
        let mut output = Output::buffers(out.clone(), err.clone(), TimeZone::get("Europe/Paris").unwrap());
        async move { muster::run(args, &mut output).await }
    }

    /// The text without what differs from run to run.
    pub(crate) fn fixed(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        text.replace(&folder, "DIR").replace(&self.server.address.to_string(), "CONTROLLER")
    }

    /// Types a command and gives all that it said, for comparison.
    pub(crate) async fn said(&self, line: &str) -> String {
        let ran = self.muster(line).await;
        let mut text = format!("$ muster {line}\n{}", ran.out);
        if !ran.err.is_empty() {
            text.push_str(&format!("--- stderr\n{}", ran.err));
        }
        text.push_str(&format!("--- exit {}\n", ran.exit.code()));
        text
    }

    /// What the controller was asked through that RPC.
    pub(crate) fn asked(&self, rpc: &str) -> Vec<String> {
        let script = self.controller.script();
        let mine = script.asked.iter().filter_map(|asked| asked.strip_prefix(rpc)?.strip_prefix(' '));
        mine.map(str::to_owned).collect()
    }
}

/// A controller's TLS, and the operator's authority, certificate and key as PEM.
fn certificates() -> (Arc<ServerConfig>, (String, String, String)) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(authority, ca_key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![CONTROLLER_NAME.to_owned()])
        .unwrap()
        .signed_by(&server_key, &issuer)
        .unwrap();
    let operator_key = KeyPair::generate().unwrap();
    let operator = CertificateParams::new(Vec::new()).unwrap().signed_by(&operator_key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![server.der().clone(), ca.der().clone()],
            PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (Arc::new(config), (ca.pem(), operator.pem(), operator_key.serialize_pem()))
}

/// 14:11 in Paris.
pub(crate) fn moment() -> Timestamp {
    "2026-11-24T13:11:00Z".parse().unwrap()
}

/// An event in its place, a second after the one before.
pub(crate) fn event(sequence: usize, body: EventBody) -> Event {
    let at = moment() + jiff::SignedDuration::from_secs(i64::try_from(sequence).unwrap());
    Event { sequence: Sequence(sequence as u64), at, site: Some("dupont-prod".parse().unwrap()), body }
}

/// A record of the model from its JSON: the shapes that are sent are those that are tested.
pub(crate) fn record<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn bytes<T: Serialize + DeserializeOwned>(json: Value) -> Vec<u8> {
    serde_json::to_vec(&record::<T>(json)).unwrap()
}

/// A row as JSON.
pub(crate) fn row(node: &str, attribute: &str, old: Value, new: Value, reason: &str) -> Value {
    json!({"node": node, "attribute": {"name": attribute}, "old": old, "new": new, "reason": reason})
}

/// The steps of the example's first plan.
pub(crate) fn steps() -> Value {
    let exact = |value: Value| json!({"exact": value});
    json!([
        {"number": 1, "node": "package/common-services", "class": "resource", "effect": "one_shot", "guide": "G2",
         "rows": [row("package/common-services", "version", json!("absent"), exact(json!("6.0.0.1397")), "missing")]},
        {"number": 2, "node": "http_probe/scps", "class": "check", "effect": "convergent", "rows": [], "guide": "G3"},
        {"number": 3, "node": "iis_app_pool/Sage.XRT.Advanced", "class": "resource", "effect": "convergent", "guide": "G12",
         "rows": [
            row("iis_app_pool/Sage.XRT.Advanced", "enable_32bit", json!({"known_after": "package/common-services"}), exact(json!(false)), "reset"),
            row("iis_app_pool/Sage.XRT.Advanced", "load_user_profile", json!({"known_after": "package/common-services"}), exact(json!(true)), "reset")]},
        {"number": 4, "node": "file/C:\\Sage\\import.ini", "class": "resource", "effect": "convergent", "guide": "G11",
         "rows": [
            row("file/C:\\Sage\\import.ini", "content", exact(json!("[paths]\nroot=D:\\old\n")), exact(json!("[paths]\nroot=D:\\Import\nlog=on\n")), "differs"),
            json!({"node": "file/C:\\Sage\\import.ini", "attribute": {"name": "rights", "member": "BUILTIN\\Users"},
                   "old": exact(json!("full")), "new": "absent", "reason": "removed"})]},
        {"number": 5, "node": "manual_step/data-encryption", "class": "gate", "effect": "convergent", "guide": "G17",
         "rows": [row("manual_step/data-encryption", "confirmed", json!("absent"), json!("confirmed"), "confirm")]},
    ])
}

/// A plan with these steps on the one server of the example.
pub(crate) fn plan(steps: Value) -> PlanReply {
    plan_of(&[("web", steps)])
}

/// A plan with the steps of each server, by rising role.
pub(crate) fn plan_of(servers: &[(&str, Value)]) -> PlanReply {
    let (mut planned, mut steps_json) = (serde_json::Map::new(), Vec::new());
    for (role, steps) in servers {
        let bytes = bytes::<ServerSteps>(json!({"role": role, "steps": steps}));
        let server =
            json!({"generation": 3, "manifest": Digest::of(b"manifest"), "steps": Digest::of(&bytes)});
        planned.insert((*role).to_owned(), server);
        steps_json.push(bytes);
    }
    let header_json = bytes::<PlanHeader>(json!({
        "format": 1, "plan": 204, "site": "dupont-prod", "product": "sxa 2022-r2", "revision": 118,
        "servers": planned,
        "segments": [], "edges": [], "valid_until": "2026-12-01T13:00:00Z",
    }));
    PlanReply { plan: 204, header_json, steps_json, ..PlanReply::default() }
}

/// A view of a step.
pub(crate) fn step(number: u32, node: &str, class: &str, state: Value) -> Value {
    json!({"number": number, "server": "dupont-prod/web", "node": node, "class": class, "state": state,
        "since": moment(), "rows": [], "evidence": null, "actual_rows": [], "because": null,
        "instructions": null, "type_these": [], "guide": null})
}

/// The view of the run, its steps in these states.
pub(crate) fn run_view(run: Value, states: [Value; 3]) -> Value {
    let [package, pool, gate] = states;
    let mut gate = step(3, "manual_step/data-encryption", "gate", gate);
    gate["instructions"] = json!("Open Administration > Configuration.\nSet the encryption password.");
    gate["type_these"] = json!([["tenant", "DUPONT"], ["port", "1025"]]);
    gate["guide"] = json!("G17");
    json!({"plan": 204, "site": "dupont-prod", "digest": Digest::of(b"plan"), "approved": ["anne", moment()],
        "simulated": true, "run": run,
        "steps": [step(1, "package/advanced", "resource", package), step(2, "iis_app_pool/Sage.XRT.Advanced", "resource", pool), gate],
        "next": ["muster done P-204/3", "muster cancel P-204"]})
}

/// A site's view.
pub(crate) fn site(name: &str, state: Value, detail: &str) -> Value {
    json!({"site": name, "product": "sxa 2022-r2", "state": state, "detail": detail, "plan": 204, "progress": [2, 3],
        "since": moment(), "servers": [server(name, "connected")], "next": ["muster why ".to_owned() + name]})
}

/// A server's view.
pub(crate) fn server(site: &str, state: &str) -> Value {
    json!({"server": format!("{site}/web"), "host": "DUP-WEB01", "state": state, "simulated": true,
        "agent_version": "0.1.0", "clock_offset_ms": 380, "generation": 3, "since": moment(), "serial": "4af1"})
}

/// The view of a preflight with one item of each verdict, one of them with what would steer a terminal.
pub(crate) fn preflight() -> Vec<u8> {
    let item = |check: &str, verdict: &str, found: &str, advice: &str| {
        json!({"node": "preflight/web-server", "check": check, "verdict": verdict, "found": found, "wanted": "it is so",
            "advice": advice, "guide": "G1"})
    };
    let web = json!([
        item("elevated", "passed", "the agent runs with an administrator's rights", ""),
        item("free_ports", "missing", "port 1025 is held by \u{1b}[2Jjava.exe", "give it another port"),
        item(
            "memory_gib",
            "unknown",
            "the memory cannot be told on this server: error 50",
            "look at it by hand"
        ),
    ]);
    let sql = json!([{"node": null, "check": "agent", "verdict": "missing", "found": "DUP-SQL01 is not connected",
        "advice": "start its agent", "guide": null}]);
    let servers = json!([
        {"server": "dupont-prod/web", "host": "DUP-WEB01", "items": web},
        {"server": "dupont-prod/sql", "host": "DUP-SQL01", "items": sql},
    ]);
    bytes::<PreflightView>(
        json!({"site": "dupont-prod", "product": "sxa 2022-r2", "revision": 118, "at": moment(),
        "simulated": true, "passed": false, "servers": servers}),
    )
}

fn script() -> Script {
    let sites = [
        site(
            "dupont-prod",
            json!("waiting"),
            "step P-204/3 manual_step/data-encryption waits for the client",
        ),
        site(
            "martin-prod",
            json!({"stopped": "failed"}),
            "step P-205/1 package/advanced is failed: exit code 1603",
        ),
        site("nord-prod", json!("in_sync"), "P-190 found nothing to change"),
    ];
    let view = |view: Value| serde_json::to_vec(&view).unwrap();
    Script {
        plan: plan(steps()),
        done: "it is so now".to_owned(),
        views: [
            ("muster.status/1", view(json!({"revision": 118, "sites": sites}))),
            (
                "muster.servers/1",
                view(
                    json!({"servers": [server("dupont-prod", "connected"), server("nord-prod", "offline")]}),
                ),
            ),
            (
                "muster.steps/1",
                view(run_view(
                    json!("waiting"),
                    [json!({"ended": "done"}), json!({"ended": "done"}), json!("waiting")],
                )),
            ),
        ]
        .into(),
        ..Script::default()
    }
}

/// Whether a file can be read by its owner alone.
pub(crate) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600
}

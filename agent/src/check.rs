//! `muster-agent check`: what stands between this server and its controller, line by line, for the person who installs it.
//!
//! Neighbours: `run::Agent` is opened and not set to work; nothing is accepted and nothing is changed. Takes the data folder,
//! so it says so when an agent already runs there.

use std::time::Instant;

use muster_model::causes::with_causes;
use muster_model::limits;
use muster_proto::dial;

use crate::run::Agent;
use crate::session;

/// One line for each thing that was looked at.
#[derive(Debug, Default)]
pub struct Findings {
    /// The lines, each with its newline.
    pub lines: String,
    /// Whether all is well.
    pub ok: bool,
}

impl Findings {
    fn good(&mut self, line: &str) {
        self.lines.push_str(line);
        self.lines.push('\n');
    }

    fn bad(mut self, line: &str, advice: &str) -> Self {
        self.lines.push_str(line);
        self.lines.push('\n');
        self.lines.push_str("  ");
        self.lines.push_str(advice);
        self.lines.push('\n');
        self
    }
}

/// Looks at name, TLS, clock and controller, in the order in which one needs the other.
pub async fn check(agent: &Agent) -> Findings {
    let mut findings = Findings::default();
    let options = agent.options();
    match tokio::net::lookup_host(&options.controller).await.map(|mut found| found.next()) {
        Ok(Some(address)) => {
            findings.good(&format!("dns         ok, {} is {}", options.controller, address.ip()));
        }
        Ok(None) => {
            return findings
                .bad("dns         FAIL, the name has no address", "add it to DNS or to the hosts file");
        }
        Err(error) => {
            let line = format!("dns         FAIL, {}: {error}", options.controller);
            return findings.bad(&line, "add the name to DNS or to the hosts file");
        }
    }
    if let Err(error) = tokio::net::TcpStream::connect(&options.controller).await {
        let line = format!("port        FAIL, {}: {error}", options.controller);
        return findings.bad(&line, "start the controller, or open the port on the firewalls between");
    }
    if let Err(error) = dial::dial(&options.controller, &options.renewal.credentials()).await {
        return if error.is_another_authority() {
            let line = format!("tls         FAIL, intercepted: {}", with_causes(&error));
            findings.bad(
                &line,
                "exempt this address from TLS inspection; if nothing inspects it, another controller answers there: enrol again",
            )
        } else {
            let line = format!("tls         FAIL, {}", with_causes(&error));
            findings.bad(&line, "see that a controller listens on that port, and the clock of this server")
        };
    }
    findings.good("tls         ok, not intercepted");
    let begun = Instant::now();
    match session::open(options, agent.reception()).await {
        Err(broken) => {
            let line = format!("controller  FAIL, {}", with_causes(&broken));
            let advice = "ask the operator: muster server list; one that was revoked or enrolled anew is hung up on and must be invited again";
            findings.bad(&line, advice)
        }
        Ok(stream) => {
            let took_ms = begun.elapsed().as_millis();
            let offset_ms = agent.clock_offset_ms(&stream.welcome);
            let limit_ms = i64::try_from(limits::CLOCK_OFFSET_MS).unwrap_or(i64::MAX);
            let clock = format!("{:+.1} s", seconds(offset_ms));
            if offset_ms.saturating_abs() > limit_ms {
                let line = format!("clock       FAIL, {clock}; {} s are allowed", limit_ms / 1_000);
                return findings.bad(&line, "set the clock of this server: w32tm /resync");
            }
            findings.good(&format!("clock       ok, {clock}"));
            findings.good(&format!("controller  ok, {took_ms} ms"));
            findings.ok = true;
            findings
        }
    }
}

/// To a tenth of a second, which is all that a person needs of a clock.
fn seconds(milliseconds: i64) -> f64 {
    let tenths = i32::try_from(milliseconds / 100).unwrap_or(i32::MAX);
    f64::from(tenths) / 10.0
}

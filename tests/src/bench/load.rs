//! The process of the load: all agents of a fleet, and the operator who sets them to work.
//!
//! Neighbours: the tool says what to do next (`child`), `agent` is each of them. Clocks run from the first thing that is
//! sent to the last answer of the last agent.

use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use futures_util::StreamExt as _;
use futures_util::stream::{self, TryStreamExt as _};
use muster_model::digest::Digest;
use muster_proto::v1;
use muster_proto::v1::operator_client::OperatorClient;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use super::agent::{Agent, Seen};
use super::child::answer;
use super::fleet::{self, Member};
use super::journal::Group;
use super::measure;

/// Handshakes that are under way at once, as many as the controller has places for.
const HANDSHAKES: usize = 256;
/// Calls of the operator that are under way at once, and the connections that carry them.
const CALLS: usize = 256;
const CONNECTIONS: usize = 8;

/// Something was done.
#[derive(Debug, Serialize, Deserialize)]
pub struct Took {
    /// Seconds.
    pub all_s: f64,
}

/// A fan-out was done.
#[derive(Debug, Serialize, Deserialize)]
pub struct FannedOut {
    /// Seconds from the first start of a run to the last acknowledged outcome.
    pub all_s: f64,
    /// Seconds until the last agent had its command.
    pub commanded_s: f64,
    /// Seconds of processor time that the load itself took.
    pub load_cpu_s: f64,
}

struct Load {
    members: Vec<Member>,
    group: Group,
    connected: Option<Connected>,
}

/// All agents, connected.
struct Connected {
    tasks: Vec<JoinHandle<()>>,
    seen: mpsc::UnboundedReceiver<Seen>,
    operators: Vec<OperatorClient<Channel>>,
    plans: Vec<u64>,
}

/// Does what it is told until the asker goes away.
///
/// # Errors
/// Where something cannot be done.
pub async fn run(folder: &Path) -> Result<()> {
    let group = Group::create(&folder.join("journal"))?;
    let mut load = Load { members: fleet::read(folder)?, group, connected: None };
    loop {
        let order = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        let order = order.await??;
        let words: Vec<&str> = order.split_whitespace().collect();
        match words.as_slice() {
            ["connect", address] => answer(&load.connect(address, true).await?)?,
            ["connect-as-operator", address, profile] => {
                let took = load.connect(address, false).await?;
                let operators = fleet::operators(address, Path::new(profile), CONNECTIONS).await?;
                load.connected()?.operators = operators;
                answer(&took)?;
            }
            ["plan"] => answer(&load.plan().await?)?,
            ["fan-out"] => answer(&load.fan_out().await?)?,
            ["disconnect"] => answer(&load.disconnect().await?)?,
            [] => return Ok(()),
            other => bail!("no such order: {other:?}"),
        }
    }
}

impl Load {
    fn connected(&mut self) -> Result<&mut Connected> {
        self.connected.as_mut().context("nobody is connected")
    }

    async fn connect(&mut self, address: &str, bare: bool) -> Result<Took> {
        let (seen_in, seen) = mpsc::unbounded_channel();
        let agent = |member: &Member| {
            let (server, host) = (member.server.clone(), member.host.clone());
            Ok(Agent::new(server, host, member.dialer()?, &self.group, seen_in.clone(), bare))
        };
        let agents = self.members.iter().map(agent).collect::<Result<Vec<_>>>()?;
        let address: Arc<str> = address.into();
        let places = Arc::new(Semaphore::new(HANDSHAKES));
        let begin = Instant::now();
        let tasks = agents.into_iter().map(|mut agent| {
            let (address, places) = (Arc::clone(&address), Arc::clone(&places));
            tokio::spawn(async move { agent.live(address, &places).await })
        });
        let mut connected =
            Connected { tasks: tasks.collect(), seen, operators: Vec::new(), plans: Vec::new() };
        connected.await_all(Seen::Welcomed, |_| {}).await?;
        let all_s = measure::seconds(begin.elapsed());
        self.connected = Some(connected);
        Ok(Took { all_s })
    }

    /// Plans and approves for every site.
    async fn plan(&mut self) -> Result<Took> {
        let begin = Instant::now();
        let sites: Vec<String> = self.members.iter().map(|member| member.server.site.to_string()).collect();
        let connected = self.connected()?;
        let operators = connected.operators.clone();
        let plans = stream::iter(sites.into_iter().enumerate())
            .map(|(index, site)| plan(operators[index % operators.len()].clone(), site))
            .buffer_unordered(CALLS)
            .try_collect();
        connected.plans = plans.await?;
        Ok(Took { all_s: measure::seconds(begin.elapsed()) })
    }

    /// Starts the run of every plan and waits until every outcome is acknowledged.
    async fn fan_out(&mut self) -> Result<FannedOut> {
        let connected = self.connected()?;
        let cpu_s = measure::cpu_s(std::process::id())?;
        let begin = Instant::now();
        let (operators, plans) = (connected.operators.clone(), std::mem::take(&mut connected.plans));
        let starts = tokio::spawn(async move {
            let starts = stream::iter(plans.into_iter().enumerate())
                .map(|(index, plan)| start(operators[index % operators.len()].clone(), plan))
                .buffer_unordered(CALLS);
            starts.try_collect::<Vec<()>>().await
        });
        let (mut commanded, mut commanded_s) = (0, 0.0);
        let all = connected.tasks.len();
        let stored = connected.await_all(Seen::Stored, |seen| {
            commanded += usize::from(*seen == Seen::Commanded);
            if commanded == all && *seen == Seen::Commanded {
                commanded_s = measure::seconds(begin.elapsed());
            }
        });
        stored.await?;
        let all_s = measure::seconds(begin.elapsed());
        starts.await??;
        Ok(FannedOut { all_s, commanded_s, load_cpu_s: measure::cpu_s(std::process::id())? - cpu_s })
    }

    async fn disconnect(&mut self) -> Result<Took> {
        let begin = Instant::now();
        if let Some(connected) = self.connected.take() {
            connected.tasks.iter().for_each(JoinHandle::abort);
            for task in connected.tasks {
                // Each was just cut off.
                drop(task.await);
            }
        }
        Ok(Took { all_s: measure::seconds(begin.elapsed()) })
    }
}

impl Connected {
    /// Waits until every agent has seen it, and shows everything that any sees in between.
    async fn await_all(&mut self, wanted: Seen, mut show: impl FnMut(&Seen)) -> Result<()> {
        let mut left = self.tasks.len();
        while left > 0 {
            let seen = self.seen.recv().await.context("no agent is left")?;
            if let Seen::Lost(why) = seen {
                bail!("an agent was lost: {why}");
            }
            show(&seen);
            left -= usize::from(seen == wanted);
        }
        Ok(())
    }
}

async fn plan(mut operator: OperatorClient<Channel>, site: String) -> Result<u64> {
    let made = operator.create_plan(v1::CreatePlanRequest { site }).await?.into_inner();
    let digest = Digest::of(&made.header_json).to_string();
    let request = v1::ApproveRequest { plan: made.plan, digest, ..v1::ApproveRequest::default() };
    operator.approve_plan(request).await?;
    Ok(made.plan)
}

async fn start(mut operator: OperatorClient<Channel>, plan: u64) -> Result<()> {
    operator.start_run(v1::PlanRequest { plan }).await?;
    Ok(())
}

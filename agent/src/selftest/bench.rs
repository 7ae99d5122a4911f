//! Where one promise is put to the proof: the engine's own steps, on the machine, in the self-test's own names.
//!
//! Look, compare, agree, apply, confirm and look again are the functions that the engine calls, so that what a self-test has
//! seen is what a run does. Neighbours: the rows work here, `own` has the names. Never works on a node that is not one of them.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::atomic::AtomicBool;

use muster_agent_core::agree::{Agreement, Before, agree};
use muster_agent_core::diff::{self, Comparison};
use muster_agent_core::ledger::{self, Ledger};
use muster_agent_core::observation::Observation;
use muster_model::manifest::Node;
use muster_model::name::{Generation, InvalidName, NodeId};
use muster_model::node::NodeKind;
use muster_model::plan::Row;
use muster_model::registry::RegistryName;
use muster_model::value::Value;
use thiserror::Error;

use super::{own, throwaway};
use crate::engine::patience::Patience;
use crate::host::{self, Provable};
use crate::resource;

/// Why a promise was not seen to hold.
#[derive(Debug, Error)]
pub enum Broken {
    /// The machine did not do or say something that the promise needs.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// A resource could not be brought to its state.
    #[error(transparent)]
    Resource(#[from] resource::Error),
    /// What was seen is not what was promised.
    #[error("{0}")]
    Promise(String),
    /// A name that is no name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A row asked for something that is not the self-test's.
    #[error("{0} is not the self-test's own, and was not touched")]
    Foreign(String),
}

/// What a promise comes to.
pub(super) type Shown = Result<(), Broken>;

/// The machine, and what was set in this row.
pub struct Bench<'a> {
    host: &'a dyn Provable,
    ledger: RefCell<Ledger>,
    stop: AtomicBool,
}

impl<'a> Bench<'a> {
    pub(super) fn new(host: &'a dyn Provable) -> Self {
        Self { host, ledger: RefCell::default(), stop: AtomicBool::new(false) }
    }

    /// The machine, for what somebody else does there, and for what a port says of itself.
    pub(super) fn host(&self) -> &'a dyn Provable {
        self.host
    }

    /// A path below the self-test's folder.
    pub(super) fn path(&self, name: &str) -> Result<String, Broken> {
        own::path(self.host, name)
    }

    /// A wanted resource.
    pub(super) fn node(&self, kind: NodeKind, name: &str, wanted: &[(&str, Value)]) -> Result<Node, Broken> {
        let id: NodeId = format!("{kind}/{name}").parse()?;
        let attributes = wanted.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Ok(Node { attributes, ..Node::bare(id) })
    }

    /// What differs now.
    pub(super) fn rows(&self, node: &Node) -> Result<Vec<Row>, Broken> {
        let Comparison { rows, finding } = self.compare(node, &self.look(node)?);
        match finding {
            Some(finding) => Err(Broken::Promise(finding.problem)),
            None => Ok(rows),
        }
    }

    /// Brings it to its state as a step does, and looks again: nothing may be left to do.
    pub(super) fn bring(&self, node: &Node) -> Shown {
        let patience = Patience::new(self.host.clock(), &self.stop, |_| {});
        resource::settle(node, self.host, &patience)?;
        let before = self.look(node)?;
        let actual = self.compare(node, &before);
        let step = node.step(1, actual.rows.clone());
        let agreed = match agree(&step, &actual, &|_: &NodeId| false, Before::Nothing) {
            Agreement::Blocked { problem, .. } => return Err(Broken::Promise(problem)),
            Agreement::InState => return Ok(()),
            Agreement::Agreed(agreed) => agreed,
        };
        resource::apply(node, &before, &agreed, self.host, &throwaway::Known)?;
        resource::confirm(node, self.host, &patience)?;
        self.remember(node, agreed.rows())?;
        self.in_sync(node)
    }

    /// Nothing differs.
    pub(super) fn in_sync(&self, node: &Node) -> Shown {
        let rows = self.rows(node)?;
        let left: Vec<String> = rows.iter().map(words).collect();
        ensure(left.is_empty(), || format!("it was set, and still differs: {}", left.join(", ")))
    }

    /// Exactly these attributes differ, members in brackets, as in `rights[Guests]`.
    pub(super) fn differs(&self, node: &Node, wanted: &[&str]) -> Shown {
        let rows = self.rows(node)?;
        let seen: Vec<String> = rows.iter().map(|row| row.attribute.to_string()).collect();
        ensure(seen == wanted, || format!("{wanted:?} should differ, and {seen:?} do"))
    }

    /// Takes away what Muster made of it, as `prune` does.
    pub(super) fn take_away(&self, node: &Node) -> Shown {
        self.bring(&Node { absent: true, ..Node::bare(node.id.clone()) })
    }

    fn look(&self, node: &Node) -> Result<Observation, Broken> {
        self.must_be_own(&node.id)?;
        Ok(resource::observe(node, self.host))
    }

    fn compare(&self, node: &Node, seen: &Observation) -> Comparison {
        diff::compare(node, seen, &self.ledger.borrow())
    }

    /// As the engine keeps it: what was set, and that it was made.
    fn remember(&self, node: &Node, rows: &[Row]) -> Result<(), Broken> {
        let generation: Generation = "1".parse()?;
        let mut ledger = self.ledger.borrow_mut();
        let made = ledger::makes(rows, rows, false).then(|| ledger::made(&node.id, generation));
        let changes = ledger::changes(rows, generation).into_iter().chain(made);
        for change in changes.chain(ledger::forgotten(rows, &ledger)).collect::<Vec<_>>() {
            ledger.apply(change);
        }
        Ok(())
    }

    fn must_be_own(&self, id: &NodeId) -> Shown {
        let name = id.name.as_str();
        let is_own = match id.kind {
            NodeKind::File | NodeKind::Folder => {
                let folder = own::folder(self.host)?;
                name == folder || name.starts_with(&format!(r"{folder}\"))
            }
            NodeKind::RegistryValue => name.parse::<RegistryName>()?.key == own::KEY,
            NodeKind::Package
            | NodeKind::Service
            | NodeKind::IisAppPool
            | NodeKind::IisSite
            | NodeKind::IisBinding => name.starts_with(own::PREFIX),
            NodeKind::Certificate | NodeKind::PrivateKeyAccess => {
                let name = name.strip_prefix("ca/").unwrap_or(name);
                [own::CERTIFICATE, throwaway::NAME, throwaway::THUMBPRINT].contains(&name)
            }
            NodeKind::WindowsFeature
            | NodeKind::HttpProbe
            | NodeKind::ManualStep
            | NodeKind::ServiceRestart
            | NodeKind::PoolRecycle
            | NodeKind::ApplicationStop
            | NodeKind::ApplicationStart
            | NodeKind::Reboot
            | NodeKind::SqlDatabase
            | NodeKind::SqlScripts
            | NodeKind::SqlBackup
            | NodeKind::SqlQuery
            | NodeKind::Preflight => false,
        };
        if is_own { Ok(()) } else { Err(Broken::Foreign(id.to_string())) }
    }
}

/// A row in words.
fn words(row: &Row) -> String {
    format!("{} {} -> {}", row.attribute, row.old, row.new)
}

/// What must be so, and what to say where it is not.
pub(super) fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Shown {
    if is_so { Ok(()) } else { Err(Broken::Promise(otherwise())) }
}

/// Two things that must be equal.
pub(super) fn same<T: PartialEq + Debug>(what: &str, seen: &T, wanted: &T) -> Shown {
    ensure(seen == wanted, || format!("{what} is {seen:?}, not {wanted:?}"))
}

/// Something that must be there.
pub(super) fn there<T>(what: &str, seen: Option<T>) -> Result<T, Broken> {
    seen.ok_or_else(|| Broken::Promise(format!("{what} is not there")))
}

/// A call that must not be done, because there is no such thing: that, and no other error, must be said.
pub(super) fn absent<T>(what: &str, told: Result<T, host::Error>) -> Shown {
    match told {
        Ok(_) => Err(Broken::Promise(format!("{what} was done, and there is nothing to do it to"))),
        Err(host::Error::Absent { .. }) => Ok(()),
        Err(error) => {
            Err(Broken::Promise(format!("{what} should say that there is none, and says: {error}")))
        }
    }
}

/// A call that the machine must refuse, with this in its words.
pub(super) fn refused<T>(what: &str, told: Result<T, host::Error>, code: &str) -> Shown {
    match told {
        Ok(_) => Err(Broken::Promise(format!("{what} was done, and should have been an error"))),
        Err(host::Error::Refused { message, .. }) if message.contains(code) => Ok(()),
        Err(error) => {
            Err(Broken::Promise(format!("{what} should be refused with {code}, and says: {error}")))
        }
    }
}

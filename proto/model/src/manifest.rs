//! The manifest: what one server should be, with nothing left to choose.
//!
//! Neighbours: `muster-core` compiles it, the controller stores its bytes, the agent observes and diffs by it. Immutable:
//! a different manifest has a higher generation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::authority::CertificateAuthority;
use crate::binding::BindingName;
use crate::certificate::CertificateName;
use crate::digest::Digest;
use crate::name::{Generation, Guide, HostName, NodeId, ProductId, Role, ServerId, Slug};
use crate::node::{AttributeRole, AttributeType, Effect, NodeKind};
use crate::package;
use crate::plan::{AttributePath, Row, Step};
use crate::secret::SecretRef;
use crate::sql_address::SqlAddress;
use crate::value::Value;

/// What one server should be. Its bytes are JSON in this shape; they are hashed, stored and sent as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`crate::FORMAT`].
    pub format: u32,
    /// The server.
    pub server: ServerId,
    /// Its computer name; an agent on another computer refuses the manifest.
    pub host: HostName,
    /// The product that the site names.
    pub product: ProductId,
    /// Rises with every change of this server's manifest.
    pub generation: Generation,
    /// The nodes, in the order of the product's file.
    pub nodes: Vec<Node>,
}

impl Manifest {
    /// The node of that identity.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// The packages whose installation resets that node: its own, and that of the thing that it is a part of. A binding
    /// goes with its site.
    pub fn reset_by<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a NodeId> {
        let of_whole = || {
            let name: BindingName = node.id.name.as_str().parse().ok()?;
            let is_site = |other: &&Node| {
                other.id.kind == NodeKind::IisSite
                    && other.id.name.as_str().eq_ignore_ascii_case(name.site.as_str())
            };
            self.nodes.iter().find(is_site)?.provided_by.as_ref()
        };
        let part = (node.id.kind == NodeKind::IisBinding).then(of_whole).flatten();
        node.provided_by.iter().chain(part)
    }

    /// What this package creates or resets.
    pub fn provided_by(&self, package: &NodeId) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.provided_by.as_ref() == Some(package))
    }

    /// Every secret that a node uses, with the node.
    pub fn secrets(&self) -> impl Iterator<Item = (&NodeId, &SecretRef)> {
        self.nodes.iter().flat_map(|node| node.secrets().map(|secret| (&node.id, secret)))
    }
}

/// One element of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its identity on this server.
    pub id: NodeId,
    /// What it should be and what steers it, by attribute; only names of the kind's table.
    pub attributes: BTreeMap<String, Value>,
    /// The package on the same server that creates or resets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provided_by: Option<NodeId>,
    /// What must be done before it: written edges and implied ones, on this server and on others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The guide's demand that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guide>,
    /// The SQL Server that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// A task: the changes that make it run. None for one that runs once for its key; an empty list never fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggers: Option<Vec<Trigger>>,
    /// Whether members of its sets that no document names are taken away, whoever made them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// Whether it is taken away once no document names it, where Muster made it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// Whether it is not wanted: what Muster made of it goes, and nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

impl Node {
    /// A node of which nothing is said.
    pub fn bare(id: NodeId) -> Self {
        Self {
            id,
            attributes: BTreeMap::new(),
            provided_by: None,
            needs: Vec::new(),
            guide: None,
            triggers: None,
            endpoint: None,
            exact: false,
            prune: false,
            absent: false,
        }
    }

    /// A node that is not wanted any more.
    pub fn gone(id: NodeId) -> Self {
        Self { absent: true, ..Self::bare(id) }
    }

    /// Whether its effect may be repeated, or is a person's.
    pub fn effect(&self) -> Effect {
        let guided = self.attributes.get("install").and_then(Value::as_text) == Some("guided");
        if self.id.kind == NodeKind::Package && guided { Effect::Guided } else { self.id.kind.spec().effect }
    }

    /// The step of that number that brings it to what these rows say.
    pub fn step(&self, number: u32, rows: Vec<Row>) -> Step {
        Step {
            number,
            node: self.id.clone(),
            class: self.id.kind.class(),
            effect: self.effect(),
            rows,
            guide: self.guide,
        }
    }

    /// Whether it is a package that the documents do not want on the server, whoever installed it.
    pub fn is_taken_off(&self) -> bool {
        let state = self.attributes.get("state").and_then(Value::as_text);
        self.id.kind == NodeKind::Package && state == Some("absent")
    }

    /// Whether it is a package after which nothing waits for a restart that its installer asks for (3010).
    pub fn ignores_restart(&self) -> bool {
        let restart = self.attributes.get("restart").and_then(Value::as_text);
        self.id.kind == NodeKind::Package && restart == Some("ignored")
    }

    /// Every secret that it uses: those of its attributes, and the one that its SQL Server is logged on to with.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.attributes.values().flat_map(Value::secrets).chain(self.logs_on_with())
    }

    /// The secrets that its effect is handed and that nothing compares, each as the attribute and member that a row has for
    /// it: in the order of the rows, each once.
    pub fn handed(&self) -> Vec<(AttributePath, SecretRef)> {
        let attributes = self.id.kind.spec().attributes.iter();
        let alone = attributes
            .filter(|spec| spec.role == AttributeRole::Input && matches!(spec.ty, AttributeType::Secret(_)));
        let alone = alone.filter_map(|spec| {
            let secret = self.attributes.get(spec.name)?.as_secret()?;
            Some((AttributePath { name: spec.name.to_owned(), member: None }, secret.clone()))
        });
        package::handed(self).into_iter().chain(alone).collect()
    }

    /// Who will trust the certificate once it is there, as the attribute and the value of the row that says so; none where
    /// nobody does.
    pub fn trust(&self) -> Option<(AttributePath, Value)> {
        let Ok(certificate) = self.id.name.as_str().parse::<CertificateName>();
        let whom = certificate.store.trusted_by().filter(|_| self.id.kind == NodeKind::Certificate)?;
        Some((AttributePath { name: "trusted_by".to_owned(), member: None }, Value::from(whom)))
    }

    /// The secret without which its SQL Server cannot even be looked at.
    pub fn logs_on_with(&self) -> Option<&SecretRef> {
        self.endpoint.as_ref()?.login.as_ref().map(|login| &login.password)
    }

    /// The key of a task: the digest of its identity and of the attributes that make it another task when they change.
    /// What it runs under one key, it runs once.
    pub fn task_key(&self) -> Digest {
        let mut text = measured(&self.id.to_string());
        for spec in self.id.kind.spec().attributes.iter().filter(|spec| spec.role == AttributeRole::Key) {
            if let Some(value) = self.attributes.get(spec.name) {
                text.push_str(&measured(spec.name));
                text.push_str(&canonical(value));
            }
        }
        Digest::of(text.as_bytes())
    }
}

/// A text with its length before it, so that two texts in a row are never taken for two others.
fn measured(text: &str) -> String {
    format!("{}:{text}", text.len())
}

/// A value as a key has it. Never changed: the markers of tasks that ran hold digests of it.
fn canonical(value: &Value) -> String {
    match value {
        Value::Boolean(_) | Value::Integer(_) => format!("v{}", measured(&value.to_string())),
        Value::Text(text) => format!("t{}", measured(text)),
        Value::Secret(secret) => {
            let SecretRef { site, secret, version } = secret;
            format!(
                "s{}{}{}",
                measured(site.as_str()),
                measured(secret.as_str()),
                measured(&version.0.to_string())
            )
        }
        Value::List(items) => {
            format!("l{}{}", items.len(), items.iter().map(canonical).collect::<String>())
        }
        Value::Members(members) => {
            let pairs = members.iter().map(|(key, value)| measured(key) + &measured(value));
            format!("m{}{}", members.len(), pairs.collect::<String>())
        }
    }
}

/// A SQL Server instance that is reached over the network, with or without an agent beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its name in the site's document.
    pub name: Slug,
    /// Where it is.
    pub address: SqlAddress,
    /// Who logs on there; none where the agent's computer does as itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<SqlLogin>,
    /// Whether the server's certificate is taken as it is, whoever signed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trust_certificate: bool,
    /// Who alone may have signed the server's certificate; without it Windows' own store says who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<CertificateAuthority>,
}

impl Endpoint {
    /// One where the agent's computer logs on as itself.
    pub fn new(name: Slug, address: SqlAddress) -> Self {
        Self { name, address, login: None, trust_certificate: false, authority: None }
    }
}

/// A login of SQL Server's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlLogin {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: SecretRef,
}

/// A change that makes a task run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Whether the task runs before that change or after it.
    pub moment: Moment,
    /// The resource or task that changes, on the same server.
    pub cause: NodeId,
}

/// On which side of a change a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before it, as for stopping an application whose package is replaced.
    Before,
    /// After it, as for recycling a pool that got a right. Owed until it is done.
    After,
}

/// An edge: that node comes before this one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// The role of the server that has the node.
    pub role: Role,
    /// The node.
    pub node: NodeId,
}

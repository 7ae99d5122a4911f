//! The tables of keys, one per kind of document and per part of one.
//!
//! Neighbours: `shape` reads maps by them. The attributes of nodes are not here: they are in
//! [`NodeKind::spec`](crate::node::NodeKind::spec).

use super::shape::{KeySpec, Shape};

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> KeySpec {
    KeySpec { name, shape, required: true, doc }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> KeySpec {
    KeySpec { name, shape, required: false, doc }
}

const KIND: KeySpec = required("kind", Shape::Text, "what the document is: Product, Ring, Client or Site");

pub(crate) static PRODUCT: [KeySpec; 10] = [
    KIND,
    required("name", Shape::Text, "the product's name, as in sxa"),
    required("version", Shape::Text, "the product's version, as in 2022-r2"),
    optional("description", Shape::Text, "what the product is, for people"),
    optional("parameters", Shape::Map, "what the product asks of a site, by name"),
    optional(
        "rules",
        Shape::List,
        "what must hold across parameters, each with what to tell whoever breaks it",
    ),
    optional(
        "prune",
        Shape::Boolean,
        "true: the `prune` of every node, databases, keys and certificates never",
    ),
    required("roles", Shape::List, "the roles of servers; nodes without `server` belong to the first"),
    optional(
        "optional_roles",
        Shape::List,
        "roles that a site may leave out; their nodes are then not there",
    ),
    required("nodes", Shape::List, "what is installed, checked and confirmed, in order"),
];

pub(crate) static RING: [KeySpec; 4] = [
    KIND,
    required("name", Shape::Text, "the ring's name, as in pilot"),
    optional("description", Shape::Text, "which sites belong to the ring, for people"),
    optional("parameters", Shape::Map, "values for every site of the ring"),
];

pub(crate) static CLIENT: [KeySpec; 5] = [
    KIND,
    required("name", Shape::Text, "the client's name, as in dupont"),
    optional("description", Shape::Text, "who the client is, for people"),
    optional("parameters", Shape::Map, "values for every site of the client"),
    optional("secret_recipient", Shape::Text, "the client's own age key: secrets are sealed to it as well"),
];

pub(crate) static SITE: [KeySpec; 11] = [
    KIND,
    required("name", Shape::Text, "the site's name, as in dupont-prod; it never changes"),
    optional("description", Shape::Text, "what the site is, for people"),
    optional("ring", Shape::Text, "the name of the Ring document, where the site belongs to one"),
    required("client", Shape::Text, "the name of the Client document"),
    required("product", Shape::Text, "product and version, as in sxa 2022-r2"),
    required("time_zone", Shape::Text, "an IANA time zone, as in Europe/Paris"),
    required("servers", Shape::Map, "the servers by role, as in web: {name: DUP-WEB01}"),
    optional(
        "endpoints",
        Shape::Map,
        r"SQL Server instances by name, as in main: {address: 'DUP-SQL01\TRESO'}; no agent is needed there",
    ),
    optional("parameters", Shape::Map, "values for this site"),
    optional(
        "secret_recipient",
        Shape::Text,
        "the client's own age key, in place of the one in its document",
    ),
];

pub(crate) static SERVER: [KeySpec; 2] = [
    required("name", Shape::Text, "the computer name, as in DUP-WEB01"),
    optional("parameters", Shape::Map, "values for this server alone"),
];

pub(crate) static ENDPOINT: [KeySpec; 5] = [
    required(
        "address",
        Shape::Text,
        r"HOST\INSTANCE, HOST,PORT, or HOST for its default instance; np:HOST and np:HOST\INSTANCE for its named pipe",
    ),
    optional(
        "login",
        Shape::Text,
        "a login of SQL Server's own; without one the agents' computers log on as themselves",
    ),
    optional(
        "password",
        Shape::Text,
        "the login's password, a secret of the product as in \"{{ sql_password }}\"",
    ),
    optional(
        "trust_certificate",
        Shape::Boolean,
        "true where the server's certificate is taken as it is, as one that SQL Server signed itself must be",
    ),
    optional(
        "certificate_authority",
        Shape::Text,
        "the certificates in PEM, one or more, of the only authorities that may have signed the server's; without it Windows' own store decides",
    ),
];

pub(crate) static PARAMETER: [KeySpec; 11] = [
    required(
        "type",
        Shape::Text,
        "string, integer, port, boolean, enum, list, windows_path, iis_name, host_name, account or secret",
    ),
    optional("default", Shape::Any, "the value where nobody gives one"),
    optional("fixed", Shape::Boolean, "true where the value may be set only once"),
    optional("force", Shape::List, "values that win over every layer, each under a condition"),
    optional(
        "pattern",
        Shape::Text,
        "for a string or secret: a regular expression that the whole text must match",
    ),
    optional(
        "min",
        Shape::Integer,
        "for an integer: the smallest value; for a secret: the fewest characters",
    ),
    optional("max", Shape::Integer, "for an integer: the largest value"),
    optional(
        "form",
        Shape::Text,
        "for a secret: security_code, which is `default` or 10 unaccented characters (G8)",
    ),
    optional("values", Shape::List, "for an enum: the words"),
    optional("server", Shape::Text, "for a port: the role of the server that listens on it"),
    optional("description", Shape::Text, "what the parameter is, for people"),
];

/// An item of a product's `rules`.
pub(crate) static RULE: [KeySpec; 3] = [
    optional(
        "require",
        Shape::Text,
        "a condition over parameters that must hold, as in odata or not treasury",
    ),
    optional(
        "recommend",
        Shape::Text,
        "in place of require: a condition that should hold; a site that breaks it is warned",
    ),
    required("message", Shape::Text, "what to tell whoever breaks it"),
];

/// An item of a parameter's `force`.
pub(crate) static FORCE: [KeySpec; 3] = [
    required("when", Shape::Text, "a condition over other parameters, as in treasury"),
    required("value", Shape::Any, "the value that the parameter then has, whatever the layers say"),
    required("reason", Shape::Text, "why, for whoever wants it otherwise"),
];

/// The keys that a node of any kind may have, beside its attributes.
pub(crate) static NODE: [KeySpec; 9] = [
    optional("server", Shape::Text, "the role of the server; the product's first role where it is not said"),
    optional(
        "when",
        Shape::Text,
        "a condition over parameters; where it is false, the node is left out, and what Muster made of it goes",
    ),
    optional("needs", Shape::List, "nodes that must be done before"),
    optional("provided_by", Shape::Text, "the package that creates it"),
    optional(
        "on_change_of",
        Shape::List,
        "for a task: it runs after each change of one of these nodes of its server",
    ),
    optional(
        "before_change_of",
        Shape::List,
        "for a task: it runs before each change of one of these nodes of its server",
    ),
    optional(
        "members",
        Shape::Text,
        "exact: members of its sets that are not listed are taken away, whoever made them",
    ),
    optional(
        "prune",
        Shape::Boolean,
        "true: where Muster made it, it is taken away once no document names it",
    ),
    optional("guide", Shape::Text, "the guide's demand, as in G12"),
];

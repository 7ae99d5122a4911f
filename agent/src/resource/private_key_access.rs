//! Rights on the private keys of certificates, account by account (G16).
//!
//! Neighbours: `host::Certificates`, `certificate` chooses which one is meant. A wider grant that exists is in sync: it is shown
//! as what is wanted. The certificate itself is never touched, nor is an account that no row names.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot, certificate, new_text, rights};
use crate::host::{self, Host, KeyAccess};

/// Accounts whose rights hold for everybody, and for the identity of every pool.
const EVERYBODY: &str = "Everyone";
const POOLS: &str = r"BUILTIN\IIS_IUSRS";
const POOL_ACCOUNT: &str = r"IIS APPPOOL\";

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(found) = certificate::best(node.id.name.as_str(), host)?.filter(|found| found.has_key) else {
        return Ok(Observation::Absent);
    };
    let seen = host.certificates().key_rights(certificate::key_of(node.id.name.as_str(), &found))?;
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for (account, access) in &seen {
        shown.insert(rights::spelling(node, host, account.clone()), word(*access).to_owned());
    }
    let wanted =
        if let Some(Value::Members(wanted)) = node.attributes.get("rights") { Some(wanted) } else { None };
    for (account, wanted) in wanted.into_iter().flatten() {
        let covers = |(holder, held): &&(String, KeyAccess)| {
            holds_for(holder, account, host) && access(wanted).is_some_and(|access| *held >= access)
        };
        if seen.iter().any(|grant| covers(&grant)) {
            shown.insert(account.clone(), wanted.clone());
        }
    }
    Ok(Observation::Present(BTreeMap::from([("rights".to_owned(), Value::Members(shown))])))
}

/// Whether what the holder may do, the account may do.
fn holds_for(holder: &str, account: &str, host: &dyn Host) -> bool {
    let is_pool =
        account.get(..POOL_ACCOUNT.len()).is_some_and(|start| start.eq_ignore_ascii_case(POOL_ACCOUNT));
    let is = |other: &str| host.files().is_same_account(other, holder);
    is(account) || is(EVERYBODY) || (is_pool && is(POOLS))
}

pub(super) fn apply(name: &str, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    let found = certificate::best(name, host)?.filter(|found| found.has_key);
    let found =
        found.ok_or_else(|| Error::Unmet(format!("no certificate {name} with its key is in the store")))?;
    for row in rows {
        match (row.attribute.name.as_str(), row.attribute.member.as_deref(), &row.new, new_text(row)) {
            ("rights", Some(account), New::Exact(_), Some(word)) => {
                let access = access(word).ok_or_else(|| cannot(NodeKind::PrivateKeyAccess, row))?;
                host.certificates().grant_key(certificate::key_of(name, &found), account, access)?;
            }
            ("rights", Some(account), New::Absent, _) => {
                host.certificates().revoke_key(certificate::key_of(name, &found), account)?;
            }
            _ => return Err(cannot(NodeKind::PrivateKeyAccess, row)),
        }
    }
    Ok(())
}

fn word(access: KeyAccess) -> &'static str {
    match access {
        KeyAccess::Read => "read",
        KeyAccess::Full => "full",
    }
}

fn access(word: &str) -> Option<KeyAccess> {
    [KeyAccess::Read, KeyAccess::Full].into_iter().find(|access| self::word(*access) == word)
}

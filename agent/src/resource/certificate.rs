//! Certificates: found in the computer's own store, imported from a PFX only where there is none (G16).
//!
//! Neighbours: `host::Certificates`; `vault` opens a file's password at the moment at which it is imported; `iis_binding`
//! and `private_key_access` choose by [`best`] too, so that all mean the same one. Never replaces a certificate and never
//! removes one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_agent_core::observation::Observation;
use muster_model::certificate::CertificateName;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot};
use crate::host::{self, CertificateFacts, Host};
use crate::vault::Secrets;

pub(super) fn observe(name: &str, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(found) = best(name, host)? else { return Ok(Observation::Absent) };
    let unfit = |message: String| {
        Err(host::Error::Refused { operation: "use certificate", name: name.to_owned(), message })
    };
    if !found.has_key {
        unfit(format!("{} is in the store without its private key", shown(&found)))
    } else if found.not_after <= host.clock().now() {
        unfit(format!("{} has ended on {}", shown(&found), day(found.not_after)))
    } else {
        Ok(Observation::Present(BTreeMap::new()))
    }
}

pub(super) fn apply(node: &Node, rows: &[Row], host: &dyn Host, secrets: &dyn Secrets) -> Result<(), Error> {
    let pfx = node.attributes.get("pfx").and_then(Value::as_text);
    for row in rows {
        match (row.attribute.is_existence(), &row.new, pfx) {
            (true, New::Exact(_), Some(pfx)) => import(node, pfx, host, secrets)?,
            // It opens the file, and is no work of its own.
            (false, New::Exact(Value::Secret(_)), Some(_)) => {}
            _ => return Err(cannot(NodeKind::Certificate, row)),
        }
    }
    Ok(())
}

fn import(node: &Node, pfx: &str, host: &dyn Host, secrets: &dyn Secrets) -> Result<(), Error> {
    let secret = node.attributes.get("pfx_password").and_then(Value::as_secret);
    let password = secret.map(|secret| secrets.open(secret)).transpose()?;
    host.certificates().import(pfx, password.as_ref()).map_err(|told| {
        if !matches!(told, host::Error::Locked { .. }) {
            return told.into();
        }
        let advice = match secret {
            Some(secret) => format!(
                "that was {} {}; set the right one (muster secret set {} {}), then plan again",
                secret.secret, secret.version, secret.site, secret.secret
            ),
            None => format!("give {} its `pfx_password`, a secret, then push and plan again", node.id),
        };
        Error::Locked { told, advice }
    })
}

/// The certificate that is meant: of several the one with its key, valid, and with the latest end.
pub(super) fn best(name: &str, host: &dyn Host) -> Result<Option<CertificateFacts>, host::Error> {
    let Ok(wanted) = name.parse::<CertificateName>();
    let now = host.clock().now();
    let all = host.certificates().all()?;
    let meant = all.into_iter().filter(|found| wanted.names(&found.thumbprint, &found.subject));
    Ok(meant.max_by_key(|found| (found.has_key, found.not_after > now, found.not_after)))
}

/// Which one it is and how long it lasts, for the evidence.
pub(super) fn remark(name: &str, host: &dyn Host) -> Result<Option<String>, host::Error> {
    let now = host.clock().now();
    Ok(best(name, host)?.map(|found| {
        let days = found.not_after.duration_since(now).as_hours() / 24;
        let left =
            if found.not_after <= now { "it has ended".to_owned() } else { format!("{days} days left") };
        format!("{} ends on {}, {left}", shown(&found), day(found.not_after))
    }))
}

fn shown(found: &CertificateFacts) -> String {
    format!("certificate {} ({})", found.thumbprint, found.subject)
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

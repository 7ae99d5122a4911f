//! Certificates: found in the store that their name says, imported from a file only where there is none (G16).
//!
//! Neighbours: `host::Certificates`; `vault` opens a file's password at the moment at which it is imported; `iis_binding`
//! and `private_key_access` choose by [`best`] too, so that all mean the same one. Never replaces a certificate and never
//! removes one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_agent_core::observation::Observation;
use muster_model::certificate::{CertificateName, CertificateStore};
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{AttributePath, New, Row};
use muster_model::value::Value;

use super::{Error, cannot};
use crate::host::{self, CertificateFacts, Host, KeyOf};
use crate::vault::Secrets;

/// The same code means another thing there.
const OTHERWISE: &str = "Windows Server 2016 says the same of a file that is made with AES-256, for which TripleDES and SHA-1 are to be chosen";

pub(super) fn observe(name: &str, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(found) = best(name, host)? else { return Ok(Observation::Absent) };
    let unfit = |message: String| {
        Err(host::Error::Refused { operation: "use certificate", name: name.to_owned(), message })
    };
    let now = host.clock().now();
    if !found.has_key && store(name).keeps_keys() {
        unfit(format!("{} is in the store without its private key", shown(&found)))
    } else if found.not_after <= now {
        unfit(format!("{} has ended on {}", shown(&found), day(found.not_after)))
    } else if now < found.not_before {
        unfit(format!("{} is not valid before {}", shown(&found), day(found.not_before)))
    } else {
        let trust = store(name).trusted_by().map(|whom| ("trusted_by".to_owned(), Value::from(whom)));
        Ok(Observation::Present(BTreeMap::from_iter(trust)))
    }
}

pub(super) fn apply(node: &Node, rows: &[Row], host: &dyn Host, secrets: &dyn Secrets) -> Result<(), Error> {
    let file = |attribute: &str| node.attributes.get(attribute).and_then(Value::as_text);
    for row in rows {
        match (row.attribute.name.as_str(), &row.new, file("pfx"), file("cer")) {
            (AttributePath::EXISTS, New::Exact(_), Some(pfx), _) => import(node, pfx, host, secrets)?,
            (AttributePath::EXISTS, New::Exact(_), None, Some(cer)) => {
                host.certificates().add(&name(node.id.name.as_str()), cer)?;
            }
            // Who trusts it, and what opens its file, is no work of its own.
            ("trusted_by", New::Exact(Value::Text(_)), ..) => {}
            ("pfx_password", New::Exact(Value::Secret(_)), Some(_), _) => {}
            _ => return Err(cannot(NodeKind::Certificate, row)),
        }
    }
    Ok(())
}

fn import(node: &Node, pfx: &str, host: &dyn Host, secrets: &dyn Secrets) -> Result<(), Error> {
    let secret = node.attributes.get("pfx_password").and_then(Value::as_secret);
    let password = secret.map(|secret| secrets.open(secret)).transpose()?;
    host.certificates().import(&name(node.id.name.as_str()), pfx, password.as_ref()).map_err(|told| {
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
        Error::Locked { told, advice: format!("{advice}; {OTHERWISE}") }
    })
}

fn name(text: &str) -> CertificateName {
    let Ok(name) = text.parse();
    name
}

/// The store that a name says.
pub(super) fn store(text: &str) -> CertificateStore {
    name(text).store
}

/// Where the key of that certificate, which a name has found, lies.
pub(super) fn key_of<'f>(text: &str, found: &'f CertificateFacts) -> KeyOf<'f> {
    KeyOf { store: store(text), thumbprint: &found.thumbprint }
}

/// The certificate that is meant: of several the one with its key, valid now, and with the latest end.
pub(super) fn best(text: &str, host: &dyn Host) -> Result<Option<CertificateFacts>, host::Error> {
    let wanted = name(text);
    let now = host.clock().now();
    let all = host.certificates().all(wanted.store)?;
    let meant = all.into_iter().filter(|found| wanted.names(&found.thumbprint, &found.subject));
    Ok(meant.max_by_key(|found| (found.has_key, found.is_valid(now), found.not_after)))
}

/// Whether the certificate of that thumbprint is one of those that are called so, the best or another.
pub(super) fn is_called(text: &str, thumbprint: &str, host: &dyn Host) -> Result<bool, host::Error> {
    let wanted = name(text);
    let all = host.certificates().all(wanted.store)?.into_iter();
    let mut same = all.filter(|found| found.thumbprint.eq_ignore_ascii_case(thumbprint));
    Ok(same.any(|found| wanted.names(&found.thumbprint, &found.subject)))
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::twin::store::Store;
    use crate::host::twin::{Twin, yaml};
    use crate::vault;

    #[test]
    fn g16_a_pfx_that_does_not_open_is_told_with_what_may_be_behind_it() {
        let text = r"kind: Twin
host_name: SXA-01
packages: {}
pfx:
  C:\a.pfx: {subject: CN=sxa.example, thumbprint: 0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A, not_after: '2029-01-01T00:00:00Z', password: a}
";
        let folder = tempfile::tempdir().unwrap();
        let (state, catalogue) = yaml::read(text).unwrap().split();
        Store::create(folder.path(), &state, &catalogue).unwrap();
        let twin = Twin::open(folder.path(), Path::new("muster-agent")).unwrap();
        let node = Node::bare("certificate/CN=sxa.example".parse().unwrap());
        let told = import(&node, r"C:\a.pfx", &twin, &vault::Nothing).unwrap_err().to_string();
        for words in
            ["error 86: ", "nothing was imported; give certificate/CN=sxa.example its", "made with AES-256"]
        {
            assert!(told.contains(words), "{told}");
        }
    }
}

//! What a person's confirmation of a gate stands for.
//!
//! Neighbours: `plan` asks which gates are due, the store keeps confirmations by fingerprint. The same gate with the same
//! inputs is asked once; a move to another site or server, or one changed input, asks again.

use std::collections::BTreeMap;

use muster_model::digest::Digest;
use muster_model::manifest::Node;
use muster_model::name::{NodeId, Role, ServerId, Slug};
use muster_model::value::Value;
use serde::Serialize;

use crate::record::{Error, to_bytes};

#[derive(Serialize)]
struct Inputs<'a> {
    site: &'a Slug,
    role: &'a Role,
    node: &'a NodeId,
    attributes: &'a BTreeMap<String, Value>,
}

/// The fingerprint of a gate on a server: the digest of its site, role, identity and attributes.
///
/// # Errors
/// Where the attributes cannot be written.
pub fn gate(server: &ServerId, node: &Node) -> Result<Digest, Error> {
    let ServerId { site, role } = server;
    let Node {
        id,
        attributes,
        provided_by: _,
        needs: _,
        guide: _,
        triggers: _,
        endpoint: _,
        exact: _,
        prune: _,
        absent: _,
    } = node;
    let bytes = to_bytes("gate", &Inputs { site, role, node: id, attributes })?;
    Ok(Digest::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(instructions: &str) -> Node {
        let json = serde_json::json!({
            "id": "manual_step/data-encryption", "attributes": {"instructions": instructions}, "guide": "G17",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_confirmation_holds_for_the_same_inputs_and_no_others() {
        let server = "dupont-prod/web".parse().unwrap();
        let one = gate(&server, &node("Set the password.")).unwrap();
        assert_eq!(gate(&server, &Node { guide: None, ..node("Set the password.") }).unwrap(), one);
        assert_ne!(gate(&server, &node("Set the new password.")).unwrap(), one, "changed inputs ask again");
        assert_ne!(gate(&"dupont-prod/sql".parse().unwrap(), &node("Set the password.")).unwrap(), one);
        assert_ne!(gate(&"nord-prod/web".parse().unwrap(), &node("Set the password.")).unwrap(), one);
    }
}

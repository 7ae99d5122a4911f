//! Which record of HTTP.SYS answers first: one at an address of the server comes before that of a host name (SNI) and before
//! that of every address.
//!
//! Neighbours: `iis_binding` asks where a document names the certificate. Only looks: which of the two is meant, and whose the
//! other is, a person decides.

use std::net::IpAddr;

use muster_model::binding::{BindingKey, BindingName};

use super::{certificate, sharing, users};
use crate::host::{Error, Host, IIS_APP_ID, SslRecord};

/// Refuses where a record before the binding's own answers with another certificate than the one that is wanted.
pub(super) fn must_be_own(
    name: &BindingName,
    sni: bool,
    present: Option<bool>,
    own: Option<&SslRecord>,
    wanted: &str,
    host: &dyn Host,
) -> Result<(), Error> {
    let key = &name.key;
    if !key.is_https || (!sni && address(key).is_some()) {
        return Ok(());
    }
    for (at, record) in host.http_sys().records_at(key.port)? {
        let is_before = !at.ip().is_unspecified() && address(key).is_none_or(|own| own == at.ip());
        // Both answer with the one of before where a certificate is renewed; each binding's own step mends its record.
        let is_same = own.is_some_and(|own| own.thumbprint.eq_ignore_ascii_case(&record.thumbprint));
        if !is_before || is_same || certificate::is_called(wanted, &record.thumbprint, host)? {
            continue;
        }
        let endpoint = at.to_string();
        let others = sharing(name, &endpoint, host)?;
        // Its own of the way in which it answered before goes in the same step, unless another binding uses it.
        let goes = present == Some(false) && key.endpoint(false) == endpoint && others.is_empty();
        // A binding of no name and no address leaves an address to those that have it.
        let is_left = !sni && key.host.is_empty() && !users(&endpoint, host)?.is_empty();
        if !goes && !is_left {
            return Err(refusal(&key.endpoint(sni), &endpoint, &record, others.first()));
        }
    }
    Ok(())
}

/// The one address that the binding is for.
fn address(key: &BindingKey) -> Option<IpAddr> {
    let bare = key.ip.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().filter(|ip: &IpAddr| !ip.is_unspecified())
}

fn refusal(own: &str, before: &str, record: &SslRecord, user: Option<&String>) -> Error {
    let whose = if !record.app_id.eq_ignore_ascii_case(IIS_APP_ID) {
        let program = &record.app_id;
        format!(
            "it belongs to another program, {program}; use another port, or an address of the binding's own"
        )
    } else if let Some(user) = user {
        format!(
            "binding {user} uses it; give both one certificate, or this one another port or an address of its own"
        )
    } else {
        format!(
            "no binding uses it; if it is a left-over, remove it: netsh http delete sslcert ipport={before}"
        )
    };
    let message = format!(
        "the record of {before} comes before it, and answers with certificate {}: {whose}",
        record.thumbprint
    );
    Error::Refused { operation: "use HTTP.SYS record", name: own.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use muster_agent_core::observation::Observation;
    use muster_model::manifest::Node;
    use muster_model::value::Value;

    use super::super::observe;
    use crate::host::twin::store::Store;
    use crate::host::twin::{Twin, yaml};

    const OLD: &str = "0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A";
    const NEW: &str = "1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B";
    const OTHER: &str = "2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C";
    const AT: &str = "10.1.2.3:1025";

    /// What is said of that binding of Sage, which is there with or without SNI, and of which SNI is wanted or not.
    fn said(key: &str, (present, sni): (bool, bool), other: &str, record: &str) -> Option<String> {
        let text = format!(
            "kind: Twin
host_name: SXA-01
packages: {{}}
sites:
  Sage: {{physical_path: 'C:\\Sage', bindings: {{'{key}': {{sni: {present}}}}}}}
  Other: {{physical_path: 'C:\\Other', bindings: {{{other}}}}}
http_sys:
  {record}
certificates:
  {OLD}: {{subject: CN=sxa.example, not_after: '2029-01-01T00:00:00Z'}}
  {NEW}: {{subject: CN=sxa.example, not_after: '2030-01-01T00:00:00Z'}}
  {OTHER}: {{subject: CN=other.example, not_after: '2030-01-01T00:00:00Z'}}
"
        );
        let folder = tempfile::tempdir().unwrap();
        let (state, catalogue) = yaml::read(&text).unwrap().split();
        Store::create(folder.path(), &state, &catalogue).unwrap();
        let twin = Twin::open(folder.path(), Path::new("muster-agent")).unwrap();
        let wanted = [("certificate", Value::from("CN=sxa.example")), ("sni", sni.into())];
        let node = Node {
            attributes: BTreeMap::from(wanted.map(|(name, value)| (name.to_owned(), value))),
            ..Node::bare(format!("iis_binding/Sage/{key}").parse().unwrap())
        };
        match observe(&node, &twin) {
            Ok(Observation::Present(_)) => None,
            Ok(seen) => panic!("{seen:?}"),
            Err(error) => Some(error.to_string()),
        }
    }

    #[test]
    fn another_certificate_at_an_address_comes_before_that_of_a_name() {
        let record = format!("'{AT}': {{certificate: {OTHER}}}");
        let told = said("https/*:1025:sxa.example", (true, true), "", &record).unwrap();
        let wanted = format!(
            "use HTTP.SYS record sxa.example:1025 failed: the record of {AT} comes before it, and answers with certificate \
             {OTHER}: no binding uses it; if it is a left-over, remove it: netsh http delete sslcert ipport={AT}"
        );
        assert_eq!(told, wanted);
        let used = said("https/*:1025:sxa.example", (true, true), &format!("'https/{AT}:': {{}}"), &record);
        assert!(used.unwrap().contains(&format!("binding Other/https/{AT}: uses it; give both one")));
        let foreign = format!("'{AT}': {{certificate: {OTHER}, app_id: '{{00-aa}}'}}");
        let foreign = said("https/*:1025:sxa.example", (true, true), "", &foreign).unwrap();
        assert!(foreign.contains("another program, {00-aa}; use another port"), "{foreign}");
    }

    #[test]
    fn only_a_record_that_answers_for_the_binding_and_with_another_certificate_is_in_its_way() {
        let (sni, plain, becomes) = ((true, true), (false, false), (false, true));
        let user = format!("'https/{AT}:': {{}}");
        for (key, how, other, at, certificate, is_said) in [
            ("https/*:1025:sxa.example", sni, "", "'[::1]:1025'", OTHER, true),
            ("https/10.1.2.3:1025:sxa.example", sni, "", AT, OTHER, true),
            ("https/10.9.9.9:1025:sxa.example", sni, "", AT, OTHER, false),
            ("https/*:1025:sxa.example", sni, "", "10.1.2.3:1026", OTHER, false),
            ("https/*:1025:sxa.example", sni, "", "0.0.0.0:1025", OTHER, false),
            ("https/*:1025:sxa.example", sni, "", "'[::]:1025'", OTHER, false),
            // The same certificate, or the one of before by the same name.
            ("https/*:1025:sxa.example", sni, "", AT, NEW, false),
            ("https/*:1025:sxa.example", sni, "", AT, OLD, false),
            // One at an address comes before the one of every address, too; but an address may be another binding's.
            ("https/*:1025:sxa.example", plain, user.as_str(), AT, OTHER, true),
            ("https/*:1025:", plain, "", AT, OTHER, true),
            ("https/*:1025:", plain, user.as_str(), AT, OTHER, false),
            // Its own.
            ("https/10.1.2.3:1025:", plain, "", AT, OTHER, false),
            ("https/10.1.2.3:1025:sxa.example", becomes, "", AT, OTHER, false),
            ("https/10.1.2.3:1025:sxa.example", becomes, user.as_str(), AT, OTHER, true),
        ] {
            let told = said(key, how, other, &format!("{at}: {{certificate: {certificate}}}"));
            let is = told.as_ref().is_some_and(|told| told.contains("comes before it"));
            assert_eq!(is, is_said, "{key} {how:?} {other} {at} {certificate}: {told:?}");
            assert_eq!(told.is_some(), is_said, "{told:?}");
        }
    }
}

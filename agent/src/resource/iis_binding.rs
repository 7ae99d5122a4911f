//! Bindings of IIS sites and their HTTP.SYS records (G7, G10).
//!
//! Neighbours: `host::Sites`, `host::HttpSys`, `certificate`. A record that another binding shares, of whatever site, or that
//! another program made, is never changed: that is a finding for a person, as is one that answers before the binding's own
//! (`first`). Other bindings are never touched.

mod first;

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::binding::{BindingKey, BindingName};
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot, certificate, new_text};
use crate::host::{self, Host, IIS_APP_ID, KeyOf, SiteChange, SslRecord};

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let name = read(node.id.name.as_str())?;
    let site = host.sites().get(name.site.as_str())?;
    let present = site.and_then(|site| site.bindings.get(&name.key).copied());
    let sni = node.attributes.get("sni").and_then(Value::as_boolean).or(present).unwrap_or(false);
    let record = if name.key.is_https { host.http_sys().record(&name.key.endpoint(sni))? } else { None };
    let wanted = node.attributes.get("certificate").and_then(Value::as_text);
    let seen = match &record {
        Some(record) => Some(certificate_of(record, wanted, host)?),
        None => None,
    };
    if let (Some(record), Some(wanted)) = (&record, wanted)
        && seen.as_deref() != Some(wanted)
    {
        not_anothers(&name, sni, present.is_some(), record, host)?;
    }
    if let Some(wanted) = wanted {
        first::must_be_own(&name, sni, present, record.as_ref(), wanted, host)?;
    }
    let Some(present) = present else { return Ok(Observation::Absent) };
    let mut attributes = BTreeMap::new();
    if name.key.is_https {
        attributes.insert("sni".to_owned(), Value::Boolean(present));
    }
    attributes.extend(seen.map(|seen| ("certificate".to_owned(), Value::Text(seen))));
    Ok(Observation::Present(attributes))
}

/// The certificate of a record: as the document names it where that is the one, in its store, else by its thumbprint.
fn certificate_of(record: &SslRecord, wanted: Option<&str>, host: &dyn Host) -> Result<String, host::Error> {
    let best = wanted.map(|wanted| certificate::best(wanted, host)).transpose()?.flatten();
    let is_wanted = best.is_some_and(|best| best.thumbprint.eq_ignore_ascii_case(&record.thumbprint))
        && record.store == wanted.map(certificate::store);
    Ok(match (wanted.filter(|_| is_wanted), record.store) {
        (Some(wanted), _) => wanted.to_owned(),
        (None, Some(store)) => store.name_of(&record.thumbprint),
        (None, None) => format!("{} of a store of another kind", record.thumbprint),
    })
}

/// Refuses where changing the record would change what is not this binding's alone.
fn not_anothers(
    name: &BindingName,
    sni: bool,
    present: bool,
    record: &SslRecord,
    host: &dyn Host,
) -> Result<(), host::Error> {
    let endpoint = name.key.endpoint(sni);
    let refuse = |message: String| {
        let message = format!("it answers with certificate {}, and {message}", record.thumbprint);
        Err(host::Error::Refused { operation: "set HTTP.SYS record", name: endpoint.clone(), message })
    };
    if !record.app_id.eq_ignore_ascii_case(IIS_APP_ID) {
        return refuse(format!("the record belongs to another program, {}", record.app_id));
    }
    let sharing = sharing(name, &endpoint, host)?;
    match sharing.first() {
        Some(other) => refuse(format!("binding {other} shares the record; use another port, or `sni: true`")),
        None if !present => refuse(format!(
            "no binding uses it; if it is a left-over, remove it: netsh http delete sslcert ipport={endpoint}"
        )),
        None => Ok(()),
    }
}

/// Other bindings that use the record at that endpoint, those of the same site among them.
fn sharing(name: &BindingName, endpoint: &str, host: &dyn Host) -> Result<Vec<String>, host::Error> {
    let is_own =
        |site: &str, key: &BindingKey| site.eq_ignore_ascii_case(name.site.as_str()) && *key == name.key;
    let users = users(endpoint, host)?.into_iter().filter(|(site, key)| !is_own(site, key));
    Ok(users.map(|(site, key)| format!("{site}/{key}")).collect())
}

/// The bindings that use the record at that endpoint, each after its site.
fn users(endpoint: &str, host: &dyn Host) -> Result<Vec<(String, BindingKey)>, host::Error> {
    let all = host.sites().bindings()?.into_iter();
    let users = all.filter(|(_, key, sni)| key.is_https && key.endpoint(*sni) == endpoint);
    Ok(users.map(|(site, key, _)| (site, key)).collect())
}

pub(super) fn apply(node: &Node, before: &Observation, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    let text = node.id.name.as_str();
    let name = read(text)?;
    let new_sni = rows.iter().find(|row| row.attribute.name == "sni");
    let was = match before {
        Observation::Present(seen) => seen.get("sni").and_then(Value::as_boolean),
        Observation::Absent | Observation::Unreadable(_) => None,
    };
    let sni = match new_sni.map(|row| &row.new) {
        Some(New::Exact(Value::Boolean(sni))) => *sni,
        _ => was.unwrap_or(false),
    };
    // The record of the way in which it answered before would be nobody's, and goes first, as in [`remove`].
    let dropped = match was {
        Some(was) if was != sni => drop_record(&name, was, host)?,
        _ => None,
    };
    if *before == Observation::Absent || new_sni.is_some() {
        let set = host.sites().set(name.site.as_str(), &[SiteChange::Binding(name.key.clone(), sni)]);
        if let (Err(_), Some(dropped)) = (&set, &dropped)
            && let Err(error) = put_back(&name, !sni, dropped, host)
        {
            tracing::warn!(binding = text, %error, "its record cannot be put back");
        }
        set?;
    }
    for row in rows {
        match (row.attribute.name.as_str(), &row.new) {
            ("sni", New::Exact(Value::Boolean(_))) => {}
            ("certificate", New::Exact(_)) => set_certificate(&name, sni, row, host)?,
            _ if row.attribute.is_existence() && row.new != New::Absent => {}
            _ => return Err(cannot(NodeKind::IisBinding, row)),
        }
    }
    Ok(())
}

fn set_certificate(name: &BindingName, sni: bool, row: &Row, host: &dyn Host) -> Result<(), Error> {
    let wanted = new_text(row).ok_or_else(|| cannot(NodeKind::IisBinding, row))?;
    let found = certificate::best(wanted, host)?.filter(|found| found.has_key);
    let found =
        found.ok_or_else(|| Error::Unmet(format!("no certificate {wanted} with its key is in its store")))?;
    Ok(host.http_sys().set_record(&name.key.endpoint(sni), certificate::key_of(wanted, &found))?)
}

/// Takes the binding's record away where it is IIS's and no other binding uses it, and gives what it was.
fn drop_record(name: &BindingName, sni: bool, host: &dyn Host) -> Result<Option<SslRecord>, host::Error> {
    let endpoint = name.key.endpoint(sni);
    let record = host.http_sys().record(&endpoint)?;
    let own = record.filter(|record| record.app_id.eq_ignore_ascii_case(IIS_APP_ID));
    if own.is_some() && sharing(name, &endpoint, host)?.is_empty() {
        host.http_sys().remove_record(&endpoint)?;
        return Ok(own);
    }
    Ok(None)
}

/// Has a binding that is still as it was go on answering. What was refused may yet have been done.
fn put_back(name: &BindingName, sni: bool, record: &SslRecord, host: &dyn Host) -> Result<(), host::Error> {
    let still = host.sites().get(name.site.as_str())?.and_then(|site| site.bindings.get(&name.key).copied());
    match record.store {
        Some(store) if still == Some(sni) => {
            let key = KeyOf { store, thumbprint: &record.thumbprint };
            host.http_sys().set_record(&name.key.endpoint(sni), key)
        }
        _ => Ok(()),
    }
}

/// Takes the binding away, and before it its record where no other binding uses it: a binding that is still there is seen by
/// whoever goes on after a crash, and a record without one by nobody.
pub(super) fn remove(name: &str, host: &dyn Host) -> Result<(), Error> {
    let name = read(name)?;
    let site = host.sites().get(name.site.as_str())?;
    let Some(sni) = site.and_then(|site| site.bindings.get(&name.key).copied()) else { return Ok(()) };
    if name.key.is_https {
        drop_record(&name, sni, host)?;
    }
    Ok(host.sites().set(name.site.as_str(), &[SiteChange::NoBinding(name.key.clone())])?)
}

/// Which certificate answers, and how long it lasts.
pub(super) fn remark(node: &Node, host: &dyn Host) -> Result<Option<String>, host::Error> {
    match node.attributes.get("certificate").and_then(Value::as_text) {
        Some(wanted) => certificate::remark(wanted, host),
        None => Ok(None),
    }
}

fn read(name: &str) -> Result<BindingName, host::Error> {
    name.parse().map_err(|error: muster_model::name::InvalidName| host::Error::Refused {
        operation: "read binding",
        name: name.to_owned(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use muster_agent_core::diff;
    use muster_agent_core::ledger::Ledger;
    use muster_model::certificate::CertificateStore;
    use tempfile::TempDir;

    use super::*;
    use crate::host::twin::fault::{Fault, Moment, Operation, Strike};
    use crate::host::twin::store::Store;
    use crate::host::twin::{Twin, yaml};

    const OLD: &str = "0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A";
    const NEW: &str = "1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B";
    const PORT: &str = "0.0.0.0:1025";

    /// A server with these bindings of Sage and Other, and records at that port and of a host name.
    fn server(sage: &str, other: &str) -> (TempDir, Twin) {
        let text = format!(
            "kind: Twin
host_name: SXA-01
packages: {{}}
sites:
  Sage: {{physical_path: 'C:\\Sage', bindings: {{{sage}}}}}
  Other: {{physical_path: 'C:\\Other', bindings: {{{other}}}}}
http_sys:
  {PORT}: {{certificate: {OLD}}}
  sxa.example:1025: {{certificate: {OLD}}}
certificates:
  {OLD}: {{subject: CN=sxa.example, not_after: '2029-01-01T00:00:00Z'}}
  {NEW}: {{subject: CN=sxa.example, not_after: '2030-01-01T00:00:00Z'}}
  web_hosting/{NEW}: {{subject: CN=sxa.example, not_after: '2030-01-01T00:00:00Z'}}
"
        );
        let folder = tempfile::tempdir().unwrap();
        let (state, catalogue) = yaml::read(&text).unwrap().split();
        Store::create(folder.path(), &state, &catalogue).unwrap();
        let twin = Twin::open(folder.path(), Path::new("muster-agent")).unwrap();
        (folder, twin)
    }

    fn has_record(twin: &Twin, endpoint: &str) -> bool {
        twin.http_sys().record(endpoint).unwrap().is_some()
    }

    #[test]
    fn a_record_goes_with_the_last_binding_that_uses_it_and_no_sooner() {
        for (sage, other, stays) in [
            ("'https/*:1025:': {}", "", false),
            ("'https/*:1025:': {}", "'http/*:1025:': {}", false),
            ("'https/*:1025:': {}", "'https/*:1026:': {}", false),
            ("'https/*:1025:': {}", "'https/*:1025:sxa.example': {sni: true}", false),
            ("'https/*:1025:': {}", "'https/*:1025:other.example': {}", true),
            ("'https/*:1025:': {}", "'https/*:1025:*.example': {}", true),
            ("'https/*:1025:': {}", "'https/:1025:my_host.local': {}", true),
            ("'https/*:1025:': {}", "'https/*:1025:*.example': {sni: true}", false),
            ("'https/*:1025:': {}, 'https/:1025:': {}", "", true),
            ("'https/*:1025:': {}, 'https/*:1025:sxa.example': {}", "", true),
            ("'https/*:1025:': {}, 'https/0.0.0.0:1025:': {}", "", true),
        ] {
            let (_folder, twin) = server(sage, other);
            remove("Sage/https/*:1025:", &twin).unwrap();
            assert_eq!(has_record(&twin, PORT), stays, "{sage} and {other}");
            assert!(has_record(&twin, "sxa.example:1025"), "it is another's");
        }
    }

    /// The computer's agent is cut off once, before that operation or after it.
    fn cut(folder: &TempDir, operation: Operation, moment: Moment) {
        let fault = Fault { operation, target: None, strike: Strike::Fail(None), moment, times: Some(1) };
        let store = Store::open(folder.path(), "hand").unwrap();
        store.lock().unwrap().set_faults(&[fault]).unwrap();
    }

    const CUTS: [(Operation, Moment); 4] = [
        (Operation::HttpSysRemove, Moment::Before),
        (Operation::HttpSysRemove, Moment::After),
        (Operation::SiteSet, Moment::Before),
        (Operation::SiteSet, Moment::After),
    ];

    #[test]
    fn a_removal_that_is_cut_off_anywhere_leaves_no_record_behind_once_it_is_resumed() {
        for (operation, moment) in CUTS {
            let (folder, twin) = server("'https/*:1025:': {}", "");
            cut(&folder, operation, moment);
            remove("Sage/https/*:1025:", &twin).unwrap_err();
            remove("Sage/https/*:1025:", &twin).unwrap();
            assert!(!has_record(&twin, PORT), "{operation:?} {moment:?}");
            assert!(twin.sites().get("Sage").unwrap().unwrap().bindings.is_empty());
        }
    }

    /// Brings Sage's binding to SNI and a certificate, as a step does it.
    fn mend(twin: &Twin) -> Result<(), Error> {
        let wanted = [("certificate", Value::from("CN=sxa.example")), ("sni", true.into())];
        let node = Node {
            attributes: BTreeMap::from(wanted.map(|(name, value)| (name.to_owned(), value))),
            ..Node::bare("iis_binding/Sage/https/*:1025:sxa.example".parse().unwrap())
        };
        let before = observe(&node, twin)?;
        let rows = diff::compare(&node, &before, &Ledger::default()).rows;
        if rows.is_empty() { Ok(()) } else { apply(&node, &before, &rows, twin) }
    }

    #[test]
    fn a_change_of_sni_that_is_cut_off_anywhere_leaves_no_record_behind_once_it_is_resumed() {
        for (operation, moment) in CUTS {
            let (folder, twin) = server("'https/*:1025:sxa.example': {}", "");
            cut(&folder, operation, moment);
            mend(&twin).unwrap_err();
            mend(&twin).unwrap();
            assert!(!has_record(&twin, PORT), "{operation:?} {moment:?}");
            let record = twin.http_sys().record("sxa.example:1025").unwrap().unwrap();
            assert_eq!(record.thumbprint, NEW);
        }
    }

    #[test]
    fn a_binding_whose_change_of_sni_is_refused_goes_on_answering() {
        let (folder, twin) = server("'https/*:1025:sxa.example': {}", "");
        cut(&folder, Operation::SiteSet, Moment::Before);
        mend(&twin).unwrap_err();
        assert_eq!(twin.http_sys().record(PORT).unwrap().unwrap().thumbprint, OLD);
    }

    #[test]
    fn a_record_that_looks_for_the_same_certificate_in_another_store_is_told_with_it() {
        let (_folder, twin) = server("'https/*:1025:': {}", "");
        let record = |store| twin.http_sys().set_record(PORT, KeyOf { store, thumbprint: NEW }).unwrap();
        let (my, hosting) = ("CN=sxa.example", "web_hosting/CN=sxa.example");
        for (store, wanted, told) in [
            (CertificateStore::My, my, my),
            (CertificateStore::My, hosting, NEW),
            (CertificateStore::WebHosting, hosting, hosting),
            (CertificateStore::WebHosting, my, &format!("web_hosting/{NEW}")),
        ] {
            record(store);
            let node = Node {
                attributes: BTreeMap::from([("certificate".to_owned(), Value::from(wanted))]),
                ..Node::bare("iis_binding/Sage/https/*:1025:".parse().unwrap())
            };
            let Ok(Observation::Present(seen)) = observe(&node, &twin) else { panic!("{wanted} in {store}") };
            assert_eq!(seen["certificate"], Value::from(told), "{wanted} in {store}");
        }
    }

    #[test]
    fn a_record_that_any_other_binding_shares_is_a_finding_and_one_of_its_own_is_not() {
        let node = Node {
            attributes: BTreeMap::from([("certificate".to_owned(), Value::from("CN=sxa.example"))]),
            ..Node::bare("iis_binding/Sage/https/*:1025:".parse().unwrap())
        };
        for (sage, other, shared) in [
            ("'https/*:1025:': {}", "'https/*:1025:other.example': {sni: true}", None),
            ("'https/*:1025:': {}", "'https/*:1025:': {}", Some("Other/https/*:1025:")),
            ("'https/*:1025:': {}", "'https/*:1025:*.example': {}", Some("Other/https/*:1025:*.example")),
            (
                "'https/*:1025:': {}",
                "'https/:1025:my_host.local': {}",
                Some("Other/https/:1025:my_host.local"),
            ),
            ("'https/*:1025:': {}, 'https/*:1025:a.example': {sni: true}", "", None),
            ("'https/*:1025:': {}, 'https/*:1025:a.example': {}", "", Some("Sage/https/*:1025:a.example")),
        ] {
            let (_folder, twin) = server(sage, other);
            let seen = observe(&node, &twin);
            match shared {
                Some(other) => {
                    let told = seen.unwrap_err().to_string();
                    assert!(told.contains(&format!("binding {other} shares the record")), "{told}");
                }
                None => assert!(matches!(seen, Ok(Observation::Present(_))), "{seen:?}"),
            }
        }
    }
}

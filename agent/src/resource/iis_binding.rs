//! Bindings of IIS sites and their HTTP.SYS records (G7, G10).
//!
//! Neighbours: `host::Sites`, `host::HttpSys`, `certificate`. A record that another site's binding shares, or that another
//! program made, is never changed: that is a finding for a person. Other bindings are never touched.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::binding::BindingName;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot, certificate, new_text};
use crate::host::{self, Host, IIS_APP_ID, SiteChange, SslRecord};

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
    let Some(present) = present else { return Ok(Observation::Absent) };
    let mut attributes = BTreeMap::new();
    if name.key.is_https {
        attributes.insert("sni".to_owned(), Value::Boolean(present));
    }
    attributes.extend(seen.map(|seen| ("certificate".to_owned(), Value::Text(seen))));
    Ok(Observation::Present(attributes))
}

/// The certificate of a record: as the document names it where that is the one, else by its thumbprint.
fn certificate_of(record: &SslRecord, wanted: Option<&str>, host: &dyn Host) -> Result<String, host::Error> {
    let best = wanted.map(|wanted| certificate::best(wanted, host)).transpose()?.flatten();
    let is_wanted = best.is_some_and(|best| best.thumbprint.eq_ignore_ascii_case(&record.thumbprint));
    Ok(wanted.filter(|_| is_wanted).unwrap_or(&record.thumbprint).to_owned())
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
        Some(other) => {
            refuse(format!("a binding of site {other} shares the record; use another port, or `sni: true`"))
        }
        None if !present => refuse(format!(
            "no binding uses it; if it is a left-over, remove it: netsh http delete sslcert ipport={endpoint}"
        )),
        None => Ok(()),
    }
}

/// Other sites with a binding that uses the record at that endpoint.
fn sharing(name: &BindingName, endpoint: &str, host: &dyn Host) -> Result<Vec<String>, host::Error> {
    let others = host.sites().bindings()?.into_iter().filter(|(site, key, sni)| {
        key.is_https && key.endpoint(*sni) == endpoint && !site.eq_ignore_ascii_case(name.site.as_str())
    });
    Ok(others.map(|(site, ..)| site).collect())
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
    if *before == Observation::Absent || new_sni.is_some() {
        host.sites().set(name.site.as_str(), &[SiteChange::Binding(name.key.clone(), sni)])?;
    }
    for row in rows {
        match (row.attribute.name.as_str(), &row.new) {
            ("sni", New::Exact(Value::Boolean(_))) => {}
            ("certificate", New::Exact(_)) => set_certificate(&name, sni, row, host)?,
            _ if row.attribute.is_existence() && row.new != New::Absent => {}
            _ => return Err(cannot(NodeKind::IisBinding, row)),
        }
    }
    // The record of the way in which it answered before is nobody's now, unless another binding uses it.
    if was.is_some_and(|was| was != sni) {
        drop_record(&name.key.endpoint(!sni), host)?;
    }
    Ok(())
}

fn set_certificate(name: &BindingName, sni: bool, row: &Row, host: &dyn Host) -> Result<(), Error> {
    let wanted = new_text(row).ok_or_else(|| cannot(NodeKind::IisBinding, row))?;
    let found = certificate::best(wanted, host)?.filter(|found| found.has_key);
    let found = found.ok_or_else(|| {
        Error::Unmet(format!("no certificate {wanted} with its key is in the computer's own store"))
    })?;
    Ok(host.http_sys().set_record(&name.key.endpoint(sni), &found.thumbprint)?)
}

fn drop_record(endpoint: &str, host: &dyn Host) -> Result<(), host::Error> {
    let used =
        host.sites().bindings()?.iter().any(|(_, key, sni)| key.is_https && key.endpoint(*sni) == endpoint);
    let own = host
        .http_sys()
        .record(endpoint)?
        .is_some_and(|record| record.app_id.eq_ignore_ascii_case(IIS_APP_ID));
    if own && !used { host.http_sys().remove_record(endpoint) } else { Ok(()) }
}

/// Takes the binding away, and its record where no other binding uses it.
pub(super) fn remove(name: &str, host: &dyn Host) -> Result<(), Error> {
    let name = read(name)?;
    let site = host.sites().get(name.site.as_str())?;
    let Some(sni) = site.and_then(|site| site.bindings.get(&name.key).copied()) else { return Ok(()) };
    host.sites().set(name.site.as_str(), &[SiteChange::NoBinding(name.key.clone())])?;
    if name.key.is_https {
        drop_record(&name.key.endpoint(sni), host)?;
    }
    Ok(())
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

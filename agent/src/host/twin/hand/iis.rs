//! Drift by hand of sites, HTTP.SYS records and certificates.
//!
//! Neighbours: `hand` says what a change looks like.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::certificate::CertificateStore;

use super::{Error, entry, parse, set_right, word};
use crate::host::twin::state::{Application, Binding, Certificate, Site, SiteDefaults, SslEntry, State};

/// Sets one attribute of one thing.
pub(super) fn set(
    state: &mut State,
    thing: &str,
    name: &str,
    attribute: &str,
    value: &str,
) -> Result<(), Error> {
    match thing {
        "site" => {
            let defaults = state.site_defaults.clone();
            set_site(entry(&mut state.sites, name, || Site::new("", None)), attribute, value, &defaults)
        }
        "http_sys" => {
            let new = || SslEntry::new("", CertificateStore::My);
            let record = entry(&mut state.http_sys, name, new);
            match attribute {
                "certificate" => value.clone_into(&mut record.certificate),
                "app_id" => value.clone_into(&mut record.app_id),
                "store" => record.store = word(attribute, value)?,
                _ => return Err(Error::Wrong(format!("http_sys has no {attribute}"))),
            }
            Ok(())
        }
        _ => set_certificate(entry(&mut state.certificates, name, new_certificate), attribute, value),
    }
}

fn set_site(site: &mut Site, attribute: &str, value: &str, defaults: &SiteDefaults) -> Result<(), Error> {
    let wrong = || Error::Wrong(format!("site has no {attribute}={value}"));
    match attribute.split_once(':') {
        None => match (attribute, value) {
            ("physical_path", _) => value.clone_into(&mut site.physical_path),
            ("app_pool", "inherited") => site.app_pool = None,
            ("app_pool", _) => site.app_pool = Some(value.to_owned()),
            ("state", "started") => site.set_started(true),
            ("state", "stopped") => (site.stopped, site.started) = (true, false),
            // As `serverAutoStart` in an editor: what runs goes on.
            ("starts", "true" | "false") => site.set_starts(value == "true", defaults),
            _ => return Err(wrong()),
        },
        Some(("application", path)) => member(&mut site.applications, path, value, |value| Application {
            physical_path: value.to_owned(),
            app_pool: None,
        }),
        Some(("application_pool", path)) => {
            site.applications.get_mut(path).ok_or_else(wrong)?.app_pool = Some(value.to_owned());
        }
        Some(("virtual_directory", path)) => {
            member(&mut site.virtual_directories, path, value, str::to_owned);
        }
        Some(("binding", key)) => match value {
            "sni" | "plain" | "absent" => {
                member(&mut site.bindings, key, value, |value| Binding { sni: value == "sni" });
            }
            _ => return Err(wrong()),
        },
        Some(_) => return Err(wrong()),
    }
    Ok(())
}

/// Sets a member whole, or takes it away.
fn member<T>(members: &mut BTreeMap<String, T>, key: &str, value: &str, new: impl FnOnce(&str) -> T) {
    members.retain(|own, _| !own.eq_ignore_ascii_case(key));
    if value != "absent" {
        members.insert(key.to_owned(), new(value));
    }
}

fn set_certificate(found: &mut Certificate, attribute: &str, value: &str) -> Result<(), Error> {
    match (attribute, attribute.strip_prefix("right:")) {
        (_, Some(account)) => set_right(&mut found.rights, account, attribute, value)?,
        ("subject", None) => value.clone_into(&mut found.subject),
        ("not_before", None) => found.not_before = Some(parse(attribute, value)?),
        ("not_after", None) => found.not_after = parse(attribute, value)?,
        ("has_key", None) => found.has_key = parse(attribute, value)?,
        (_, None) => return Err(Error::Wrong(format!("certificate has no {attribute}"))),
    }
    Ok(())
}

fn new_certificate() -> Certificate {
    Certificate {
        subject: String::new(),
        not_before: None,
        not_after: Timestamp::MAX,
        has_key: true,
        rights: BTreeMap::new(),
        made_by: None,
    }
}

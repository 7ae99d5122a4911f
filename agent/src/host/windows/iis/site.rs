//! The elements of one site: what they say, and how each change of it is written.
//!
//! Neighbours: `sites` finds the site and commits. A site is a list of applications, of which `/` is its root; an application is
//! a list of virtual directories, of which `/` is its own folder.

use std::collections::BTreeMap;

use muster_model::binding::BindingKey;

use super::commit::{Deed, Failure};
use super::config::Element;
use super::fault::Fault;
use crate::host::{ApplicationFacts, SiteChange};

/// `sslFlags`: the client names the host first.
const SNI: u32 = 1;
const ROOT: &str = "/";

/// A site as its configuration says it.
#[derive(Debug, PartialEq)]
pub(super) struct SiteConfig {
    pub(super) physical_path: String,
    pub(super) app_pool: String,
    /// Whether it starts with IIS.
    pub(super) starts: bool,
    pub(super) applications: BTreeMap<String, ApplicationFacts>,
    pub(super) virtual_directories: BTreeMap<String, String>,
    pub(super) bindings: BTreeMap<BindingKey, bool>,
    /// Whether it has a binding of HTTP, be it one that has no name in Muster.
    pub(super) can_run: bool,
    /// Bindings that have no name in Muster, as in `net.tcp/808:*` and `https/*:443:*.dupont.example`.
    pub(super) others: Vec<String>,
}

pub(super) fn read(site: &Element<'_>, deed: Deed<'_>) -> Result<SiteConfig, Failure> {
    let (mut applications, mut virtual_directories) = (BTreeMap::new(), BTreeMap::new());
    for application in site.list("application")?.items()? {
        let (path, app_pool) = (application.text("path")?, application.text("applicationPool")?);
        let mut folder = String::new();
        for directory in application.list("virtualDirectory")?.items()? {
            let (own, physical) = (directory.text("path")?, directory.text("physicalPath")?);
            if own == ROOT {
                folder = physical;
            } else {
                virtual_directories.insert(below(&path, &own), physical);
            }
        }
        applications.insert(path, ApplicationFacts { physical_path: folder, app_pool });
    }
    let root = applications.remove(ROOT);
    let root = root.ok_or_else(|| deed.refused("it has no root application in IIS's configuration"))?;
    let ApplicationFacts { physical_path, app_pool } = root;
    let starts = site.text("serverAutoStart")?.eq_ignore_ascii_case("true");
    let (mut bindings, mut others) = (BTreeMap::new(), Vec::new());
    for binding in site.part("bindings")?.list("binding")?.items()? {
        let spelling = spelling(&binding)?;
        match spelling.parse() {
            Ok(key) => drop(bindings.insert(key, has_sni(&binding)?)),
            Err(_) => others.push(spelling),
        }
    }
    let can_run = !bindings.is_empty() || others.iter().any(|other| BindingKey::seen(other).is_some());
    Ok(SiteConfig {
        physical_path,
        app_pool,
        starts,
        applications,
        virtual_directories,
        bindings,
        can_run,
        others,
    })
}

/// The HTTP bindings of a site, also those that have no name in Muster, each with whether it has SNI.
pub(super) fn all_bindings(site: &Element<'_>) -> Result<Vec<(BindingKey, bool)>, Fault> {
    let mut bindings = Vec::new();
    for binding in site.part("bindings")?.list("binding")?.items()? {
        if let Some(key) = BindingKey::seen(&spelling(&binding)?) {
            bindings.push((key, has_sni(&binding)?));
        }
    }
    Ok(bindings)
}

fn has_sni(binding: &Element<'_>) -> Result<bool, Fault> {
    Ok(flags(binding)? & SNI != 0)
}

/// As in `https/*:443:sxa.dupont.example`.
fn spelling(binding: &Element<'_>) -> Result<String, Fault> {
    Ok(format!("{}/{}", binding.text("protocol")?.to_ascii_lowercase(), binding.text("bindingInformation")?))
}

fn flags(binding: &Element<'_>) -> Result<u32, Fault> {
    // A binding of a protocol without TLS may say nothing.
    Ok(binding.text("sslFlags")?.parse().unwrap_or(0))
}

/// Makes each change, in order.
pub(super) fn apply(site: &Element<'_>, changes: &[SiteChange], deed: Deed<'_>) -> Result<(), Failure> {
    changes.iter().try_for_each(|change| match change {
        SiteChange::PhysicalPath(folder) => set_folder(&application(site, ROOT, deed)?, folder),
        SiteChange::AppPool(pool) => Ok(application(site, ROOT, deed)?.set("applicationPool", pool)?),
        SiteChange::Application(path, folder) => match site.list("application")?.find("path", path)? {
            Some(application) => set_folder(&application, folder),
            None => Ok(add_application(site, path, folder).map(drop)?),
        },
        SiteChange::ApplicationPool(path, pool) => {
            Ok(application(site, path, deed)?.set("applicationPool", pool)?)
        }
        SiteChange::NoApplication(path) => {
            let applications = site.list("application")?;
            Ok(applications.remove(|own| Ok(own.text("path")?.eq_ignore_ascii_case(path))).map(drop)?)
        }
        SiteChange::VirtualDirectory(path, folder) => set_directory(site, path, folder, deed),
        SiteChange::NoVirtualDirectory(path) => remove_directory(site, path),
        SiteChange::Binding(key, sni) => set_binding(site, key, *sni),
        SiteChange::NoBinding(key) => {
            let bindings = site.part("bindings")?.list("binding")?;
            Ok(bindings.remove(|own| is_binding(own, key)).map(drop)?)
        }
        SiteChange::Starts(starts) => Ok(site.set("serverAutoStart", &starts.to_string())?),
    })
}

fn application<'site>(site: &Element<'site>, path: &str, deed: Deed<'_>) -> Result<Element<'site>, Failure> {
    let found = site.list("application")?.find("path", path)?;
    found.ok_or_else(|| deed.refused(format!("error 1168: the site has no application {path}")).into())
}

/// A new application with its own folder.
pub(super) fn add_application<'site>(
    site: &Element<'site>,
    path: &str,
    folder: &str,
) -> Result<Element<'site>, Fault> {
    let applications = site.list("application")?;
    let application = applications.make("application")?;
    application.set("path", path)?;
    add_directory(&application, ROOT, folder)?;
    applications.add(&application)?;
    Ok(application)
}

fn add_directory(application: &Element<'_>, path: &str, folder: &str) -> Result<(), Fault> {
    let directories = application.list("virtualDirectory")?;
    let directory = directories.make("virtualDirectory")?;
    directory.set("path", path)?;
    directory.set("physicalPath", folder)?;
    directories.add(&directory)
}

fn set_folder(application: &Element<'_>, folder: &str) -> Result<(), Failure> {
    match application.list("virtualDirectory")?.find("path", ROOT)? {
        Some(root) => Ok(root.set("physicalPath", folder)?),
        None => Ok(add_directory(application, ROOT, folder)?),
    }
}

/// In the application that has one at that path, else in the one that is nearest above it.
fn set_directory(site: &Element<'_>, path: &str, folder: &str, deed: Deed<'_>) -> Result<(), Failure> {
    let mut nearest = (ROOT.to_owned(), application(site, ROOT, deed)?);
    for application in site.list("application")?.items()? {
        let own = application.text("path")?;
        for directory in application.list("virtualDirectory")?.items()? {
            let at = directory.text("path")?;
            if at != ROOT && below(&own, &at).eq_ignore_ascii_case(path) {
                return Ok(directory.set("physicalPath", folder)?);
            }
        }
        if own.len() > nearest.0.len() && rest(&own, path).is_some() {
            nearest = (own, application);
        }
    }
    let (own, application) = nearest;
    Ok(add_directory(&application, rest(&own, path).unwrap_or(path), folder)?)
}

fn remove_directory(site: &Element<'_>, path: &str) -> Result<(), Failure> {
    for application in site.list("application")?.items()? {
        let own = application.text("path")?;
        application.list("virtualDirectory")?.remove(|directory| {
            let at = directory.text("path")?;
            Ok(at != ROOT && below(&own, &at).eq_ignore_ascii_case(path))
        })?;
    }
    Ok(())
}

/// The path from the site's root of what is below an application.
fn below(application: &str, path: &str) -> String {
    format!("{}{path}", application.trim_end_matches('/'))
}

/// What of a path is below an application; none where it is not below it.
fn rest<'path>(application: &str, path: &'path str) -> Option<&'path str> {
    let application = application.trim_end_matches('/');
    let (above, rest) = path.split_at_checked(application.len())?;
    (above.eq_ignore_ascii_case(application) && rest.starts_with('/')).then_some(rest)
}

fn is_binding(binding: &Element<'_>, key: &BindingKey) -> Result<bool, Fault> {
    Ok(spelling(binding)?.parse().is_ok_and(|own: BindingKey| own == *key))
}

/// Only SNI is changed in one that is there: its other flags are somebody's choice.
fn set_binding(site: &Element<'_>, key: &BindingKey, sni: bool) -> Result<(), Failure> {
    let bindings = site.part("bindings")?.list("binding")?;
    for binding in bindings.items()? {
        if is_binding(&binding, key)? {
            let flags = flags(&binding)?;
            let wanted = if sni { flags | SNI } else { flags & !SNI };
            return Ok(binding.set("sslFlags", &wanted.to_string())?);
        }
    }
    let (binding, text) = (bindings.make("binding")?, key.to_string());
    let (protocol, information) = text.split_once('/').unwrap_or(("http", &text));
    binding.set("protocol", protocol)?;
    binding.set("bindingInformation", information)?;
    if sni {
        binding.set("sslFlags", &SNI.to_string())?;
    }
    Ok(bindings.add(&binding)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_lies_below_the_application_that_its_path_begins_with() {
        assert_eq!(below("/", "/docs"), "/docs");
        assert_eq!(below("/app", "/docs"), "/app/docs");
        for (application, path, wanted) in [
            ("/", "/docs", Some("/docs")),
            ("/app", "/APP/docs", Some("/docs")),
            ("/app", "/apple/docs", None),
            ("/app", "/app", None),
            ("/app", "/a", None),
        ] {
            assert_eq!(rest(application, path), wanted, "{application} {path}");
        }
    }
}

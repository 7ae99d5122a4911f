//! IIS sites on a twin (G12): settings with inheritance, bindings, state.
//!
//! Neighbours: `state::iis` says what takes effect. Never touches a setting that it was not given.

use std::collections::BTreeMap;

use muster_model::binding::BindingKey;

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Application, Binding, Site, SiteDefaults, find, find_mut};
use super::store::Section;
use super::{Twin, refused};
use crate::host::{Error, SiteChange, SiteFacts, Sites};

fn absent(name: &str) -> Error {
    Error::Absent { kind: "site", name: name.to_owned() }
}

impl Sites for Twin {
    fn get(&self, name: &str) -> Result<Option<SiteFacts>, Error> {
        self.operate(Operation::SiteGet, name, |section, _| {
            let state = section.state();
            Ok(find(&state.sites, name).map(|site| site.facts(&state.site_defaults)))
        })
    }

    fn bindings(&self) -> Result<Vec<(String, BindingKey, bool)>, Error> {
        self.operate(Operation::SiteGet, "*", |section, _| {
            let sites = section.state().sites.iter();
            let all =
                sites.flat_map(|(name, site)| site.all_bindings().map(|(key, sni)| (name.clone(), key, sni)));
            Ok(all.collect())
        })
    }

    fn create(
        &self,
        name: &str,
        physical_path: &str,
        app_pool: &str,
        changes: &[SiteChange],
    ) -> Result<(), Error> {
        self.operate(Operation::SiteCreate, name, |section, _| {
            if find(&section.state().sites, name).is_some() {
                let message = "error 183: a site of that name is there already";
                return Err(refused(Operation::SiteCreate, name, message));
            }
            section.commit(Deed::altered("site", name, "exists", "true"), |state| {
                state.sites.insert(name.to_owned(), Site::new(physical_path, Some(app_pool)));
            })?;
            if changes.is_empty() { Ok(()) } else { set(section, name, changes) }
        })
    }

    fn set(&self, name: &str, changes: &[SiteChange]) -> Result<(), Error> {
        self.operate(Operation::SiteSet, name, |section, _| {
            let site = find(&section.state().sites, name).ok_or_else(|| absent(name))?;
            let made = |path: &str| {
                let is_it =
                    |change: &SiteChange| matches!(change, SiteChange::Application(own, _) if own == path);
                find(&site.applications, path).is_some() || changes.iter().any(is_it)
            };
            for change in changes {
                if let SiteChange::ApplicationPool(path, _) = change
                    && !made(path)
                {
                    let message = format!("error 1168: the site has no application {path}");
                    return Err(refused(Operation::SiteSet, name, message));
                }
            }
            set(section, name, changes)
        })
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.operate(Operation::SiteRemove, name, |section, _| {
            section.commit(Deed::altered("site", name, "exists", "absent"), |state| {
                state.sites.retain(|own, _| !own.eq_ignore_ascii_case(name));
            })?;
            Ok(())
        })
    }

    fn set_started(&self, name: &str, started: bool) -> Result<(), Error> {
        let operation = if started { Operation::SiteStart } else { Operation::SiteStop };
        self.operate(operation, name, |section, _| {
            find(&section.state().sites, name).ok_or_else(|| absent(name))?;
            let word = if started { "started" } else { "stopped" };
            section.commit(Deed::altered("site", name, "state", word), |state| {
                if let Some(site) = find_mut(&mut state.sites, name) {
                    site.set_started(started);
                }
            })?;
            Ok(())
        })
    }
}

fn set(section: &mut Section<'_>, name: &str, changes: &[SiteChange]) -> Result<(), Error> {
    let changed: BTreeMap<String, String> = changes.iter().map(words).collect();
    let deed = Deed::Altered { thing: "site".to_owned(), name: name.to_owned(), changes: changed };
    section.commit(deed, |state| {
        let defaults = state.site_defaults.clone();
        if let Some(site) = find_mut(&mut state.sites, name) {
            changes.iter().for_each(|change| apply(site, change, &defaults));
        }
    })?;
    Ok(())
}

fn apply(site: &mut Site, change: &SiteChange, defaults: &SiteDefaults) {
    match change {
        SiteChange::PhysicalPath(path) => site.physical_path.clone_from(path),
        SiteChange::AppPool(pool) => site.app_pool = Some(pool.clone()),
        SiteChange::Application(path, folder) => {
            let new = Application { physical_path: folder.clone(), app_pool: None };
            match find_mut(&mut site.applications, path) {
                Some(application) => application.physical_path.clone_from(folder),
                None => drop(site.applications.insert(path.clone(), new)),
            }
        }
        SiteChange::ApplicationPool(path, pool) => {
            if let Some(application) = find_mut(&mut site.applications, path) {
                application.app_pool = Some(pool.clone());
            }
        }
        SiteChange::NoApplication(path) => site.applications.retain(|own, _| !own.eq_ignore_ascii_case(path)),
        SiteChange::VirtualDirectory(path, folder) => match find_mut(&mut site.virtual_directories, path) {
            Some(own) => own.clone_from(folder),
            None => drop(site.virtual_directories.insert(path.clone(), folder.clone())),
        },
        SiteChange::NoVirtualDirectory(path) => {
            site.virtual_directories.retain(|own, _| !own.eq_ignore_ascii_case(path));
        }
        SiteChange::Binding(key, sni) => {
            site.bindings.insert(key.to_string(), Binding { sni: *sni });
        }
        SiteChange::NoBinding(key) => site.bindings.retain(|own, _| *own != key.to_string()),
        SiteChange::Starts(starts) => site.set_starts(*starts, defaults),
    }
}

fn words(change: &SiteChange) -> (String, String) {
    let absent = || "absent".to_owned();
    match change {
        SiteChange::PhysicalPath(path) => ("physical_path".to_owned(), path.clone()),
        SiteChange::AppPool(pool) => ("app_pool".to_owned(), pool.clone()),
        SiteChange::Application(path, folder) => (format!("application:{path}"), folder.clone()),
        SiteChange::ApplicationPool(path, pool) => (format!("application_pool:{path}"), pool.clone()),
        SiteChange::NoApplication(path) => (format!("application:{path}"), absent()),
        SiteChange::VirtualDirectory(path, folder) => (format!("virtual_directory:{path}"), folder.clone()),
        SiteChange::NoVirtualDirectory(path) => (format!("virtual_directory:{path}"), absent()),
        SiteChange::Binding(key, sni) => {
            (format!("binding:{key}"), if *sni { "sni" } else { "plain" }.to_owned())
        }
        SiteChange::NoBinding(key) => (format!("binding:{key}"), absent()),
        SiteChange::Starts(starts) => ("starts".to_owned(), starts.to_string()),
    }
}

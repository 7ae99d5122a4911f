//! Sites in `system.applicationHost/sites` (G7, G12): root, applications, virtual directories, bindings, state.
//!
//! Neighbours: `commit` reads and changes, `state` starts and stops, `site` is one site's elements. Bindings that
//! documents cannot name, of other protocols than HTTP or of wildcards, are never touched, and a site with one is not taken away.

use muster_model::binding::BindingKey;

use super::super::WindowsHost;
use super::commit::{Deed, Failure, change, look};
use super::config::Manager;
use super::site::{self, SiteConfig};
use super::state::{self, Kind, State};
use crate::host::{Error, SiteChange, SiteFacts, Sites};

const SITE: Kind = Kind { section: "system.applicationHost/sites", words: "site", listens: true };

impl Sites for WindowsHost {
    fn get(&self, name: &str) -> Result<Option<SiteFacts>, Error> {
        let deed = Deed { operation: "look at site", name };
        let Some(config) = look(deed, |manager| config(manager, deed))? else { return Ok(None) };
        // One without a binding cannot run, and IIS has no state for it.
        let started = if config.can_run { state::seen(deed, SITE)? == State::Started } else { config.starts };
        let SiteConfig {
            physical_path,
            app_pool,
            starts,
            applications,
            virtual_directories,
            bindings,
            can_run: _,
            others: _,
        } = config;
        Ok(Some(SiteFacts {
            physical_path,
            app_pool,
            started,
            starts,
            applications,
            virtual_directories,
            bindings,
        }))
    }

    fn bindings(&self) -> Result<Vec<(String, BindingKey, bool)>, Error> {
        let deed = Deed { operation: "look at bindings of", name: "every site" };
        look(deed, |manager| {
            let mut all = Vec::new();
            for element in manager.section(SITE.section)?.list(SITE.section)?.items()? {
                let name = element.text("name")?;
                let bindings = site::all_bindings(&element)?;
                all.extend(bindings.into_iter().map(|(key, sni)| (name.clone(), key, sni)));
            }
            Ok(all)
        })
    }

    fn create(
        &self,
        name: &str,
        physical_path: &str,
        app_pool: &str,
        changes: &[SiteChange],
    ) -> Result<(), Error> {
        let deed = Deed { operation: "create site", name };
        let read = |manager: &Manager| config(manager, deed);
        change(deed, read, |manager| {
            let sites = manager.section(SITE.section)?.list(SITE.section)?;
            let taken = sites.items()?.iter().map(|site| site.text("id")).collect::<Result<Vec<_>, _>>()?;
            let element = sites.make("site")?;
            element.set("name", name)?;
            element.set("id", &free_id(&taken).to_string())?;
            site::add_application(&element, "/", physical_path)?.set("applicationPool", app_pool)?;
            site::apply(&element, changes, deed)?;
            sites.add(&element)?;
            Ok(true)
        })?;
        self.take_hold(deed, true)
    }

    fn set(&self, name: &str, changes: &[SiteChange]) -> Result<(), Error> {
        let deed = Deed { operation: "set site", name };
        let read = |manager: &Manager| config(manager, deed);
        let before = change(deed, read, |manager| {
            site::apply(&SITE.named(manager, name)?, changes, deed)?;
            Ok(!changes.is_empty())
        })?;
        self.take_hold(deed, before.is_some_and(|before| !before.can_run))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let deed = Deed { operation: "remove site", name };
        let read = |manager: &Manager| config(manager, deed);
        change(deed, read, |manager| {
            let others = config(manager, deed)?.map_or_else(Vec::new, |config| config.others);
            if !others.is_empty() {
                let message = format!("it has bindings that no document names: {}", others.join(", "));
                return Err(deed.refused(message).into());
            }
            let sites = manager.section(SITE.section)?.list(SITE.section)?;
            Ok(sites.remove(|site| Ok(site.text("name")?.eq_ignore_ascii_case(name)))?)
        })
        .map(drop)
    }

    fn set_started(&self, name: &str, started: bool) -> Result<(), Error> {
        let operation = if started { "start site" } else { "stop site" };
        let deed = Deed { operation, name };
        let read = |manager: &Manager| config(manager, deed);
        let before = change(deed, read, |manager| {
            let differs = config(manager, deed)?.is_none_or(|config| config.starts != started);
            if differs {
                SITE.named(manager, name)?.set("serverAutoStart", &started.to_string())?;
            }
            Ok(differs)
        })?;
        match (before.is_some_and(|before| before.can_run), started) {
            (false, _) => Ok(()),
            (true, true) => state::bring(deed, SITE, State::Started, "Start"),
            (true, false) => state::bring(deed, SITE, State::Stopped, "Stop"),
        }
    }
}

impl WindowsHost {
    /// Waits until what was committed has taken hold. A site that gets its first binding answers with it where it starts by
    /// itself.
    fn take_hold(&self, deed: Deed<'_>, had_no_binding: bool) -> Result<(), Error> {
        let Some(config) = look(deed, |manager| config(manager, deed))? else { return Ok(()) };
        if !config.can_run {
            return Ok(());
        }
        let state = state::settled(deed, SITE, None)?;
        if had_no_binding && config.starts && state == State::Stopped {
            return state::bring(deed, SITE, State::Started, "Start");
        }
        Ok(())
    }
}

fn config(manager: &Manager, deed: Deed<'_>) -> Result<Option<SiteConfig>, Failure> {
    SITE.find(manager, deed.name)?.map(|element| site::read(&element, deed)).transpose()
}

/// The lowest number that no site has.
fn free_id(taken: &[String]) -> u32 {
    (1..).find(|id: &u32| !taken.contains(&id.to_string())).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

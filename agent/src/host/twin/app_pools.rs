//! IIS application pools on a twin (G12).
//!
//! Neighbours: `state::pool` says what takes effect. Never touches a setting that it was not given.

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Pool, find, find_mut};
use super::store::Section;
use super::{Twin, refused};
use crate::host::{AppPools, Error, PoolFacts, PoolSetting};

impl AppPools for Twin {
    fn get(&self, name: &str) -> Result<Option<PoolFacts>, Error> {
        self.operate(Operation::AppPoolGet, name, |section, _| {
            let state = section.state();
            Ok(find(&state.app_pools, name).map(|pool| pool.facts(&state.app_pool_defaults)))
        })
    }

    fn create(&self, name: &str, settings: &[PoolSetting]) -> Result<(), Error> {
        self.operate(Operation::AppPoolCreate, name, |section, _| {
            if find(&section.state().app_pools, name).is_some() {
                let message = "error 183: a pool of that name is there already";
                return Err(refused(Operation::AppPoolCreate, name, message));
            }
            section.commit(Deed::PoolCreated { pool: name.to_owned() }, |state| {
                state.app_pools.insert(name.to_owned(), Pool::default());
            })?;
            set(section, name, settings)
        })
    }

    fn recycle(&self, name: &str) -> Result<(), Error> {
        self.move_pool(Operation::AppPoolRecycle, name, Deed::PoolRecycled { pool: name.to_owned() }, None)
    }

    fn stop_pool(&self, name: &str) -> Result<(), Error> {
        let deed = Deed::PoolStopped { pool: name.to_owned() };
        self.move_pool(Operation::AppPoolStop, name, deed, Some(true))
    }

    fn start_pool(&self, name: &str) -> Result<(), Error> {
        let deed = Deed::PoolStarted { pool: name.to_owned() };
        self.move_pool(Operation::AppPoolStart, name, deed, Some(false))
    }

    fn remove_pool(&self, name: &str) -> Result<(), Error> {
        self.operate(Operation::AppPoolRemove, name, |section, _| {
            section.commit(Deed::altered("app_pool", name, "exists", "absent"), |state| {
                state.app_pools.retain(|own, _| !own.eq_ignore_ascii_case(name));
            })?;
            Ok(())
        })
    }

    fn set(&self, name: &str, settings: &[PoolSetting]) -> Result<(), Error> {
        self.operate(Operation::AppPoolSet, name, |section, _| {
            let absent = || Error::Absent { kind: "application pool", name: name.to_owned() };
            find(&section.state().app_pools, name).ok_or_else(absent)?;
            set(section, name, settings)
        })
    }
}

impl Twin {
    /// One deed on a pool that is there; `stopped` is what it leaves the pool as, where it moves it.
    fn move_pool(
        &self,
        operation: Operation,
        name: &str,
        deed: Deed,
        stopped: Option<bool>,
    ) -> Result<(), Error> {
        self.operate(operation, name, |section, _| {
            let absent = || Error::Absent { kind: "application pool", name: name.to_owned() };
            find(&section.state().app_pools, name).ok_or_else(absent)?;
            section.commit(deed, |state| {
                if let (Some(pool), Some(stopped)) = (find_mut(&mut state.app_pools, name), stopped) {
                    pool.stopped = stopped;
                }
            })?;
            Ok(())
        })
    }
}

fn set(section: &mut Section<'_>, name: &str, settings: &[PoolSetting]) -> Result<(), Error> {
    let deed = Deed::PoolSet { pool: name.to_owned(), settings: settings.iter().map(words).collect() };
    section.commit(deed, |state| {
        if let Some(pool) = find_mut(&mut state.app_pools, name) {
            settings.iter().for_each(|setting| apply(pool, setting));
        }
    })?;
    Ok(())
}

/// Sets one setting.
pub(super) fn apply(pool: &mut Pool, setting: &PoolSetting) {
    match setting {
        PoolSetting::Enable32bit(truth) => pool.enable_32bit = Some(*truth),
        PoolSetting::LoadUserProfile(truth) => pool.load_user_profile = Some(*truth),
        PoolSetting::IdleTimeoutMinutes(minutes) => pool.idle_timeout_minutes = Some(*minutes),
        PoolSetting::ManagedRuntimeVersion(version) => pool.managed_runtime_version = Some(version.clone()),
    }
}

fn words(setting: &PoolSetting) -> (String, String) {
    let (name, value) = match setting {
        PoolSetting::Enable32bit(truth) => ("enable_32bit", truth.to_string()),
        PoolSetting::LoadUserProfile(truth) => ("load_user_profile", truth.to_string()),
        PoolSetting::IdleTimeoutMinutes(minutes) => ("idle_timeout_minutes", minutes.to_string()),
        PoolSetting::ManagedRuntimeVersion(version) => ("managed_runtime_version", version.clone()),
    };
    (name.to_owned(), value)
}

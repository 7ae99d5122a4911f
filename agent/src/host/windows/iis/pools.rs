//! Application pools in `system.applicationHost/applicationPools` (G12).
//!
//! Neighbours: `commit` reads and changes, `state` starts and stops. Settings are read as they take effect, from
//! `applicationPoolDefaults` too, and written on the pool itself. Never touches a setting that it was not given.

use super::super::WindowsHost;
use super::commit::{Deed, Failure, change, look};
use super::config::{Element, Manager};
use super::state::{self, Kind, State};
use super::time_span;
use crate::host::{AppPools, Error, PoolFacts, PoolSetting};

/// Pools.
pub(super) const POOL: Kind =
    Kind { section: "system.applicationHost/applicationPools", words: "application pool", listens: false };

const PROCESS_MODEL: &str = "processModel";

impl AppPools for WindowsHost {
    fn get(&self, name: &str) -> Result<Option<PoolFacts>, Error> {
        let deed = Deed { operation: "look at application pool", name };
        look(deed, |manager| facts(manager, deed))
    }

    fn create(&self, name: &str, settings: &[PoolSetting]) -> Result<(), Error> {
        let deed = Deed { operation: "create application pool", name };
        change(
            deed,
            |manager| facts(manager, deed),
            |manager| {
                let pools = manager.section(POOL.section)?.list(POOL.section)?;
                let pool = pools.make("add")?;
                pool.set("name", name)?;
                apply(&pool, settings)?;
                pools.add(&pool)?;
                Ok(true)
            },
        )?;
        state::settled(deed, POOL, None).map(drop)
    }

    fn set(&self, name: &str, settings: &[PoolSetting]) -> Result<(), Error> {
        let deed = Deed { operation: "set application pool", name };
        change(
            deed,
            |manager| facts(manager, deed),
            |manager| {
                apply(&POOL.named(manager, name)?, settings)?;
                Ok(!settings.is_empty())
            },
        )?;
        state::settled(deed, POOL, None).map(drop)
    }

    fn remove_pool(&self, name: &str) -> Result<(), Error> {
        let deed = Deed { operation: "remove application pool", name };
        change(
            deed,
            |manager| facts(manager, deed),
            |manager| {
                let pools = manager.section(POOL.section)?.list(POOL.section)?;
                Ok(pools.remove(|pool| Ok(pool.text("name")?.eq_ignore_ascii_case(name)))?)
            },
        )
        .map(drop)
    }

    fn recycle(&self, name: &str) -> Result<(), Error> {
        let deed = Deed { operation: "recycle application pool", name };
        // One that is stopped has nothing to recycle, also where it stops just before the order.
        if state::settled(deed, POOL, None)? == State::Started
            && state::order(deed, POOL, "Recycle", State::Stopped)?
        {
            state::settled(deed, POOL, Some(State::Started))?;
        }
        Ok(())
    }

    fn stop_pool(&self, name: &str) -> Result<(), Error> {
        let deed = Deed { operation: "stop application pool", name };
        state::bring(deed, POOL, State::Stopped, "Stop")
    }

    fn start_pool(&self, name: &str) -> Result<(), Error> {
        let deed = Deed { operation: "start application pool", name };
        state::bring(deed, POOL, State::Started, "Start")
    }
}

/// Whether a pool is started; for a self-test.
pub(in super::super) fn runs(name: &str) -> Result<bool, Error> {
    let deed = Deed { operation: "look at application pool", name };
    Ok(state::seen(deed, POOL)? == State::Started)
}

fn facts(manager: &Manager, deed: Deed<'_>) -> Result<Option<PoolFacts>, Failure> {
    let Some(pool) = POOL.find(manager, deed.name)? else { return Ok(None) };
    let process = pool.part(PROCESS_MODEL)?;
    let idle = process.text("idleTimeout")?;
    let idle_timeout_minutes = time_span::minutes(&idle)
        .ok_or_else(|| deed.refused(format!("its idle time-out {idle:?} is no whole number of minutes")))?;
    let version = pool.text("managedRuntimeVersion")?;
    Ok(Some(PoolFacts {
        enable_32bit: truth(&pool, "enable32BitAppOnWin64", deed)?,
        load_user_profile: truth(&process, "loadUserProfile", deed)?,
        idle_timeout_minutes,
        // IIS says "no managed code" by saying nothing.
        managed_runtime_version: if version.is_empty() { "none".to_owned() } else { version },
    }))
}

fn truth(element: &Element<'_>, name: &str, deed: Deed<'_>) -> Result<bool, Failure> {
    match element.text(name)?.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(deed.refused(format!("its {name} is {other:?}, neither true nor false")).into()),
    }
}

/// Says each setting on the pool itself, also one that it would inherit: what is inherited may change.
fn apply(pool: &Element<'_>, settings: &[PoolSetting]) -> Result<(), Failure> {
    for setting in settings {
        match setting {
            PoolSetting::Enable32bit(truth) => pool.set("enable32BitAppOnWin64", &truth.to_string())?,
            PoolSetting::LoadUserProfile(truth) => {
                pool.part(PROCESS_MODEL)?.set("loadUserProfile", &truth.to_string())?;
            }
            PoolSetting::IdleTimeoutMinutes(minutes) => {
                pool.part(PROCESS_MODEL)?.set("idleTimeout", &time_span::text(*minutes))?;
            }
            PoolSetting::ManagedRuntimeVersion(version) => {
                pool.set("managedRuntimeVersion", if version == "none" { "" } else { version })?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;

    const DEFAULT: &str = "DefaultAppPool";
    const RUN: &str = "applicationPools/DefaultAppPool";

    fn shipped() -> PoolFacts {
        PoolFacts {
            enable_32bit: false,
            load_user_profile: true,
            idle_timeout_minutes: 20,
            managed_runtime_version: "v4.0".to_owned(),
        }
    }

    fn facts(story: &Story, name: &str) -> PoolFacts {
        AppPools::get(&story.host(), name).unwrap().unwrap()
    }

    fn every_setting() -> [PoolSetting; 4] {
        [
            PoolSetting::Enable32bit(true),
            PoolSetting::LoadUserProfile(true),
            PoolSetting::IdleTimeoutMinutes(0),
            PoolSetting::ManagedRuntimeVersion("none".to_owned()),
        ]
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn a_pool_is_made_in_one_commit_and_says_itself_what_it_would_inherit() {
        let (story, name) = (Story::begin(), "Sage.XRT.Advanced");
        assert_eq!(AppPools::get(&story.host(), name).unwrap(), None);
        AppPools::create(&story.host(), name, &every_setting()).unwrap();
        assert_eq!(story.done(), ["commit"]);
        let wanted = PoolFacts {
            enable_32bit: true,
            load_user_profile: true,
            idle_timeout_minutes: 0,
            managed_runtime_version: "none".to_owned(),
        };
        assert_eq!(facts(&story, "sage.xrt.advanced"), wanted, "whatever its case");
        for said in [
            r#"<add name="Sage.XRT.Advanced" enable32BitAppOnWin64="true" managedRuntimeVersion="">"#,
            r#"<processModel loadUserProfile="true" idleTimeout="00:00:00" />"#,
        ] {
            assert!(story.text().contains(said), "{}", story.text());
        }
        assert_eq!(facts(&story, DEFAULT), shipped(), "another pool is left");
        AppPools::remove_pool(&story.host(), name).unwrap();
        AppPools::remove_pool(&story.host(), name).unwrap();
        assert_eq!(AppPools::get(&story.host(), name).unwrap(), None);
        assert_eq!(story.done(), ["commit"], "what is gone needs no commit");
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn what_is_inherited_takes_effect_and_one_setting_alone_is_changed() {
        let story = Story::begin();
        assert_eq!(facts(&story, DEFAULT), shipped());
        story.edit("loadUserProfile=\"true\"", "loadUserProfile=\"false\" idleTimeout=\"1.00:30:00\"");
        let inherited =
            PoolFacts { load_user_profile: false, idle_timeout_minutes: 24 * 60 + 30, ..shipped() };
        assert_eq!(facts(&story, DEFAULT), inherited);
        AppPools::set(&story.host(), DEFAULT, &[PoolSetting::Enable32bit(true)]).unwrap();
        assert_eq!(facts(&story, DEFAULT), PoolFacts { enable_32bit: true, ..inherited });
        let absent = AppPools::set(&story.host(), "nobody", &every_setting()).unwrap_err();
        assert_eq!(absent, Error::Absent { kind: "application pool", name: "nobody".to_owned() });
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn a_conflict_is_read_and_tried_again_and_what_others_wrote_stays() {
        let story = Story::begin();
        let other = r#"<add name="DefaultAppPool" /><add name="Other" />"#;
        story.edit_at_commit(r#"<add name="DefaultAppPool" />"#, other);
        AppPools::set(&story.host(), DEFAULT, &[PoolSetting::LoadUserProfile(false)]).unwrap();
        assert_eq!(story.done(), ["commit 0x800703ee", "commit"]);
        assert!(!facts(&story, DEFAULT).load_user_profile);
        assert_eq!(facts(&story, "Other"), shipped());
        story.faults("commit 0x80071a90 2\n");
        AppPools::set(&story.host(), DEFAULT, &[PoolSetting::LoadUserProfile(true)]).unwrap();
        assert_eq!(story.done(), ["commit 0x80071a90", "commit 0x80071a90", "commit"]);
    }

    /// The rows were agreed for the pool as it was.
    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn a_pool_that_somebody_else_changed_at_the_same_moment_is_left_to_them() {
        let story = Story::begin();
        let other = r#"<add name="DefaultAppPool" enable32BitAppOnWin64="true" />"#;
        story.edit_at_commit(r#"<add name="DefaultAppPool" />"#, other);
        let told = AppPools::set(&story.host(), DEFAULT, &[PoolSetting::IdleTimeoutMinutes(5)]);
        let told = told.unwrap_err().to_string();
        assert!(told.contains("changed by somebody else at the same moment; plan again"), "{told}");
        assert_eq!(story.done(), ["commit 0x800703ee"]);
        assert_eq!(facts(&story, DEFAULT), PoolFacts { enable_32bit: true, ..shipped() });
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn a_file_that_another_program_holds_is_waited_for() {
        let story = Story::begin();
        story.faults("open 0x80070020 2\ncommit 0x80070020 1\n");
        AppPools::set(&story.host(), DEFAULT, &[PoolSetting::IdleTimeoutMinutes(5)]).unwrap();
        assert_eq!(story.done(), ["commit 0x80070020", "commit"]);
        story.faults("open 0x80070020 1\n");
        assert_eq!(facts(&story, DEFAULT).idle_timeout_minutes, 5);
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn a_locked_section_is_named_and_not_tried_again() {
        let story = Story::begin();
        story.faults("set:system.applicationHost/applicationPools 0x80070021 9\n");
        let told = AppPools::set(&story.host(), DEFAULT, &[PoolSetting::Enable32bit(true)]);
        let told = told.unwrap_err().to_string();
        for words in ["error 0x80070021 at enable32BitAppOnWin64: Filename: ", "; Error: ", "it is locked"] {
            assert!(told.contains(words), "{told}");
        }
        assert!(story.faults_left().ends_with(" 8\n"), "once: {}", story.faults_left());
        assert!(story.done().is_empty());
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn a_pool_stops_starts_and_recycles_whatever_moment_it_is_asked_at() {
        let (story, pools) = (Story::begin(), Story::begin().host());
        pools.recycle(DEFAULT).unwrap();
        assert_eq!(story.done(), [format!("Recycle {RUN}")]);
        story.faults("Stop 0x80070425 2\nstate Stopping 1\n");
        pools.stop_pool(DEFAULT).unwrap();
        pools.stop_pool(DEFAULT).unwrap();
        let refused = format!("Stop {RUN} 0x80070425");
        assert_eq!(story.done(), [refused.clone(), refused, format!("Stop {RUN}")]);
        pools.recycle(DEFAULT).unwrap();
        assert!(story.done().is_empty(), "one that is stopped stays so");
        story.faults("Start 0x80070425 1\nstate 0x80070426 1\n");
        pools.start_pool(DEFAULT).unwrap();
        pools.start_pool(DEFAULT).unwrap();
        assert_eq!(story.done(), [format!("Start {RUN} 0x80070425"), format!("Start {RUN}")]);
        // It runs by the time that the order comes.
        story.faults("state Stopped 1\n");
        pools.start_pool(DEFAULT).unwrap();
        assert_eq!(story.done(), [format!("Start {RUN} 0x80070420")]);
        let absent = pools.start_pool("nobody").unwrap_err();
        assert_eq!(absent, Error::Absent { kind: "application pool", name: "nobody".to_owned() });
    }

    /// `0x80070426`, "the service has not been started": it stopped before the order came, or is not on its way yet.
    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn an_order_that_finds_nothing_running_is_done_where_it_is_stopped_and_else_given_again() {
        let (story, pools) = (Story::begin(), Story::begin().host());
        for method in ["Recycle", "Stop"] {
            let order = || if method == "Stop" { pools.stop_pool(DEFAULT) } else { pools.recycle(DEFAULT) };
            let (refused, taken) = (format!("{method} {RUN} 0x80070426"), format!("{method} {RUN}"));
            story.faults(&format!("{method} 0x80070426 2\n"));
            order().unwrap();
            assert_eq!(story.done(), [refused.clone(), refused.clone(), taken], "it ran all the time");
            // It stops right after the look.
            story.state(&format!("{RUN}=Stopped\n"));
            story.faults("state Started 1\n");
            order().unwrap();
            assert_eq!((story.done(), story.state_now()), (vec![refused], format!("{RUN}=Stopped\n")));
            story.state("");
        }
        story.state(&format!("{RUN}=Stopped\n"));
        story.faults("Start 0x80070426 1\n");
        pools.start_pool(DEFAULT).unwrap();
        assert_eq!(story.done(), [format!("Start {RUN} 0x80070426"), format!("Start {RUN}")]);
    }

    #[test]
    #[ignore = "needs the IIS that tests/windows/run installs"]
    fn a_pool_whose_state_is_not_known_yet_is_waited_for() {
        let story = Story::begin();
        for faults in ["state Unknown 2\n", "state 0x800710d8 2\n", "state 4 1\nstate Starting 1\n"] {
            story.faults(faults);
            AppPools::set(&story.host(), DEFAULT, &[PoolSetting::LoadUserProfile(false)]).unwrap();
            assert_eq!((story.faults_left().as_str(), story.done()), ("", vec!["commit".to_owned()]));
        }
    }
}

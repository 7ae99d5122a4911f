//! Roles and features of a twin's Windows (G1).
//!
//! Neighbours: a twin's declaration lists what its Windows knows. As with `dism` without `/all`, a feature whose parent is
//! not installed is refused, and so is the removal of one that another needs.

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Feature, find, find_mut};
use super::{Twin, refused};
use crate::host::{Error, FeatureState, Features};

impl Features for Twin {
    fn get(&self, name: &str) -> Result<Option<FeatureState>, Error> {
        self.operate(Operation::FeatureGet, name, |section, _| {
            Ok(find(&section.state().features, name).map(|feature| feature.state))
        })
    }

    fn set(&self, name: &str, installed: bool) -> Result<(), Error> {
        self.operate(Operation::FeatureSet, name, |section, _| {
            let features = &section.state().features;
            let feature = find(features, name)
                .ok_or_else(|| Error::Absent { kind: "feature", name: name.to_owned() })?;
            let is_off = |name: &&String| !find(features, name).is_some_and(Feature::is_installed);
            let needs = |other: &Feature| {
                other.is_installed() && other.needs.iter().any(|need| need.eq_ignore_ascii_case(name))
            };
            let missing = feature.needs.iter().find(is_off);
            let used = features.iter().find(|(_, other)| needs(other)).map(|(name, _)| name);
            let obstacle = match (installed, missing, used) {
                (true, Some(parent), _) => {
                    Some(format!("error 0x800f081e: its parent feature {parent} is not installed"))
                }
                (false, _, Some(user)) => Some(format!("feature {user} needs it")),
                (true, None, _) | (false, _, None) => None,
            };
            if let Some(message) = obstacle {
                return Err(refused(Operation::FeatureSet, name, message));
            }
            let word = if installed { "installed" } else { "absent" };
            section.commit(Deed::altered("feature", name, "state", word), |state| {
                if let Some(feature) = find_mut(&mut state.features, name) {
                    feature.state = match (installed, feature.restarts) {
                        (true, true) => FeatureState::InstallPending,
                        (true, false) => FeatureState::Installed,
                        (false, true) => FeatureState::RemovePending,
                        (false, false) => FeatureState::Absent,
                    };
                }
            })?;
            Ok(())
        })
    }
}

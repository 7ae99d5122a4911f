//! Folders, registry values and features on a twin.

use muster_agent::host::{Access, Error, FeatureState, Features, Folders, Registry, RegistryData};

use crate::Stage;

#[test]
fn a_folder_is_there_with_what_lies_in_it_and_keeps_foreign_rights() {
    let stage = Stage::new();
    let twin = stage.twin();
    assert_eq!(Folders::get(&twin, r"D:\Import").unwrap(), None);
    Folders::create(&twin, r"D:\Import\Bank").unwrap();
    assert!(Folders::get(&twin, r"d:\import").unwrap().is_some(), "those above it are made too");
    Folders::grant(&twin, r"D:\Import", "svc", Access::Modify).unwrap();
    Folders::grant(&twin, r"D:\import", "bob", Access::Full).unwrap();
    Folders::revoke(&twin, r"D:\Import", "SVC").unwrap();
    let folder = Folders::get(&twin, r"D:\Import").unwrap().unwrap();
    assert_eq!(folder.rights, [("bob".to_owned(), Access::Full)]);
    assert!(matches!(Folders::grant(&twin, r"D:\Other", "svc", Access::Read), Err(Error::Absent { .. })));
}

#[test]
fn the_two_views_of_the_registry_are_apart() {
    let stage = Stage::new();
    let twin = stage.twin();
    let (own, of_32bit) = (r"HKLM\SOFTWARE\Sage\Port", r"HKLM32\SOFTWARE\Sage\Port");
    Registry::set(&twin, &own.parse().unwrap(), &RegistryData::Dword(1025)).unwrap();
    assert_eq!(Registry::get(&twin, &of_32bit.parse().unwrap()).unwrap(), None);
    let text = RegistryData::String("1025".to_owned());
    Registry::set(&twin, &of_32bit.parse().unwrap(), &text).unwrap();
    assert_eq!(Registry::get(&twin, &of_32bit.parse().unwrap()).unwrap(), Some(text));
    assert_eq!(Registry::get(&twin, &own.parse().unwrap()).unwrap(), Some(RegistryData::Dword(1025)));
}

/// G1: a parent is not brought along in silence, and a feature that another needs stays.
#[test]
fn a_feature_is_installed_after_its_parent_and_may_want_a_restart() {
    let stage = Stage::new();
    let twin = stage.twin();
    let state = |name| Features::get(&twin, name).unwrap();
    assert_eq!(state("IIS-Nothing"), None, "another name is unknown");
    let early = Features::set(&twin, "IIS-ASPNET45", true).unwrap_err();
    assert!(early.to_string().contains("IIS-WebServerRole is not installed"), "{early}");
    Features::set(&twin, "iis-webserverrole", true).unwrap();
    Features::set(&twin, "IIS-ASPNET45", true).unwrap();
    assert_eq!(state("IIS-WebServerRole"), Some(FeatureState::Installed));
    assert_eq!(state("IIS-ASPNET45"), Some(FeatureState::InstallPending));
    let used = Features::set(&twin, "IIS-WebServerRole", false).unwrap_err();
    assert!(used.to_string().contains("IIS-ASPNET45 needs it"), "{used}");
}

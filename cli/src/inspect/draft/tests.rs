//! Which features a draft names.

use super::*;
use crate::inspect::found::Level;

fn feature(name: &str, parent: Option<&str>, level: i32, condition: Option<i32>) -> Feature {
    let level_where = |level| Level { level, condition: Some("VersionNT64".to_owned()) };
    Feature {
        name: name.to_owned(),
        parent: parent.map(str::to_owned),
        level,
        conditions: condition.into_iter().map(level_where).collect(),
        title: None,
        description: None,
    }
}

#[test]
fn a_feature_whose_parent_is_not_installed_is_not_named_for_it_would_bring_the_parent() {
    let features = [
        feature("Client", None, 1, None),
        feature("Server", None, 100, None),
        feature("Tools", Some("Server"), 1, None),
        feature("More", Some("Tools"), 1, None),
    ];
    assert_eq!(by_default(&features, 1), ["Client"]);
    assert!(feature_line(&features[2], 1, false, 1).ends_with(": only with Server"));
    assert_eq!(by_default(&features, 100), ["Client", "Server", "Tools", "More"]);
}

#[test]
fn where_a_condition_moves_a_feature_the_package_decides() {
    assert!(decides_there(&[feature("Main", None, 1, Some(0))], 1));
    assert!(decides_there(&[feature("Main", None, 0, Some(1))], 1));
    assert!(!decides_there(&[feature("Docs", None, 200, Some(0))], 1), "it is not there either way");
    assert!(!decides_there(&[feature("Main", None, 1, None)], 1));
}

//! What IIS 10's schema says of pools and sites, as far as the stories need: settings, their kinds and what they are where nobody
//! says them, parts, lists and their keys, methods.
//!
//! Source: the reference of `system.applicationHost` (learn.microsoft.com/iis/configuration). Neighbours: `config` holds the file
//! against it.

/// An element's.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) settings: &'static [Setting],
    pub(crate) parts: &'static [(&'static str, &'static Schema)],
    pub(crate) list: Option<&'static List>,
    pub(crate) methods: &'static [&'static str],
}

/// A setting's.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
}

/// What a setting may be.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Truth,
    Number,
    /// Whole minutes, up to 30 days: `timeSpanRange` 0,2592000,60.
    Minutes,
    Word(&'static [&'static str]),
    /// Not in the file: the service that runs it says it.
    State,
}

/// A list's.
#[derive(Debug)]
pub(crate) struct List {
    /// The tag of what is in it.
    pub(crate) tag: &'static str,
    /// What two of them must not have in common.
    pub(crate) key: &'static [&'static str],
    pub(crate) of: &'static Schema,
    /// The element beside or above the list that they inherit from.
    pub(crate) defaults: Option<&'static str>,
}

const NAME: Setting = text("name", "");
const STATE: Setting = Setting { name: "state", kind: Kind::State, default: "" };

const fn text(name: &'static str, default: &'static str) -> Setting {
    Setting { name, kind: Kind::Text, default }
}

const fn truth(name: &'static str, default: &'static str) -> Setting {
    Setting { name, kind: Kind::Truth, default }
}

const fn number(name: &'static str, default: &'static str) -> Setting {
    Setting { name, kind: Kind::Number, default }
}

const LEAF: Schema = Schema { settings: &[], parts: &[], list: None, methods: &[] };

static PROCESS_MODEL: Schema = Schema {
    settings: &[
        Setting {
            name: "identityType",
            kind: Kind::Word(&[
                "LocalSystem",
                "LocalService",
                "NetworkService",
                "SpecificUser",
                "ApplicationPoolIdentity",
            ]),
            default: "ApplicationPoolIdentity",
        },
        Setting { name: "idleTimeout", kind: Kind::Minutes, default: "00:20:00" },
        truth("loadUserProfile", "false"),
        truth("setProfileEnvironment", "true"),
    ],
    ..LEAF
};

static POOL: Schema = Schema {
    settings: &[
        NAME,
        STATE,
        number("queueLength", "1000"),
        truth("autoStart", "true"),
        truth("enable32BitAppOnWin64", "false"),
        text("managedRuntimeVersion", ""),
        Setting {
            name: "managedPipelineMode",
            kind: Kind::Word(&["Integrated", "Classic"]),
            default: "Integrated",
        },
        Setting { name: "startMode", kind: Kind::Word(&["OnDemand", "AlwaysRunning"]), default: "OnDemand" },
    ],
    parts: &[("processModel", &PROCESS_MODEL)],
    list: None,
    methods: &["Start", "Stop", "Recycle"],
};

static POOLS: Schema = Schema {
    list: Some(&List { tag: "add", key: &["name"], of: &POOL, defaults: Some("applicationPoolDefaults") }),
    ..LEAF
};

static DIRECTORY: Schema = Schema {
    settings: &[text("path", ""), text("physicalPath", ""), truth("allowSubDirConfig", "true")],
    ..LEAF
};

static APPLICATION: Schema = Schema {
    settings: &[text("path", ""), text("applicationPool", ""), text("enabledProtocols", "http")],
    list: Some(&List {
        tag: "virtualDirectory",
        key: &["path"],
        of: &DIRECTORY,
        defaults: Some("virtualDirectoryDefaults"),
    }),
    ..LEAF
};

static BINDINGS: Schema = Schema {
    list: Some(&List {
        tag: "binding",
        key: &["protocol", "bindingInformation"],
        of: &Schema {
            settings: &[text("protocol", ""), text("bindingInformation", ""), number("sslFlags", "0")],
            ..LEAF
        },
        defaults: None,
    }),
    ..LEAF
};

static SITE: Schema = Schema {
    settings: &[NAME, STATE, number("id", ""), truth("serverAutoStart", "true")],
    parts: &[("bindings", &BINDINGS)],
    list: Some(&List {
        tag: "application",
        key: &["path"],
        of: &APPLICATION,
        defaults: Some("applicationDefaults"),
    }),
    methods: &["Start", "Stop"],
};

static SITES: Schema = Schema {
    list: Some(&List { tag: "site", key: &["name"], of: &SITE, defaults: Some("siteDefaults") }),
    ..LEAF
};

/// The sections.
pub(crate) const SECTIONS: &[(&str, &Schema)] =
    &[("system.applicationHost/applicationPools", &POOLS), ("system.applicationHost/sites", &SITES)];

impl Kind {
    /// A value as IIS keeps it; none where it is none of this kind.
    pub(crate) fn kept(&self, value: &str) -> Option<String> {
        match self {
            Self::Text => Some(value.to_owned()),
            Self::Truth => {
                ["true", "false"].into_iter().find(|own| own.eq_ignore_ascii_case(value)).map(str::to_owned)
            }
            Self::Number => value.parse::<u32>().ok().map(|number| number.to_string()),
            Self::Minutes => is_minutes(value).then(|| value.to_owned()),
            Self::Word(words) => {
                words.iter().find(|own| own.eq_ignore_ascii_case(value)).map(|own| (*own).to_owned())
            }
            Self::State => None,
        }
    }
}

/// `[days.]hours:minutes:00`, up to 30 days.
fn is_minutes(value: &str) -> bool {
    let (days, time) = value.split_once('.').unwrap_or(("0", value));
    let Ok(days) = days.parse::<u64>() else { return false };
    let parts: Vec<u64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    match parts[..] {
        [hours, minutes, 0] if time.len() == 8 && hours < 24 && minutes < 60 => days * 24 + hours <= 720,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_must_be_of_its_kind() {
        assert_eq!(Kind::Truth.kept("True").as_deref(), Some("true"));
        assert_eq!(Kind::Truth.kept("1"), None);
        assert_eq!(Kind::Minutes.kept("1.05:00:00").as_deref(), Some("1.05:00:00"));
        for wrong in ["20", "00:20:30", "29:00:00", "40.00:00:00"] {
            assert_eq!(Kind::Minutes.kept(wrong), None, "{wrong}");
        }
        assert_eq!(Kind::Word(&["OnDemand"]).kept("ondemand").as_deref(), Some("OnDemand"));
        assert_eq!(Kind::Number.kept("-1"), None);
    }
}

//! Stories of sites, with the IIS that `tests/windows/run` installs.

use std::collections::BTreeMap;

use muster_agent_core::agree::{Agreement, Before, agree};
use muster_agent_core::diff;
use muster_agent_core::ledger::Ledger;
use muster_model::manifest::Node;
use muster_model::name::NodeId;
use muster_model::value::Value;

use super::super::story::Story;
use super::*;
use crate::host::ApplicationFacts;
use crate::{resource, vault};

const DEFAULT: &str = "Default Web Site";
const SAGE: &str = "Sage";
const RUN: &str = "sites/Sage";

fn key(text: &str) -> BindingKey {
    text.parse().unwrap()
}

fn facts(story: &Story, name: &str) -> SiteFacts {
    Sites::get(&story.host(), name).unwrap().unwrap()
}

/// Brings a site's attributes to these by its resource, as a step does it.
fn mend(host: &WindowsHost, wanted: &[(&str, &str)]) {
    let attributes = wanted.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    let node = Node { attributes: attributes.collect(), ..Node::bare("iis_site/Sage".parse().unwrap()) };
    let before = resource::observe(&node, host);
    let actual = diff::compare(&node, &before, &Ledger::default());
    let step = node.step(1, actual.rows.clone());
    let told = agree(&step, &actual, &|_: &NodeId| false, Before::Nothing);
    let Agreement::Agreed(agreed) = told else { panic!("{told:?}") };
    resource::apply(&node, &before, &agreed, host, &vault::Nothing).unwrap();
}

/// A site of Muster's with one binding.
fn begin() -> Story {
    let story = Story::begin();
    let binding = SiteChange::Binding(key("http/*:1025:"), false);
    Sites::create(&story.host(), SAGE, r"C:\Sage", "Sage", &[binding]).unwrap();
    assert_eq!(story.done(), ["commit"]);
    story
}

fn bare() -> SiteFacts {
    SiteFacts {
        physical_path: r"C:\Sage".to_owned(),
        app_pool: "Sage".to_owned(),
        started: true,
        starts: true,
        applications: BTreeMap::new(),
        virtual_directories: BTreeMap::new(),
        bindings: BTreeMap::from([(key("http/*:1025:"), false)]),
    }
}

#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_site_is_made_whole_in_one_commit_and_its_neighbour_is_left() {
    let story = Story::begin();
    let before = facts(&story, DEFAULT);
    let changes = [
        SiteChange::Application("/api".to_owned(), r"C:\Sage\api".to_owned()),
        SiteChange::ApplicationPool("/api".to_owned(), "SageApi".to_owned()),
        SiteChange::Application("/help".to_owned(), r"C:\Sage\help".to_owned()),
        SiteChange::VirtualDirectory("/docs".to_owned(), r"D:\docs".to_owned()),
        SiteChange::VirtualDirectory("/api/docs".to_owned(), r"D:\api".to_owned()),
    ];
    assert_eq!(Sites::get(&story.host(), SAGE).unwrap(), None);
    Sites::create(&story.host(), SAGE, r"C:\Sage", "Sage", &changes).unwrap();
    assert_eq!(story.done(), ["commit"]);
    let app = |folder: &str, pool: &str| ApplicationFacts {
        physical_path: folder.to_owned(),
        app_pool: pool.to_owned(),
    };
    let wanted = SiteFacts {
        applications: BTreeMap::from([
            ("/api".to_owned(), app(r"C:\Sage\api", "SageApi")),
            // Inherited, from `applicationDefaults`.
            ("/help".to_owned(), app(r"C:\Sage\help", "DefaultAppPool")),
        ]),
        virtual_directories: BTreeMap::from([
            ("/api/docs".to_owned(), r"D:\api".to_owned()),
            ("/docs".to_owned(), r"D:\docs".to_owned()),
        ]),
        bindings: BTreeMap::new(),
        ..bare()
    };
    assert_eq!(facts(&story, "SAGE"), wanted);
    assert!(story.text().contains(r#"<site name="Sage" id="2">"#), "{}", story.text());
    let api = r#"<virtualDirectory path="/docs" physicalPath="D:\api" />"#;
    assert!(story.text().contains(api), "{}", story.text());
    assert_eq!(facts(&story, DEFAULT), before);
}

#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn each_change_touches_what_it_names_and_nothing_else() {
    let story = begin();
    let host = story.host();
    let folder = |path: &str, folder: &str| SiteChange::VirtualDirectory(path.to_owned(), folder.to_owned());
    let application = |path: &str, folder: &str| SiteChange::Application(path.to_owned(), folder.to_owned());
    Sites::set(
        &host,
        SAGE,
        &[application("/api", r"C:\1"), folder("/api/d", r"C:\2"), folder("/d", r"C:\3")],
    )
    .unwrap();
    let before = facts(&story, SAGE);
    Sites::set(&host, SAGE, &[folder("/API/D", r"C:\4"), application("/Api", r"C:\5")]).unwrap();
    let after = facts(&story, SAGE);
    assert_eq!(after.virtual_directories["/api/d"], r"C:\4");
    assert_eq!(after.applications["/api"].physical_path, r"C:\5");
    assert_eq!(after.virtual_directories["/d"], r"C:\3");
    let gone = [
        SiteChange::NoApplication("/api".to_owned()),
        SiteChange::NoVirtualDirectory("/d".to_owned()),
        SiteChange::AppPool("Other".to_owned()),
    ];
    Sites::set(&host, SAGE, &gone).unwrap();
    assert_eq!(facts(&story, SAGE), SiteFacts { app_pool: "Other".to_owned(), ..bare() });
    assert_ne!(before, after);
    let told = Sites::set(&host, SAGE, &[SiteChange::ApplicationPool("/no".to_owned(), SAGE.to_owned())]);
    assert!(told.unwrap_err().to_string().contains("error 1168: the site has no application /no"));
    let absent = Sites::set(&host, "nobody", &gone).unwrap_err();
    assert_eq!(absent, Error::Absent { kind: "site", name: "nobody".to_owned() });
}

/// Foreign bindings, also those of other protocols, and flags that Muster does not know.
#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn bindings_come_and_go_alone_and_keep_what_others_chose() {
    let story = begin();
    let host = story.host();
    let ours = r#"<binding protocol="http" bindingInformation="*:1025:" />"#;
    let tls = r#"<binding protocol="https" bindingInformation="*:443:Sxa.example" sslFlags="36" />"#;
    let pipe = r#"<binding protocol="net.pipe" bindingInformation="*" />"#;
    story.edit(ours, &[ours, tls, pipe].concat());
    let secure = key("https/*:443:sxa.example");
    assert!(!facts(&story, SAGE).bindings[&secure]);
    let set = |change| Sites::set(&host, SAGE, &[change]).unwrap();
    set(SiteChange::Binding(secure.clone(), true));
    assert!(facts(&story, SAGE).bindings[&secure] && story.text().contains("sslFlags=\"37\""));
    set(SiteChange::Binding(secure.clone(), false));
    assert!(!facts(&story, SAGE).bindings[&secure] && story.text().contains("sslFlags=\"36\""));
    set(SiteChange::Binding(key("https/*:1026:sxa.example"), true));
    set(SiteChange::NoBinding(key("http/*:1025:")));
    let left: Vec<String> = facts(&story, SAGE).bindings.keys().map(ToString::to_string).collect();
    assert_eq!(left, ["https/*:443:sxa.example", "https/*:1026:sxa.example"]);
    let all = Sites::bindings(&host).unwrap();
    assert!(all.contains(&(DEFAULT.to_owned(), key("http/*:80:"), false)), "{all:?}");
    assert!(story.text().contains("net.pipe"));
    let told = Sites::remove(&host, SAGE).unwrap_err().to_string();
    assert!(told.contains("bindings that no document names: net.pipe/*"), "{told}");
    story.edit(pipe, "");
    Sites::remove(&host, SAGE).unwrap();
    assert_eq!(Sites::get(&host, SAGE).unwrap(), None);
}

/// They share records of HTTP.SYS with others, hold ports, and let their site run.
#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn bindings_that_documents_cannot_name_are_seen_and_never_touched() {
    let story = begin();
    let host = story.host();
    let ours = r#"<binding protocol="http" bindingInformation="*:1025:" />"#;
    let theirs = [
        r#"<binding protocol="https" bindingInformation="*:1025:*.Dupont.example" sslFlags="1" />"#,
        r#"<binding protocol="HTTPS" bindingInformation=":1026:my_host.local" />"#,
    ];
    story.edit(ours, &theirs.concat());
    let all = Sites::bindings(&host).unwrap();
    let own = all.iter().filter(|(site, ..)| site == SAGE);
    let own: Vec<_> = own.map(|(_, key, sni)| (key.endpoint(*sni), key.to_string())).collect();
    let wanted = [
        ("*.dupont.example:1025", "https/*:1025:*.dupont.example"),
        ("0.0.0.0:1026", "https/:1026:my_host.local"),
    ];
    assert_eq!(own, wanted.map(|(endpoint, key)| (endpoint.to_owned(), key.to_owned())));

    let seen = facts(&story, SAGE);
    assert!(seen.bindings.is_empty() && seen.started, "{seen:?}");
    host.set_started(SAGE, false).unwrap();
    assert_eq!(story.done(), ["commit", "Stop sites/Sage"]);
    let told = Sites::remove(&host, SAGE).unwrap_err().to_string();
    assert!(told.contains("no document names: https/*:1025:*.Dupont.example, https/:1026:"), "{told}");
    assert!(theirs.iter().all(|binding| story.text().contains(binding)), "{}", story.text());
}

#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_site_starts_and_stops_now_and_with_iis_whatever_moment_it_is_asked_at() {
    let story = begin();
    let host = story.host();
    host.set_started(SAGE, true).unwrap();
    assert!(story.done().is_empty(), "it runs");
    story.faults("Stop 0x80070425 1\nstate Unknown 1\n");
    host.set_started(SAGE, false).unwrap();
    assert_eq!(story.done(), ["commit", "Stop sites/Sage 0x80070425", "Stop sites/Sage"]);
    assert!(!facts(&story, SAGE).started && story.text().contains("serverAutoStart=\"false\""));
    story.faults("Start 0x80070425 2\nstate 0x800710d8 1\n");
    host.set_started(SAGE, true).unwrap();
    let refused = format!("Start {RUN} 0x80070425");
    assert_eq!(story.done(), ["commit".to_owned(), refused.clone(), refused, format!("Start {RUN}")]);
    assert!(facts(&story, SAGE).started && story.text().contains("serverAutoStart=\"true\""));
}

/// The code of a configuration that another program holds.
#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_site_whose_port_another_program_has_says_so_after_one_order() {
    let story = begin();
    let host = story.host();
    host.set_started(SAGE, false).unwrap();
    story.done();
    story.faults("Start 0x80070020 1000\n");
    let told = host.set_started(SAGE, true).unwrap_err().to_string();
    for words in
        ["start site Sage failed: error 0x80070020 at Start: ", "another program listens on a port of its"]
    {
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(story.done(), ["commit", "Start sites/Sage 0x80070020"]);
    // With its first binding, too.
    Sites::create(&host, "Other", r"C:\Other", "Sage", &[]).unwrap();
    story.state("sites/Other=Stopped\n");
    story.done();
    let binding = SiteChange::Binding(key("http/*:1026:"), false);
    let told = Sites::set(&host, "Other", &[binding]).unwrap_err().to_string();
    assert!(told.contains("another program listens on a port of its bindings"), "{told}");
    assert_eq!(story.done(), ["commit", "Start sites/Other 0x80070020"]);
}

/// `serverAutoStart` edited by hand says nothing of what runs, and everything of the next start of IIS.
#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_site_that_the_next_start_of_iis_changes_is_seen_and_mended_without_an_order() {
    let story = begin();
    let host = story.host();
    let said = |starts: bool| format!("serverAutoStart=\"{starts}\"");
    for (started, own) in [(false, "stopped"), (true, "started")] {
        host.set_started(SAGE, started).unwrap();
        assert_eq!(facts(&story, SAGE).state(), own);
        story.edit(&said(started), &said(!started));
        assert_eq!(facts(&story, SAGE).state(), format!("{own} until IIS starts again"));
        story.done();
        host.set_started(SAGE, started).unwrap();
        assert_eq!(story.done(), ["commit"], "it is {own} already");
        assert_eq!(facts(&story, SAGE).state(), own);
    }
}

/// By its resource, as a step does it, and then its first binding.
#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_site_that_should_be_stopped_is_made_so_in_one_commit_and_never_runs() {
    let story = Story::begin();
    let host = story.host();
    mend(&host, &[("physical_path", r"C:\Sage"), ("app_pool", "Sage"), ("state", "stopped")]);
    assert_eq!(story.done(), ["commit"]);
    assert!(story.text().contains(r#"serverAutoStart="false""#), "{}", story.text());
    Sites::set(&host, SAGE, &[SiteChange::Binding(key("http/*:1025:"), false)]).unwrap();
    assert_eq!(
        (story.done(), story.state_now().as_str()),
        (vec!["commit".to_owned()], "sites/Sage=Stopped\n")
    );
    assert_eq!(facts(&story, SAGE), SiteFacts { started: false, starts: false, ..bare() });
}

#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_row_of_the_state_is_written_in_the_commit_of_the_others() {
    let story = begin();
    let host = story.host();
    for (folder, state, order) in [(r"D:\1", "stopped", "Stop"), (r"D:\2", "started", "Start")] {
        mend(&host, &[("physical_path", folder), ("state", state)]);
        assert_eq!(story.done(), ["commit".to_owned(), format!("{order} {RUN}")]);
        let seen = facts(&story, SAGE);
        assert_eq!((seen.physical_path.as_str(), seen.state()), (folder, state));
    }
    // It is written already that it starts, and nothing else is to be.
    story.state(&format!("{RUN}=Stopped\n"));
    mend(&host, &[("physical_path", r"D:\2"), ("state", "started")]);
    assert_eq!(story.done(), [format!("Start {RUN}")]);
}

#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_site_that_is_made_with_a_binding_starts_or_not_as_it_was_told() {
    for starts in [true, false] {
        let story = Story::begin();
        let changes = [SiteChange::Starts(starts), SiteChange::Binding(key("http/*:1025:"), false)];
        Sites::create(&story.host(), SAGE, r"C:\Sage", "Sage", &changes).unwrap();
        assert_eq!((story.done(), facts(&story, SAGE).started), (vec!["commit".to_owned()], starts));
    }
}

#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn where_the_service_is_down_a_look_says_so_after_a_while() {
    let story = begin();
    story.faults("state 0x800706ba 1000\n");
    let told = Sites::get(&story.host(), SAGE).unwrap_err().to_string();
    for words in [
        "look at site Sage failed: its state is unknown after 5000 ms (error 0x800706ba at state: ",
        "see whether the World Wide Web Publishing Service runs",
    ] {
        assert!(told.contains(words), "{told}");
    }
}

/// `siteDefaults` may say that sites do not start by themselves.
#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn a_site_without_a_binding_has_no_state_and_starts_with_its_first() {
    let story = Story::begin();
    let host = story.host();
    story.edit("<siteDefaults>", "<siteDefaults serverAutoStart=\"false\">");
    Sites::create(&host, SAGE, r"C:\Sage", "Sage", &[]).unwrap();
    assert!(!facts(&story, SAGE).started);
    host.set_started(SAGE, true).unwrap();
    assert!(facts(&story, SAGE).started);
    assert_eq!(story.done(), ["commit", "commit"]);
    // It was stopped by hand before it had a binding.
    story.state("sites/Sage=Stopped\n");
    Sites::set(&host, SAGE, &[SiteChange::Binding(key("http/*:1025:"), false)]).unwrap();
    assert_eq!(story.done(), ["commit", "Start sites/Sage"]);
    assert!(facts(&story, SAGE).started);
}

#[test]
#[ignore = "needs the IIS that tests/windows/run installs"]
fn conflicts_and_locks_of_sites_end_as_those_of_pools() {
    let story = begin();
    let host = story.host();
    let changes = [SiteChange::PhysicalPath(r"D:\Sage".to_owned())];
    story.edit_at_commit(r#"bindingInformation="*:80:""#, r#"bindingInformation="*:81:""#);
    Sites::set(&host, SAGE, &changes).unwrap();
    assert_eq!(story.done(), ["commit 0x800703ee", "commit"]);
    assert_eq!(facts(&story, SAGE).physical_path, r"D:\Sage");
    assert!(facts(&story, DEFAULT).bindings.contains_key(&key("http/*:81:")), "another's edit stays");
    story.edit_at_commit(r#"bindingInformation="*:1025:""#, r#"bindingInformation="*:1029:""#);
    let told = Sites::set(&host, SAGE, &changes).unwrap_err().to_string();
    assert!(told.contains("changed by somebody else at the same moment"), "{told}");
    story.faults("set:system.applicationHost/sites 0x80070021 9\n");
    let told = Sites::set(&host, SAGE, &changes).unwrap_err().to_string();
    assert!(told.contains("error 0x80070021 at physicalPath") && told.contains("it is locked"), "{told}");
    assert!(story.faults_left().ends_with(" 8\n"), "once: {}", story.faults_left());
}

//! What is found, in words; the stories over the real wire are in `tests/it/preflight.rs`.

use muster_model::preflight::Verdict;

use super::*;

fn ask(node: &NodeId) -> Ask<'_> {
    Ask { node, check: "memory_gib", guide: "G1" }
}

fn node() -> NodeId {
    "preflight/web".parse().unwrap()
}

#[test]
fn g1_each_windows_brings_its_iis_and_an_unknown_one_brings_none() {
    assert_eq!(brought_by("10.0.17763").as_deref(), Some("10.0"));
    assert_eq!(brought_by("6.3.9600").as_deref(), Some("8.5"));
    assert_eq!(brought_by("10.01.1"), None);
    assert_eq!(brought_by("5.2.3790"), None);
}

#[test]
fn g1_a_version_has_the_name_that_people_know() {
    assert_eq!(windows_named("10.0.20348.1"), "10.0.20348.1 (Windows Server 2022)");
    assert_eq!(windows_named("6.3.9600"), "6.3.9600");
}

#[test]
fn g1_a_console_of_windows_is_known_by_the_name_that_people_type() {
    assert_eq!(file_of("services.msc"), "mmc.exe");
    assert_eq!(file_of("SageFcsConsole.exe"), "sagefcsconsole.exe");
    assert_eq!(file_of("XRT.Console"), "xrt.console.exe");
}

#[test]
fn a_fact_that_cannot_be_had_is_unknown_whatever_is_wanted() {
    let id = node();
    let error = || host::Error::CannotTell { what: "the memory", message: "error 50".to_owned() };
    let item = ask(&id).judge(Err::<u64, _>(error()), "8 GiB", "more", |_| (true, "plenty".to_owned()));
    assert_eq!(item.verdict, Verdict::Unknown);
    assert!(item.found.contains("error 50") && !item.advice.is_empty());
}

#[test]
fn a_summary_lists_all_that_did_not_pass_and_nothing_else() {
    let id = node();
    let item = |so, found: &str| ask(&id).judge(Ok(()), "8 GiB", "buy more", |()| (so, found.to_owned()));
    let all = [item(true, "16 GiB"), item(false, "4 GiB"), item(false, "2 GiB")];
    assert_eq!(
        summary(&all).unwrap_err(),
        "2 of 3 things not as they must be; nothing was done\n\
         - 4 GiB; wanted: 8 GiB (G1) -> buy more\n\
         - 2 GiB; wanted: 8 GiB (G1) -> buy more"
    );
    assert_eq!(summary(&all[..1]).unwrap(), "1 thing looked at, everything is as it must be");
}

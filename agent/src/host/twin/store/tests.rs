//! The store's promises: an effect for each line and a line for each effect, whoever dies when.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::host::twin::catalogue::Catalogue;

fn state() -> State {
    State {
        host_name: "DUP-WEB01".parse().unwrap(),
        boots: 1,
        clock_offset_ms: 0,
        computer: super::super::state::Computer::default(),
        packages: BTreeMap::new(),
        services: BTreeMap::new(),
        app_pool_defaults: Default::default(),
        service_logons: std::collections::BTreeSet::new(),
        app_pools: BTreeMap::new(),
        site_defaults: super::super::state::SiteDefaults::default(),
        sites: BTreeMap::new(),
        http_sys: BTreeMap::new(),
        certificates: BTreeMap::new(),
        folders: BTreeMap::new(),
        registry: BTreeMap::new(),
        features: BTreeMap::new(),
        files: BTreeMap::new(),
        http: BTreeMap::new(),
    }
}

fn twin() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue {
        sql_servers: BTreeMap::new(),
        pfx: BTreeMap::new(),
        cer: BTreeMap::new(),
        packages: BTreeMap::new(),
    };
    let store = Store::create(&folder.path().join("twin"), &state(), &catalogue).unwrap();
    (folder, store)
}

fn deed(name: &str) -> Deed {
    Deed::ServiceStarted { service: name.to_owned() }
}

fn boots(store: &Store) -> u32 {
    store.lock().unwrap().state().boots
}

/// The ledger's lines after the first, which says that the twin was made.
fn lines(store: &Store) -> usize {
    ledger::read(store.dir()).unwrap().len() - 1
}

fn prepare(store: &Store, boots: u32) -> Vec<u8> {
    let next = pretty(&State { boots, ..state() }, &store.path(NEXT)).unwrap();
    fs::write(store.path(NEXT), &next).unwrap();
    next
}

#[test]
fn a_change_that_died_before_its_line_never_took_place() {
    let (_folder, store) = twin();
    prepare(&store, 9);
    assert_eq!(boots(&store), 1);
    assert_eq!(lines(&store), 0);
    assert!(!store.path(NEXT).exists());
}

#[test]
fn a_change_that_died_after_its_line_is_finished_by_the_next_who_looks() {
    let (_folder, store) = twin();
    let next = prepare(&store, 9);
    store.note(deed("a"), Some(Digest::of(&next))).unwrap();
    assert_eq!(boots(&store), 9);
    assert_eq!(lines(&store), 1);
}

#[test]
fn a_line_that_was_cut_short_is_taken_off_with_its_change() {
    let (_folder, store) = twin();
    let next = prepare(&store, 9);
    store.note(deed("a"), Some(Digest::of(&next))).unwrap();
    let ledger = fs::read(store.path(LEDGER)).unwrap();
    fs::write(store.path(LEDGER), &ledger[..ledger.len() - 5]).unwrap();
    assert_eq!(boots(&store), 1);
    store.lock().unwrap().commit(deed("b"), |state| state.boots = 2).unwrap();
    assert_eq!((boots(&store), lines(&store)), (2, 1));
}

#[test]
fn an_effect_whose_line_cannot_be_written_does_not_take_place() {
    let (_folder, store) = twin();
    let mut section = store.lock().unwrap();
    let ledger = fs::read(store.path(LEDGER)).unwrap();
    fs::remove_file(store.path(LEDGER)).unwrap();
    fs::create_dir(store.path(LEDGER)).unwrap();
    section.commit(deed("a"), |state| state.boots = 9).unwrap_err();
    drop(section);
    fs::remove_dir(store.path(LEDGER)).unwrap();
    fs::write(store.path(LEDGER), ledger).unwrap();
    assert_eq!((boots(&store), lines(&store)), (1, 0));
}

#[test]
fn an_effect_whose_line_is_written_takes_place_even_if_the_rename_fails_first() {
    let (_folder, store) = twin();
    let mut section = store.lock().unwrap();
    fs::remove_file(store.path(STATE)).unwrap();
    fs::create_dir(store.path(STATE)).unwrap();
    section.commit(deed("a"), |state| state.boots = 9).unwrap_err();
    drop(section);
    fs::remove_dir(store.path(STATE)).unwrap();
    assert_eq!((boots(&store), lines(&store)), (9, 1));
}

#[test]
fn a_hand_edit_is_honoured_and_survives_the_next_change() {
    let (_folder, store) = twin();
    let text = fs::read_to_string(store.path(STATE)).unwrap();
    fs::write(store.path(STATE), text.replace("\"clock_offset_ms\": 0", "\"clock_offset_ms\": 180000"))
        .unwrap();
    store.lock().unwrap().commit(deed("a"), |state| state.boots = 2).unwrap();
    let section = store.lock().unwrap();
    assert_eq!((section.state().clock_offset_ms, section.state().boots), (180_000, 2));
}

#[test]
fn a_state_put_back_from_an_older_copy_is_taken_as_it_is() {
    let (_folder, store) = twin();
    let copy = fs::read(store.path(STATE)).unwrap();
    store.lock().unwrap().commit(deed("a"), |state| state.boots = 2).unwrap();
    fs::write(store.path(STATE), copy).unwrap();
    assert_eq!((boots(&store), lines(&store)), (1, 1));
}

#[test]
fn a_slip_of_the_hand_is_shown_with_its_place_and_never_reset() {
    let (_folder, store) = twin();
    let broken = fs::read_to_string(store.path(STATE)).unwrap().replace("\"boots\": 1,", "\"boots\": 1");
    fs::write(store.path(STATE), &broken).unwrap();
    let error = store.lock().unwrap_err();
    assert!(error.to_string().contains("state.json:4:3"), "{error}");
    assert_eq!(fs::read_to_string(store.path(STATE)).unwrap(), broken);

    fs::write(store.path(STATE), broken.replace("\"boots\": 1", "\"bots\": 1,")).unwrap();
    let error = store.lock().unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("bots"), "{why}");
}

#[test]
fn a_twin_is_never_made_over_another() {
    let (_folder, store) = twin();
    let catalogue = store.catalogue().unwrap();
    assert!(matches!(Store::create(store.dir(), &state(), &catalogue), Err(Error::Exists(_))));
}

#[test]
fn a_fault_is_spent_when_it_strikes_and_one_that_is_always_stays() {
    let (_folder, store) = twin();
    let fault = |times| Fault {
        operation: Operation::ServiceStart,
        target: Some("SCPSServer".to_owned()),
        strike: Strike::Fail(None),
        moment: Moment::Before,
        times,
    };
    let strike = |name| store.strike(Operation::ServiceStart, name, Moment::Before).unwrap();
    store.lock().unwrap().set_faults(&[fault(Some(2))]).unwrap();
    assert!(matches!(strike("SCASServer"), Struck::GoOn(None)), "another service is not struck");
    assert!(matches!(strike("scpsserver"), Struck::Fail(_)), "Windows' names have no case");
    assert!(matches!(strike("SCPSServer"), Struck::Fail(_)));
    assert!(matches!(strike("SCPSServer"), Struck::GoOn(None)), "it is spent");
    store.lock().unwrap().set_faults(&[fault(None)]).unwrap();
    for _ in 0..3 {
        assert!(matches!(strike("SCPSServer"), Struck::Fail(_)));
    }
    assert_eq!(lines(&store), 5, "each strike is in the ledger");
}

#[test]
fn an_operation_that_hangs_goes_on_when_its_fault_is_cleared() {
    let (_folder, store) = twin();
    let fault = Fault {
        operation: Operation::HttpGet,
        target: None,
        strike: Strike::Hang,
        moment: Moment::Before,
        times: None,
    };
    store.lock().unwrap().set_faults(&[fault]).unwrap();
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| store.strike(Operation::HttpGet, "http://localhost", Moment::Before));
        // The strike's own line says that it hangs now.
        while lines(&store) == 0 {
            std::thread::yield_now();
        }
        assert!(!hanging.is_finished());
        store.lock().unwrap().set_faults(&[]).unwrap();
        assert!(matches!(hanging.join().unwrap(), Ok(Struck::GoOn(None))));
    });
}

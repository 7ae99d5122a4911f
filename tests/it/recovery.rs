//! Promise 5 after a disaster: the controller is lost, a backup is restored, and no old word is taken for a new one.

use std::path::PathBuf;

use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::outcome::Refusal;
use muster_model::view::{RecoveryState, RecoveryView, SiteState};
use muster_tests::cli::code;
use muster_tests::controller::Controller;
use muster_tests::field::Field;

const POOL: &str = "Sage.XRT.Advanced";

/// A site in sync, backed up, and then changed again: what the controller and its agent did last is in no backup.
struct Lost {
    field: Field,
    backup: PathBuf,
    /// The last plan before the controller was lost.
    last: PlanId,
    /// How many effects the twin has seen until then.
    effects: usize,
}

fn drift_and_mend(field: &Field) -> PlanId {
    field.agent.twin.set(&["app_pool", POOL, "enable_32bit=true"]);
    field.bring_in_sync()
}

/// Runs a plan, backs up, runs another one under later epochs and destroys the controller.
fn lose() -> Lost {
    let mut field = Field::sxa();
    field.bring_in_sync();
    let backup = field.folder().join("monday");
    assert_eq!(field.controller.backup_until(&backup, None).unwrap().code, code::OK);
    for _ in 0..2 {
        field.controller.kill().unwrap();
        field.controller.serve().unwrap();
    }
    let mut watch = field.watch();
    watch.until("it is connected again", |body| matches!(body, EventBody::ServerConnected { .. }));
    wait_connected(&field);
    let last = drift_and_mend(&field);
    let effects = field.agent.twin.ledger().len();
    field.controller.kill().unwrap();
    std::fs::remove_dir_all(field.controller.data()).unwrap();
    Lost { field, backup, last, effects }
}

/// Waits until the agent's stream is open in the newest epoch.
fn wait_connected(field: &Field) {
    muster_tests::daemon::await_until("the agent is connected", || {
        let state = field.status().servers[0].state;
        Ok(state == muster_model::view::ServerState::Connected)
    })
    .unwrap();
}

fn recovery(field: &Field) -> RecoveryView {
    let json = field.cli.json("recover status");
    serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error}: {json:#}"))
}

/// Waits until the one agent was read, and gives what is known of it then.
fn read(field: &Field) -> RecoveryView {
    muster_tests::daemon::await_until("the agent was read", || {
        Ok(recovery(field).servers.iter().any(|server| server.read_at.is_some()))
    })
    .unwrap();
    recovery(field)
}

impl Lost {
    /// Restores the backup in the place of the lost controller and serves it.
    fn restore(&mut self) {
        let restored = self.field.controller.restored(&self.backup, self.field.folder(), "restored").unwrap();
        self.field.controller = restored;
        self.field.controller.serve().unwrap();
    }

    fn no_effect_since(&self) {
        assert_eq!(self.field.agent.twin.effects_after(self.effects), []);
    }
}

#[test]
fn a_restored_controller_reads_its_agents_goes_on_above_them_and_repeats_nothing() {
    let mut lost = lose();
    lost.restore();
    let field = &lost.field;
    let view = read(field);
    assert_eq!(view.state, RecoveryState::Reading);
    let web = &view.servers[0];
    assert_eq!((web.newest_plan, web.epoch), (Some(lost.last), Some(3)));
    let says = web.findings.join("\n");
    assert!(says.contains(&format!("worked on {}, which the backup does not know", lost.last)), "{says}");
    assert!(says.contains("obeyed epoch 3; the backup ends with epoch 1"), "{says}");
    field.cli.ok("recover status").says(&["RECOVERY", "which the backup does not know", "recover confirm"]);

    // Nothing may begin, and the refusal says what to type.
    for verb in ["plan dupont-prod", "approve P-1", "run P-1", "resume P-1", "cancel P-1", "done P-1/1"] {
        let refused = field.cli.run(verb.split_whitespace()).expect(code::REFUSED);
        refused.says(&["restored", "muster recover status"]);
    }
    field.push().expect(code::REFUSED);
    lost.no_effect_since();

    field.cli.ok("recover confirm").says(&["work may begin again", "P-1000 is void"]);
    wait_connected(field);
    let view = recovery(field);
    assert_eq!(view.state, RecoveryState::Confirmed);
    assert_eq!(view.confirmed.as_ref().map(|(by, _)| by.as_str()), Some("anne"));
    field.cli.run(["recover", "confirm"]).expect(code::REFUSED).says(&["was confirmed by anne"]);

    // What was approved before means nothing now; what is planned now has numbers that nobody ever saw.
    field.cli.run(["run", "P-1"]).expect(code::REFUSED);
    let plan = field.plan();
    assert_eq!(plan, PlanId(1001));
    assert_eq!(field.rows(plan), Vec::<String>::new(), "the agent did it all: there is nothing to do twice");
    let mended = drift_and_mend(field);
    assert_eq!(mended, PlanId(1002));
    let effects = field.agent.twin.effects_after(lost.effects);
    assert_eq!(effects.len(), 1, "the one drift was mended once: {effects:?}");
    field.assert_in_sync();
    let epochs = field.events().into_iter().filter_map(|event| {
        if let EventBody::ControllerStarted { epoch, .. } = event.body { Some(epoch) } else { None }
    });
    assert_eq!(epochs.max(), Some(1001));
}

/// Without `recover` an older copy that is put back by hand is no danger either: its agents refuse its commands, and the
/// refusal says which controller to serve.
#[test]
fn an_older_copy_put_back_without_recover_is_refused_by_its_agents() {
    let mut field = Field::sxa();
    field.bring_in_sync();
    field.controller.terminate().unwrap();
    let copy = field.folder().join("copy");
    copy_folder(field.controller.data(), &copy);
    for _ in 0..2 {
        field.controller.serve().unwrap();
        wait_connected(&field);
        field.controller.terminate().unwrap();
    }
    std::fs::remove_dir_all(field.controller.data()).unwrap();
    copy_folder(&copy, field.controller.data());
    field.controller.serve().unwrap();
    wait_connected(&field);

    field.agent.twin.set(&["app_pool", POOL, "enable_32bit=true"]);
    let known = field.agent.twin.ledger().len();
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    assert_eq!(field.agent.twin.effects_after(known), []);
    let refused = field.events().into_iter().any(|event| {
        matches!(event.body, EventBody::CommandRefused { refusal: Refusal::OldEpoch { .. }, .. })
    });
    assert!(refused);
    assert_eq!(field.status().state, SiteState::Stopped(RunEnd::Refused));
    field.cli.ok("why dupont-prod").says(&["epoch"]);

    // The copy is said to be one: read, confirmed, and the same drift is mended.
    field.controller.terminate().unwrap();
    field.controller.recover().unwrap();
    field.controller.serve().unwrap();
    read(&field);
    field.cli.ok("recover confirm");
    wait_connected(&field);
    field.bring_in_sync();
    field.assert_in_sync();
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A server that stays off is left out: nothing is sent to it until it came and was read, and then it just works.
#[test]
fn a_server_that_was_off_during_the_recovery_gets_nothing_until_it_was_read() {
    let mut lost = lose();
    lost.field.agent.kill().unwrap();
    lost.restore();
    let field = &mut lost.field;
    let view = recovery(field);
    assert!(view.servers[0].read_at.is_none());
    let refused = field.cli.run(["recover", "confirm"]).expect(code::REFUSED);
    refused.says(&["dupont-prod/web", "--leave-unread"]);
    field.cli.ok("recover confirm --leave-unread").says(&["dupont-prod/web is not read yet"]);

    let plan = field.plan();
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED).says(&["findings"]);
    field.agent.run().unwrap();
    read(field);
    wait_connected(field);
    let mended = drift_and_mend(field);
    assert!(mended > PlanId(1000));
    assert_eq!(field.agent.twin.effects_after(lost.effects).len(), 1);
    field.assert_in_sync();
}

/// A run that was under way when the backup was made ends with the restore: what its agent did since, it says itself, and
/// nothing of it starts a second time.
#[test]
fn a_run_that_was_under_way_in_the_backup_is_ended_and_its_work_is_not_repeated() {
    let mut field = Field::sxa();
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    let backup = field.folder().join("monday");
    assert_eq!(field.controller.backup_until(&backup, None).unwrap().code, code::OK);
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    let effects = field.agent.twin.ledger().len();
    field.controller.kill().unwrap();
    let mut lost = Lost { last: plan, effects, field, backup };
    lost.restore();
    let field = &lost.field;
    read(field);
    field.cli.ok("recover confirm");
    wait_connected(field);
    let status = field.status();
    assert!(matches!(status.state, SiteState::Stopped(_)), "{status:?}");
    field
        .cli
        .run(["resume", &plan.to_string()])
        .expect(code::REFUSED)
        .says(&["void", "muster plan dupont-prod"]);
    lost.no_effect_since();
    field.bring_in_sync();
    lost.no_effect_since();
    field.assert_in_sync();
}

/// A damaged backup, a wrong key, a folder that is in use: each is refused with what to do, and nothing is made.
#[test]
fn what_cannot_be_restored_is_refused_and_leaves_nothing() {
    let mut field = Field::sxa();
    let backup = field.folder().join("monday");
    assert_eq!(field.controller.backup_until(&backup, None).unwrap().code, code::OK);
    let key = field.folder().join("recovery/muster-recovery-1.txt");
    let data = field.folder().join("restored");
    let restore = |from: &std::path::Path, key: &std::path::Path| {
        let ran = field.controller.restore(from, key, &data, None).unwrap();
        assert_ne!(ran.code, 0, "{}", ran.said());
        assert!(!data.exists());
        ran
    };
    restore(field.folder(), &key).says(&["holds no backup"]);
    restore(&backup, &field.folder().join("anne.profile")).says(&["holds no recovery key"]);
    let elsewhere = field.folder().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    Controller::init(&field.programs, &elsewhere).unwrap();
    restore(&backup, &elsewhere.join("recovery/muster-recovery-1.txt"))
        .says(&["does not open this backup", "age1"]);
    for part in ["muster.db", "ca.pem", "ca.key.age", "controller.pem.age"] {
        let path = backup.join(part);
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        std::fs::write(&path, damaged).unwrap();
        restore(&backup, &key).says(&[part, "is damaged"]);
        std::fs::write(&path, whole).unwrap();
    }
    let in_use = field.controller.restore(&backup, &key, field.controller.data(), None).unwrap();
    assert_ne!(in_use.code, 0);
    in_use.says(&["is not empty"]);
    field.controller.kill().unwrap();
    field.controller.restored(&backup, field.folder(), "restored").unwrap();
}

//! Media: from an operator's disk to the controller's shelf and into an agent's cache, over links that break.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use muster_model::digest::Digest;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::outcome::{End, Outcome};
use muster_tests::bench::medium::Journey;
use muster_tests::cli::{Cli, Ran, code};
use muster_tests::daemon::await_until;
use muster_tests::field::{Field, Scene};
use muster_tests::programs::{Programs, root};

const MIB: usize = 1024 * 1024;

/// What only one other medium begins with, and long enough to be interrupted.
fn content() -> Vec<u8> {
    (0..=255_u8).flat_map(|byte| [byte; 7]).cycle().take(24 * MIB).collect()
}

fn lay() -> Field {
    let documents = root().join("tests/scenes/media");
    let scene = Scene {
        twin: documents.join("twin.yaml"),
        documents,
        site: "acme-prod".to_owned(),
        role: "web".to_owned(),
    };
    Field::lay(Programs::built(), scene).unwrap()
}

fn write(field: &Field, name: &str, content: &[u8]) -> PathBuf {
    let file = field.folder().join(name);
    std::fs::write(&file, content).unwrap();
    file
}

fn add(field: &Field, file: &Path) -> Ran {
    field.cli.run(["media".as_ref(), "add".as_ref(), file.as_os_str()])
}

/// Another operator of the field.
fn second_operator(field: &Field) -> Cli {
    let [token, profile] = ["bruno.token", "bruno.profile"].map(|name| field.folder().join(name));
    field.cli.ok(&format!("operator invite bruno --out {}", token.display()));
    let enroll =
        format!("operator enroll --token-file {} --profile-out {}", token.display(), profile.display());
    field.cli.ok(&enroll);
    Cli::new(&field.programs, &profile)
}

fn begin(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until some of it has come; gives how much.
fn some_of(part: &Path) -> u64 {
    let length = || part.metadata().map_or(0, |part| part.len());
    await_until("the first piece is there", || Ok(length() > 0)).unwrap();
    length()
}

/// A medium survives a controller that is killed while it travels, is compared as a whole, and travels once.
#[test]
fn a_medium_goes_on_where_a_killed_controller_left_it() {
    let mut field = lay();
    field.controller.serve().unwrap();
    let content = content();
    let file = write(&field, "Trésorerie 4.3.exe", &content);
    let sha256 = Digest::of(&content);
    let shelf = field.controller.data().join("media");
    let part = shelf.join(format!("{sha256}.part"));
    let child = begin(&mut field.cli.command(["media".as_ref(), "add".as_ref(), file.as_os_str()]));
    some_of(&part);
    field.controller.kill().unwrap();
    let held = part.metadata().unwrap().len();
    assert!(held < content.len() as u64, "it was there before the controller was killed");
    field.controller.serve().unwrap();
    let ended = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}{err}");
    assert!(out.contains("is on the shelf, 24.0 MiB.") && out.contains(&sha256.to_string()), "{out}");
    assert_eq!(std::fs::read(shelf.join(sha256.to_string())).unwrap(), content);
    assert!(!part.exists());

    let list = field.cli.json("media list");
    let medium = &list["media"][0];
    assert_eq!(medium["sha256"], sha256.to_string());
    assert_eq!(medium["name"], "Trésorerie 4.3.exe");
    assert_eq!(medium["added_by"], "anne");
    assert_eq!(medium["whole"], true);
    field.cli.ok("media list").says(&["ready", "free for more"]);

    // What is there needs no second journey, under whatever name.
    add(&field, &write(&field, "copy.exe", &content)).expect(code::OK);
    assert_eq!(field.cli.json("media list")["media"].as_array().unwrap().len(), 1);
}

/// An agent fetches what its manifest names and nothing else, goes on over a controller that was killed meanwhile and over its
/// own end, and says what is missing.
#[test]
fn an_agent_fetches_what_its_manifest_names_and_goes_on_over_a_broken_link() {
    let mut field = lay();
    let content = content();
    let sha256 = Digest::of(&content);
    field.edit("DIGEST-OF-TOOLS", &sha256.to_string());
    field.begin().unwrap();
    let stage = |field: &Field| field.cli.run(["stage", "acme-prod"]);

    // On no shelf yet.
    stage(&field)
        .expect(code::NOT_DONE)
        .says(&[r"acme-prod/web  C:\Media\Tools.msi  FAILED", "muster media add FILE"]);
    add(&field, &write(&field, "Tools.msi", &content)).expect(code::OK);
    add(&field, &write(&field, "other.msi", b"named by no manifest")).expect(code::OK);

    let cache = field.agent.data().join("media");
    let part = cache.join(format!("{sha256}.part"));
    let child = begin(&mut field.cli.command(["stage", "acme-prod"]));
    some_of(&part);
    field.controller.kill().unwrap();
    assert!(!child.wait_with_output().unwrap().status.success(), "nobody says that it is there");
    assert!(part.exists(), "it was there before the controller was killed");
    field.controller.serve().unwrap();
    // The agent goes on by itself.
    let whole = cache.join(sha256.to_string());
    await_until("the medium is whole", || Ok(whole.exists())).unwrap();
    assert_eq!(std::fs::read(&whole).unwrap(), content);

    // Ended in the middle, it is asked again and goes on where it was.
    std::fs::remove_file(&whole).unwrap();
    std::fs::write(&part, &content[..8 * MIB]).unwrap();
    field.kill_agent().unwrap();
    stage(&field).expect(code::NOT_DONE).says(&["its agent is not connected"]);
    field.start_agent().unwrap();
    let ran = stage(&field).expect(code::NOT_DONE);
    ran.says(&[r"acme-prod/web  C:\Media\Tools.msi  is there, 24.0 MiB", r"C:\Media\App Setup.exe  FAILED"]);
    assert_eq!(std::fs::read(&whole).unwrap(), content);
    let mut names: Vec<_> =
        std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [sha256.to_string().as_str()], "nothing else came");

    // The rest is carried there.
    let carried = field.folder().join("disk");
    std::fs::create_dir(&carried).unwrap();
    std::fs::write(carried.join("App Setup.exe"), b"foo").unwrap();
    std::fs::write(carried.join("Tools.msi"), &content).unwrap();
    let mut import = Command::new(field.programs.agent());
    import.args(["media", "import"]).arg(&carried).arg("--data-dir").arg(field.agent.data());
    let ran = Ran::of(&mut import).unwrap().expect(code::OK);
    ran.says(&["App Setup.exe\n", "Tools.msi  (was here)", &Digest::of(b"foo").to_string()]);
    assert_eq!(std::fs::read(cache.join(Digest::of(b"foo").to_string())).unwrap(), b"foo");
}

/// What failed is tried again as soon as anybody asks, over the connection that there is; each state is said, and what to do.
#[test]
fn a_medium_that_failed_comes_as_soon_as_another_operator_asks() {
    let mut field = lay();
    let content = content();
    field.edit("DIGEST-OF-TOOLS", &Digest::of(&content).to_string());
    field.begin().unwrap();
    add(&field, &write(&field, "Tools.msi", &content)).expect(code::OK);
    // The cache cannot be made where something else has its name.
    let cache = field.agent.data().join("media");
    std::fs::write(&cache, b"").unwrap();
    field.cli.run(["stage", "acme-prod"]).expect(code::NOT_DONE).says(&[
        r"acme-prod/web  C:\Media\Tools.msi  FAILED: the cache of media cannot be used",
        "who may write to the folder `media`",
        "have it tried again at once: muster stage acme-prod",
    ]);
    std::fs::remove_file(&cache).unwrap();

    let bruno = second_operator(&field);
    let connected = || {
        let events = field.cli.ok("events --site acme-prod").said();
        events.matches("connected").count()
    };
    let before = connected();
    let ran = bruno.run(["stage", "acme-prod"]);
    ran.says(&[
        r"acme-prod/web  C:\Media\Tools.msi  fetching, 0 % of 24.0 MiB",
        "fetching, 75 % of 24.0 MiB",
        r"acme-prod/web  C:\Media\Tools.msi  is there, 24.0 MiB",
    ]);
    assert_eq!(connected(), before, "the agent was asked over the link that there was");
}

/// Issue 5, point 6, small: `tests/bench media` does the same with a GiB. What came through more than the medium has is what
/// was sent twice, with all handshakes and frames.
#[test]
fn a_medium_over_a_link_that_keeps_breaking_travels_once() {
    let journey = Journey::lay(Programs::built(), 32 << 20).unwrap();
    // Each cut costs an operator a piece of half a MiB: fewer cuts.
    let added = journey.add(Some(25 << 20)).unwrap();
    assert_eq!(added.cuts, 1, "{added:?}");
    assert!(added.more_percent() < 2.0, "{added:?}");
    let staged = journey.stage(Some(4 << 20)).unwrap();
    assert_eq!(staged.cuts, 8, "{staged:?}");
    assert!(staged.more_percent() < 2.0, "{staged:?}");
}

/// An agent that dies in the middle of a fetch goes on when it is back, and nobody types anything.
#[test]
fn an_agent_that_dies_while_it_fetches_goes_on_by_itself() {
    let mut journey = Journey::lay(Programs::built(), 48 << 20).unwrap();
    journey.add(None).unwrap();
    journey.link.cut_every(None);
    let mut asked = begin(&mut journey.field.cli.command(["stage", "acme-prod"]));
    some_of(&journey.part());
    journey.field.agent.kill().unwrap();
    asked.kill().unwrap();
    asked.wait().unwrap();
    assert!(!journey.whole().exists(), "it was there before the agent was killed");
    // The controller dies as well before the agent is back.
    journey.field.controller.kill().unwrap();
    journey.field.controller.serve().unwrap();
    journey.field.start_agent().unwrap();
    journey.await_whole().unwrap();
    // What was under way to it when it was killed, and what it had not flushed: of a GiB less than one hundredth.
    let more_bytes = journey.link.passed().down_bytes - (48 << 20);
    assert!(more_bytes < 4 << 20, "{more_bytes}");
    let ran = journey.field.cli.run(["stage", "acme-prod"]);
    ran.says(&[r"acme-prod/web  C:\Media\Tools.msi  is there, 48.0 MiB"]);
}

/// How that package's step ended in that plan.
fn outcome(field: &Field, plan: PlanId, node: &str) -> Outcome {
    let number = field.step(plan, node).number;
    for event in field.events() {
        if let EventBody::StepEnded { plan: ended, step, outcome, .. } = event.body
            && (ended, step) == (plan, number)
        {
            return outcome;
        }
    }
    panic!("{node} did not end")
}

/// A run needs no `muster stage`: what a package installs from comes before its installer starts, and where the shelf does not
/// have it nothing starts and the step says what to do.
#[test]
fn a_run_fetches_what_its_packages_install_from() {
    let mut field = lay();
    let content = content();
    let sha256 = Digest::of(&content);
    field.edit("DIGEST-OF-TOOLS", &sha256.to_string());
    field.begin().unwrap();
    add(&field, &write(&field, "Tools.msi", &content)).expect(code::OK);
    let plan = field.approved_plan();
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    ran.says(&["fetching its medium, ", " % of 24 MiB"]);
    let cache = field.agent.data().join("media");
    assert_eq!(std::fs::read(cache.join(sha256.to_string())).unwrap(), content);
    assert_eq!(outcome(&field, plan, "package/tools").end, End::Done);
    let Outcome { end, evidence, .. } = outcome(&field, plan, "package/app");
    assert_eq!(end, End::Failed);
    for words in [
        "the install was not started",
        r"the medium C:\Media\App Setup.exe lies neither there nor in this server's cache",
        "nobody announced medium",
        "`muster media add FILE`",
        "`muster stage acme-prod`",
    ] {
        assert!(evidence.contains(words), "{words}: {evidence}");
    }

    add(&field, &write(&field, "App Setup.exe", b"foo")).expect(code::OK);
    let plan = field.plan();
    assert_eq!(field.rows(plan), ["package/app version (absent) -> 1.0 (missing)"]);
    field.cli.ok(&format!("approve {plan}"));
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!(std::fs::read(cache.join(Digest::of(b"foo").to_string())).unwrap(), b"foo");
    field.assert_in_sync();
}

/// Everything on the shelf, and a run that has begun to fetch over a link.
fn run_over_a_link() -> (Journey, PlanId) {
    let journey = Journey::lay(Programs::built(), 48 << 20).unwrap();
    journey.add(None).unwrap();
    let field = &journey.field;
    add(field, &write(field, "App Setup.exe", b"foo")).expect(code::OK);
    let plan = field.approved_plan();
    journey.link.cut_every(None);
    field.cli.ok(&format!("run {plan}"));
    some_of(&journey.part());
    (journey, plan)
}

fn await_done(field: &Field, plan: PlanId) {
    let is_end = |body: EventBody| if let EventBody::RunEnded { end, .. } = body { Some(end) } else { None };
    let ended = || field.events().into_iter().find_map(|event| is_end(event.body));
    await_until("the run has ended", || Ok(ended().is_some())).unwrap();
    assert_eq!(ended(), Some(RunEnd::Done), "{:?}", outcome(field, plan, "package/tools"));
    field.assert_in_sync();
}

/// A link that breaks costs a run nothing but time, and an agent that is killed meanwhile goes on where it was.
#[test]
fn a_run_goes_on_over_a_broken_link_and_over_its_agent_s_end() {
    let (journey, plan) = run_over_a_link();
    journey.link.cut_every(Some(4 << 20));
    journey.await_whole().unwrap();
    assert!(journey.link.passed().cuts > 2, "{:?}", journey.link.passed());
    journey.link.cut_every(None);
    await_done(&journey.field, plan);
    drop(journey);

    let (mut journey, plan) = run_over_a_link();
    journey.field.agent.kill().unwrap();
    assert!(!journey.whole().exists(), "it was there before the agent was killed");
    journey.field.start_agent().unwrap();
    journey.await_whole().unwrap();
    await_done(&journey.field, plan);
    let more_bytes = journey.link.passed().down_bytes - (48 << 20);
    assert!(more_bytes < 4 << 20, "{more_bytes}");
}

/// A step waits for its own medium, and for no other that somebody stages; one that is staged and wanted at once comes once.
#[test]
fn a_run_s_medium_does_not_wait_behind_a_staging() {
    let journey = Journey::lay(Programs::built(), 48 << 20).unwrap();
    journey.add(None).unwrap();
    let field = &journey.field;
    // The first step installs from what nobody staged, the second from what is under way.
    let [staged, wanted] = [journey.sha256, Digest::of(b"foo")].map(|sha256| sha256.to_string());
    field.edit(&staged, "STAGED");
    field.edit(&wanted, &staged);
    field.edit("STAGED", &wanted);
    field.push().expect(code::OK);
    journey.link.cut_every(None);
    journey.link.hold_after(Some(4 << 20));
    let mut asked = begin(&mut field.cli.command(["stage", "acme-prod"]));
    some_of(&journey.part());
    asked.kill().unwrap();
    asked.wait().unwrap();

    add(field, &write(field, "App Setup.exe", b"foo")).expect(code::OK);
    let plan = field.approved_plan();
    field.cli.ok(&format!("run {plan}"));
    let first = field.step(plan, "package/tools").number;
    let ended = || {
        let is_first = |body| matches!(body, EventBody::StepEnded { step, .. } if step == first);
        field.events().into_iter().any(|event| is_first(event.body))
    };
    await_until("the first package is installed", || Ok(ended())).unwrap();
    assert_eq!(outcome(field, plan, "package/tools").end, End::Done);
    assert!(!journey.whole().exists(), "the staging was not held");

    journey.link.hold_after(None);
    await_done(field, plan);
    let more_bytes = journey.link.passed().down_bytes - (48 << 20);
    assert!(more_bytes < 4 << 20, "{more_bytes}");
}

/// What somebody pushes while a run goes on takes nothing away from it: it fetches what was approved.
#[test]
fn a_run_fetches_what_was_approved_whatever_is_pushed_meanwhile() {
    let (journey, plan) = run_over_a_link();
    let field = &journey.field;
    for (old, new) in [(Digest::of(b"foo"), b"next foo".as_slice()), (journey.sha256, b"next tools")] {
        field.edit(&old.to_string(), &Digest::of(new).to_string());
    }
    field.push().expect(code::OK);
    assert!(!journey.whole().exists(), "it was there before the documents changed");
    // Each further connection asks anew whether it may.
    journey.link.cut_every(Some(4 << 20));
    journey.await_whole().unwrap();
    journey.link.cut_every(None);
    let is_end = |body| matches!(body, EventBody::RunEnded { .. });
    await_until("the run has ended", || Ok(field.events().into_iter().any(|event| is_end(event.body))))
        .unwrap();
    for node in ["package/tools", "package/app"] {
        let outcome = outcome(field, plan, node);
        assert_eq!(outcome.end, End::Done, "{node}: {}", outcome.evidence);
    }
}

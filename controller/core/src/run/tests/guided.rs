//! Packages that a person installs: asked for, looked at, and never believed without a look (G4).

use super::*;

fn guided() -> World {
    World::new(&assemble(&[
        draft("web", "package/common-services"),
        draft("web", "package/advanced").with("install", "guided").needs("web", "package/common-services"),
        draft("web", "iis_app_pool/sxa").provided_by("package/advanced"),
    ]))
}

/// The agent of the web server does all that it has.
fn catch_up(world: &mut World) {
    for _ in 0..9 {
        world.tick();
        world.receive(&role("web"));
        world.work(&role("web"));
        world.hear(&role("web"));
    }
}

/// G4: a person installs it. The agent looks before and after; what a person says is not believed before.
#[test]
fn g4_a_guided_package_is_asked_for_and_looked_at_until_it_is_there() {
    let mut world = guided();
    catch_up(&mut world);
    assert_eq!(world.states(), [(1, "done"), (2, "waiting for a person"), (3, "pending")]);
    assert_eq!(
        world.issued(),
        [vec![1], vec![2]],
        "it stands alone, and is looked at before a person is asked"
    );
    assert_eq!(world.run.step(2).unwrap().outcome.as_ref().unwrap().evidence, "seen: waiting for a person");
    // Said, and not done: looked at, and asked for again.
    world.say(|plan| EventBody::StepConfirmed { plan, step: 2, by: by(), note: None, ends: None });
    assert_eq!(
        world.run.decide(world.now()),
        [Decision::Issue { segment: 2, role: role("web"), steps: vec![2] }]
    );
    catch_up(&mut world);
    assert_eq!(world.states()[1], (2, "waiting for a person"));
    world.by_hand.insert(2);
    world.say(|plan| EventBody::StepConfirmed {
        plan,
        step: 2,
        by: by(),
        note: Some("as shown".to_owned()),
        ends: None,
    });
    assert!(!world.run.step(2).unwrap().is_done(), "only its agent says that it is done");
    assert_eq!(world.settle(), RunEnd::Done);
    let evidence = &world.run.step(2).unwrap().outcome.as_ref().unwrap().evidence;
    assert_eq!(evidence, "confirmed by anne: as shown; seen: done");
}

/// Its secrets are shown once each time that it is asked for, and never after.
#[test]
fn g4_the_secrets_of_a_guided_package_are_shown_once_for_each_time_it_is_asked_for() {
    let mut world = guided();
    let shown = |plan| EventBody::SecretsShown { plan, step: 2, by: "root".to_owned(), secrets: Vec::new() };
    let now = world.now();
    let refused = |world: &mut World| match world.run.apply(now, &shown(PLAN)) {
        Err(IllegalMove::Step { step: 2, is, wanted: "shown", .. }) => is,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut world), "pending", "nobody is asked yet");
    catch_up(&mut world);
    world.say(shown);
    assert!(matches!(world.run.apply(now, &shown(PLAN)), Err(IllegalMove::Shown { step: 2, .. })));
    world.say(|plan| EventBody::StepConfirmed { plan, step: 2, by: by(), note: None, ends: None });
    assert_eq!(refused(&mut world), "pending", "nobody is asked while its agent looks");
    catch_up(&mut world);
    world.say(shown);
    world.confirm();
    assert_eq!(world.settle(), RunEnd::Done);
}

#[test]
fn a_guided_step_that_waits_is_cancelled_with_its_run_and_asked_for_again_by_resume() {
    let mut world = guided();
    catch_up(&mut world);
    world.cancel();
    assert_eq!(world.settle(), RunEnd::Cancelled);
    assert_eq!(world.states(), [(1, "done"), (2, "cancelled"), (3, "cancelled")]);
    world.resume(&[]);
    catch_up(&mut world);
    assert_eq!(world.states()[1], (2, "waiting for a person"));
    assert_eq!(world.settle(), RunEnd::Done);
}

#[test]
fn only_a_guided_step_is_left_to_a_person_by_its_agent() {
    let mut world = guided();
    world.tick();
    let (key, now) = (world.key(1), world.now());
    let body = EventBody::StepEnded { plan: PLAN, step: 1, key: Some(key), outcome: outcome(End::Waiting) };
    assert!(matches!(world.run.apply(now, &body), Err(IllegalMove::Step { step: 1, .. })));
}

//! The lines of a watch: what moved, in one line each, and how it ended.
//!
//! Neighbours: `watch` says which events belong to the run; the names of steps come from the view that it read before.

use std::collections::BTreeSet;

use muster_model::event::{Event, EventBody, RunEnd};
use muster_model::name::Role;
use muster_model::outcome::{End, Outcome, StepTicket};
use muster_model::view::{RunView, StepState, StepView, StepsView};
use muster_proto::v1::StepProgress;

use super::{one_line, steps, style};
use crate::output::Output;

/// What a watcher reads of one event; nothing for what only the machinery needs.
pub(crate) fn lines(event: &Event, view: &StepsView, away: &BTreeSet<Role>, output: &Output) -> Vec<String> {
    let at = output.second(event.at);
    let plain = |text: String| vec![format!("{at}  {text}")];
    match &event.body {
        EventBody::RunStarted { by, .. } => {
            let steps = super::count(view.steps.len(), "step");
            plain(format!("{} started by {}: {steps}{}", view.plan, one_line(by), twin(view)))
        }
        EventBody::RunResumed { by, .. } => {
            plain(format!("{} resumed by {}{}", view.plan, one_line(by), twin(view)))
        }
        EventBody::CancelRequested { by, .. } => {
            plain(format!("{} asked to stop before the next step, by {}", view.plan, one_line(by)))
        }
        EventBody::CommandIssued { role, steps, .. } if away.contains(role) => {
            let text = format!("{role} is offline; {} when it is back", waits(steps));
            vec![style::warn(&format!("{at}  {text}"))]
        }
        EventBody::CommandRefused { refusal, .. } => {
            vec![style::bad(&format!(
                "{at}  the agent did not take its command: {}",
                output.prose(&one_line(&refusal.to_string()))
            ))]
        }
        EventBody::StepStarted { step, .. } => vec![step_line(&at, *step, view, "started", "")],
        EventBody::StepEnded { step, outcome, .. } => vec![ended(&at, *step, view, outcome)],
        EventBody::GateOpened { step, .. } => {
            let asked = view.steps.iter().find(|asked| asked.number == *step);
            let todo = format!("-> muster done {}/{step}{}", view.plan, asked.map_or("", steps::ends));
            vec![style::warn(&step_line(&at, *step, view, steps::state(StepState::Waiting), &todo))]
        }
        EventBody::StepConfirmed { step, by, note, .. } => {
            let note = note.as_ref().map(|note| format!(": {}", one_line(note))).unwrap_or_default();
            let by = format!("by {}{note}", one_line(by));
            vec![style::good(&step_line(&at, *step, view, "confirmed", &by))]
        }
        EventBody::SecretsShown { step, by, .. } => {
            let by = format!("on the server, to {}", one_line(by));
            vec![step_line(&at, *step, view, "secrets shown", &by)]
        }
        EventBody::ServerDisconnected { server } => {
            vec![style::warn(&format!("{at}  {} is offline; its work waits", server.role))]
        }
        EventBody::ServerConnected { server, .. } => plain(format!("{} is connected again", server.role)),
        EventBody::CommandIssued { .. }
        | EventBody::CommandAccepted { .. }
        | EventBody::RunEnded { .. }
        | EventBody::SecretSet { .. }
        | EventBody::SecretResealed { .. }
        | EventBody::ControllerStarted { .. }
        | EventBody::RevisionPushed { .. }
        | EventBody::ServerInvited { .. }
        | EventBody::ServerEnrolled { .. }
        | EventBody::ServerRevoked { .. }
        | EventBody::CertificateRenewed { .. }
        | EventBody::CertificateReplaced { .. }
        | EventBody::OperatorInvited { .. }
        | EventBody::OperatorEnrolled { .. }
        | EventBody::OperatorRevoked { .. }
        | EventBody::OperatorReset { .. }
        | EventBody::RecoveryBegan { .. }
        | EventBody::AgentRead { .. }
        | EventBody::OutcomeFound { .. }
        | EventBody::RecoveryConfirmed { .. }
        | EventBody::PlanCreated { .. }
        | EventBody::PlanApproved { .. } => Vec::new(),
    }
}

/// How far a step is, in the agent's words.
pub(crate) fn progress(progress: &StepProgress, view: &StepsView) -> String {
    step_line("        ", progress.step, view, "", &one_line(&progress.text))
}

/// What is said of a run on a twin.
fn twin(view: &StepsView) -> String {
    if view.simulated { style::warn("  SIMULATED") } else { String::new() }
}

fn waits(steps: &[StepTicket]) -> String {
    match steps {
        [one] => format!("step {} is done", one.number),
        [first, .., last] => format!("steps {} to {} are done", first.number, last.number),
        [] => "nothing is done".to_owned(),
    }
}

fn ended(at: &str, number: u32, view: &StepsView, outcome: &Outcome) -> String {
    let state = StepState::Ended(outcome.end);
    let remark = match (outcome.end, outcome.because) {
        (End::Skipped, Some(because)) => format!("because of step {because}"),
        (_, _) => steps::first_sentence(&outcome.evidence),
    };
    steps::coloured(state, &step_line(at, number, view, steps::state(state), &remark))
}

/// `14:11:07  18/26  package advanced  done  ...`, with the server where the plan has several.
fn step_line(at: &str, number: u32, view: &StepsView, word: &str, remark: &str) -> String {
    let step = view.steps.iter().find(|step| step.number == number);
    let servers: BTreeSet<&Role> = view.steps.iter().map(|step| &step.server.role).collect();
    let role =
        step.filter(|_| servers.len() > 1).map(|step| format!("{}  ", step.server.role)).unwrap_or_default();
    let name =
        step.map_or_else(|| "a step that is not in the plan".to_owned(), |step| super::node(&step.node));
    let width =
        view.steps.iter().map(|step| super::node(&step.node).chars().count()).max().unwrap_or(0).min(44);
    let place = format!("{number}/{}", view.steps.len());
    let line = format!("{at}  {place:>7}  {role}{:width$}  {word:<9}  {remark}", one_line(&name));
    line.trim_end().to_owned()
}

/// How the run stands when the watch is over, what a person must look at, and what to type.
pub(crate) fn end(run: RunView, view: &StepsView) -> String {
    let progress = format!("{} of {} done", steps::done(view), super::count(view.steps.len(), "step"));
    let title = format!("{}  {}  {}  {progress}", view.plan, view.site, steps::run(run));
    let mut next = view.next.clone();
    let title = match run {
        RunView::Ended(RunEnd::Done) => {
            next = vec![format!("muster status {}", view.site)];
            style::good(&title)
        }
        RunView::Ended(_) => {
            let why = format!("muster why {}", view.site);
            if !next.contains(&why) {
                next.insert(0, why);
            }
            style::bad(&title)
        }
        RunView::Waiting => {
            next = waiting(view)
                .map(|step| format!("muster done {}/{}{} --watch", view.plan, step.number, steps::ends(step)))
                .collect();
            style::warn(&title)
        }
        RunView::Running | RunView::Offline => title,
    };
    let mut text = vec![String::new(), format!("{title}{}", twin(view))];
    for step in view.steps.iter().filter(|step| steps::needs_attention(step)) {
        let place = format!("step {} {} on {}", step.number, super::node(&step.node), step.server.role);
        text.push(steps::coloured(step.state, &format!("{place}: {}", steps::state(step.state))));
        text.extend(steps::details(view.plan, step));
    }
    text.push(super::next(&next));
    text.join("\n")
}

fn waiting(view: &StepsView) -> impl Iterator<Item = &StepView> {
    view.steps.iter().filter(|step| step.state == StepState::Waiting)
}

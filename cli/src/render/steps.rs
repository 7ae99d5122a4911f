//! The steps of a plan and, once it was started, of its run; one step whole.
//!
//! Neighbours: `muster_core::view` made the view, `why` and the end of a watch show single steps with this.

use muster_model::name::PlanId;
use muster_model::node::NodeClass;
use muster_model::outcome::End;
use muster_model::plan::Row;
use muster_model::view::{RunView, StepState, StepView, StepsView};

use super::{indent, style, table, value};
use crate::output::Output;

/// A table of all steps.
pub(crate) fn table(view: &StepsView, output: &Output) -> String {
    let several =
        view.steps.iter().any(|step| Some(&step.server) != view.steps.first().map(|first| &first.server));
    let mut rows = Vec::new();
    for step in &view.steps {
        let mut cells = vec![step.number.to_string()];
        if several {
            cells.push(step.server.role.to_string());
        }
        cells.push(super::node(&step.node));
        cells.push(state(step.state).to_owned());
        let moved = step.state != StepState::Pending;
        cells.push(step.since.filter(|_| moved).map(|since| output.minute(since)).unwrap_or_default());
        cells.push(remark(view.plan, step));
        rows.push(cells);
    }
    let header: &[&str] = if several {
        &["#", "SERVER", "NODE", "STATE", "SINCE", ""]
    } else {
        &["#", "NODE", "STATE", "SINCE", ""]
    };
    let lines = table::numbered(Some(header), &rows);
    let mut text = vec![headline(view, output), String::new()];
    text.extend(lines.first().map(|line| style::bold(line)));
    for (line, step) in lines.iter().skip(1).zip(&view.steps) {
        text.push(coloured(step.state, line));
    }
    let mut text = text.join("\n");
    let next = super::next_but(&format!("muster steps {}", view.plan), &view.next);
    if !next.is_empty() {
        text.push_str(&format!("\n\n{next}"));
    }
    text
}

fn headline(view: &StepsView, output: &Output) -> String {
    let run = match view.run {
        None if view.approved.is_none() => "not approved",
        None => "not started",
        Some(run) => self::run(run),
    };
    let approved = view
        .approved
        .as_ref()
        .map(|(by, at)| format!("  approved by {} {}", super::one_line(by), output.minute(*at)))
        .unwrap_or_default();
    let progress = format!("{} of {} done", done(view), super::count(view.steps.len(), "step"));
    let line = style::bold(&format!("{}  {}  {run}  {progress}{approved}", view.plan, view.site));
    if view.simulated { format!("{line}\n{}", twin_label()) } else { line }
}

/// What is said of a plan on a twin, wherever its steps are shown.
pub(crate) fn twin_label() -> String {
    style::warn("SIMULATED: a twin stands in for a server of this plan; nothing real is touched.")
}

/// How many steps are done.
pub(crate) fn done(view: &StepsView) -> usize {
    view.steps.iter().filter(|step| step.state == StepState::Ended(End::Done)).count()
}

/// One step with all that is known of it.
pub(crate) fn one(view: &StepsView, step: &StepView, output: &Output) -> String {
    let plan = view.plan;
    let guide = step.guide.map(|guide| format!("  {guide}")).unwrap_or_default();
    let since = step.since.map(|since| format!("  since {}", output.minute(since))).unwrap_or_default();
    let title = format!("{plan}/{}  {}  on {}{guide}", step.number, super::node(&step.node), step.server);
    let mut text = vec![style::bold(&title), coloured(step.state, &format!("{}{since}", state(step.state)))];
    if view.simulated {
        text.push(twin_label());
    }
    text.extend(details(plan, step));
    if !step.rows.is_empty() && step.actual_rows.is_empty() && step.class != NodeClass::Gate {
        text.push("approved rows:".to_owned());
        text.extend(changes(&step.rows));
    }
    let steps = format!("muster steps {plan}");
    let next = match step.state {
        StepState::Waiting => vec![format!("muster done {plan}/{}{} --watch", step.number, ends(step))],
        state if is_bad(state) && !view.next.is_empty() => view.next.clone(),
        StepState::Pending | StepState::Issued | StepState::Running | StepState::Ended(_) => vec![steps],
    };
    text.push(super::next(&next));
    text.join("\n")
}

/// The option for an end date, where the step asks for one.
pub(super) fn ends(step: &StepView) -> &'static str {
    if step.end_date_of.is_some() { " --ends YYYY-MM-DD" } else { "" }
}

/// What a person must know of a step that waits or did not end well: evidence, rows as they are now, instructions.
pub(crate) fn details(plan: PlanId, step: &StepView) -> Vec<String> {
    let mut text = Vec::new();
    if let Some(evidence) = step.evidence.as_ref().filter(|evidence| !evidence.trim().is_empty()) {
        text.push(indent(evidence, 2));
    }
    if let Some(because) = step.because {
        text.push(format!("  not tried because of step {because}"));
    }
    if !step.actual_rows.is_empty() {
        text.push("  the server shows now:".to_owned());
        text.extend(changes(&step.actual_rows));
        text.push("  approved was:".to_owned());
        text.extend(changes(&step.rows));
    }
    if let Some(instructions) = &step.instructions {
        text.push(indent(instructions, 2));
    }
    if !step.type_these.is_empty() {
        text.push("  type these values:".to_owned());
        let rows: Vec<Vec<String>> =
            step.type_these.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
        text.extend(table::align(None, &rows).into_iter().map(|line| format!("    {line}")));
    }
    text.extend(secrets(plan, step));
    text.extend(step.end_date_of.as_ref().map(|of| format!("  note the last day of: {of}")));
    text
}

/// The secrets to type: where they are to be seen, never what they are.
fn secrets(plan: PlanId, step: &StepView) -> Vec<String> {
    if step.secrets.is_empty() {
        return Vec::new();
    }
    let list = step.secrets.iter().map(|(name, version)| format!("{name} {version}"));
    let list = list.collect::<Vec<_>>().join(", ");
    let (server, number) = (&step.server, step.number);
    let how = match (&step.shown, step.state) {
        (Some((by, _)), _) => format!("    shown on {server} to {}", super::one_line(by)),
        (None, StepState::Waiting) => format!(
            "    seen once, on {server} alone, by a local administrator: muster-agent secret show {plan}/{number} --data-dir DIR"
        ),
        (None, _) => format!("    seen once, on {server} alone, when the step waits"),
    };
    vec![format!("  type these secrets: {list}"), how]
}

fn changes(rows: &[Row]) -> Vec<String> {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let change = value::change(row, |_| None);
            vec![value::mark(row).to_string(), row.attribute.to_string(), change, row.reason.to_string()]
        })
        .collect();
    let mut lines = Vec::new();
    for (line, row) in table::align(None, &cells).into_iter().zip(rows) {
        lines.push(format!("    {line}"));
        lines.extend(value::line_diff(row).into_iter().map(|line| indent(&line, 8)));
    }
    lines
}

/// The last column: why it is so, or what to type.
fn remark(plan: PlanId, step: &StepView) -> String {
    match step.state {
        StepState::Waiting => {
            let number = step.number;
            format!("-> muster steps {plan}/{number}, then muster done {plan}/{number}{}", ends(step))
        }
        StepState::Ended(End::Skipped) => {
            step.because.map(|because| format!("because of step {because}")).unwrap_or_default()
        }
        StepState::Ended(_) => step.evidence.as_deref().map(first_sentence).unwrap_or_default(),
        StepState::Pending | StepState::Issued | StepState::Running => String::new(),
    }
}

/// The first line of an evidence, shortened.
pub(crate) fn first_sentence(text: &str) -> String {
    const CHARACTERS: usize = 90;
    let line = super::one_line(text.trim().lines().next().unwrap_or_default());
    if line.chars().count() <= CHARACTERS {
        return line;
    }
    line.chars().take(CHARACTERS - 3).chain("...".chars()).collect()
}

/// A step's state in a word or two; DESIGN's names of ends.
pub(crate) fn state(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "not yet",
        StepState::Issued => "sent",
        StepState::Running => "running",
        StepState::Waiting | StepState::Ended(End::Waiting) => "WAITING for a person",
        StepState::Ended(End::Done) => "done",
        StepState::Ended(End::Failed) => "FAILED",
        StepState::Ended(End::Blocked) => "BLOCKED",
        StepState::Ended(End::Unknown) => "UNKNOWN",
        StepState::Ended(End::Skipped) => "skipped",
        StepState::Ended(End::Superseded) => "superseded",
        StepState::Ended(End::Cancelled) => "cancelled",
    }
}

/// A run's state in words.
pub(crate) fn run(run: RunView) -> &'static str {
    match run {
        RunView::Running => "running",
        RunView::Waiting => "WAITING for a person",
        RunView::Offline => "OFFLINE, waits for a server",
        RunView::Ended(end) => super::status::end(end),
    }
}

/// Whether a step ended, and not well by itself: what was skipped or cancelled for another is not its own trouble.
pub(crate) fn is_bad(state: StepState) -> bool {
    matches!(state, StepState::Ended(End::Failed | End::Blocked | End::Unknown | End::Superseded))
}

/// Whether a person should look at this step.
pub(crate) fn needs_attention(step: &StepView) -> bool {
    is_bad(step.state) || step.state == StepState::Waiting
}

/// A line in the colour of a step's state.
pub(crate) fn coloured(state: StepState, line: &str) -> String {
    match state {
        StepState::Ended(End::Done) => style::good(line),
        StepState::Ended(End::Failed | End::Blocked | End::Unknown) => style::bad(line),
        StepState::Waiting
        | StepState::Ended(End::Skipped | End::Superseded | End::Cancelled | End::Waiting) => {
            style::warn(line)
        }
        StepState::Pending | StepState::Issued | StepState::Running => line.to_owned(),
    }
}

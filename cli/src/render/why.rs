//! Why a site stands where it does: its sentence, the steps that explain it, and what to type.
//!
//! Neighbours: `steps` shows each step's details, `status` the words.

use muster_model::outcome::End;
use muster_model::view::{SiteState, StepState, WhyView};

use super::{one_line, status, steps, style};
use crate::output::Output;

/// The explanation, most important first.
pub(crate) fn text(why: &WhyView, output: &Output) -> String {
    let site = &why.site;
    let since = site.since.map(|since| format!("  since {}", output.minute(since))).unwrap_or_default();
    let title = format!("{}  {}{since}", site.site, status::word(site.state));
    let (skipped, told): (Vec<_>, Vec<_>) =
        why.steps.iter().partition(|step| step.state == StepState::Ended(End::Skipped));
    let mut text = vec![status::coloured(site.state, &title)];
    // The sentence of a stopped run is the first step's evidence, which is shown below, whole.
    if told.is_empty() || !matches!(site.state, SiteState::Stopped(_)) {
        text.push(output.prose(&one_line(&site.detail)));
    }
    text.extend(status::twin_label(site));
    for finding in &why.findings {
        text.push(style::bad(&format!("  finding: {}", one_line(finding))));
    }
    for refusal in &why.refusals {
        text.push(style::bad(&format!("  refused: {}", output.prose(&one_line(refusal)))));
    }
    for step in told {
        let line = format!(
            "step {} {} on {}: {}",
            step.number,
            super::node(&step.node),
            step.server.role,
            steps::state(step.state)
        );
        text.push(steps::coloured(step.state, &line));
        // There are steps only where there is a plan.
        text.extend(site.plan.map(|plan| steps::details(plan, step)).unwrap_or_default());
    }
    if !skipped.is_empty() {
        let numbers: Vec<String> = skipped.iter().map(|step| step.number.to_string()).collect();
        let verb = if numbers.len() == 1 { "step was" } else { "steps were" };
        text.push(format!("{} {verb} not tried because of that: {}", numbers.len(), numbers.join(", ")));
    }
    text.push(super::next_but(&format!("muster why {}", site.site), &site.next));
    text.join("\n").trim_end().to_owned()
}

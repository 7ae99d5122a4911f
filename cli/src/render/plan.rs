//! A plan that reads like a diff: step, mark, node, attribute, old -> new, reason, guide number.
//!
//! Neighbours: `read_plan` checked the digests; nothing here is taken from anywhere else.

use muster_model::name::Role;
use muster_model::node::{Effect, NodeClass};
use muster_model::plan::{Old, Reason, Step};

use super::{count, indent, style, table, value};
use crate::output::Output;
use crate::read_plan::ReadPlan;

/// The plan, whole, with what stands in its way and what to type next.
pub(crate) fn text(plan: &ReadPlan, output: &Output) -> String {
    let mut blocks = Vec::new();
    let empty = plan.steps().is_empty();
    if empty && plan.findings.is_empty() {
        let (site, revision) = (&plan.header.site, plan.header.revision);
        let found = format!("{site} is in sync with revision {revision}: nothing to do");
        let twin =
            if plan.simulated { style::warn("; SIMULATED, a twin was compared") } else { String::new() };
        blocks.push(format!("{} {found}{twin}", style::good("OK")));
    } else {
        blocks.push(headline(plan));
    }
    if !empty {
        blocks.push(rows(plan).join("\n"));
    }
    if !plan.findings.is_empty() {
        blocks.push(list(&style::bad("FINDINGS that forbid approval:"), &plan.findings));
    }
    if !plan.warnings.is_empty() {
        blocks.push(list(&style::warn("WARNINGS:"), &plan.warnings));
    }
    if !empty {
        let until = output.minute(plan.header.valid_until);
        blocks.push(format!("digest {}\nvalid until {until}{}", plan.digest, approved(plan)));
    }
    let next = next(plan);
    if !next.is_empty() {
        let last = super::next(&next);
        if empty && plan.findings.is_empty() { blocks.push(last) } else { append(&mut blocks, &last) }
    }
    blocks.join("\n\n")
}

/// `PLAN P-204  dupont-prod  sxa 2022-r2  revision 118  first installation  26 steps, 3 by hand`, and a twin's label.
pub(crate) fn headline(plan: &ReadPlan) -> String {
    let header = &plan.header;
    let steps = plan.steps();
    let by_hand = steps.iter().filter(|(_, step)| step.is_by_person()).count();
    let by_hand = if by_hand == 0 { String::new() } else { format!(", {by_hand} by hand") };
    let twin = if plan.simulated { style::warn(SIMULATED) } else { String::new() };
    let size = match steps.len() {
        0 => "no step".to_owned(),
        number => format!("{}  {}{by_hand}", purpose(&steps), count(number, "step")),
    };
    let (site, product, revision) = (&header.site, &header.product, header.revision);
    let line = format!("PLAN {}  {site}  {product}  revision {revision}  {size}", header.plan);
    format!("{}{twin}", style::bold(&line))
}

const SIMULATED: &str =
    "\nSIMULATED: a twin stands in for a server of this plan; no real server was compared.";

/// What kind of plan the rows make.
fn purpose(steps: &[(&Role, &Step)]) -> &'static str {
    let rows = || steps.iter().flat_map(|(_, step)| &step.rows);
    let installs = rows().filter(|row| row.attribute.name == "version" && row.old == Old::Absent).count();
    // Something that is there already, and differs, was not made by a first installation.
    let there = rows().any(|row| match row.reason {
        Reason::Changed | Reason::Drift | Reason::Differs | Reason::Removed | Reason::Foreign => true,
        Reason::Missing
        | Reason::Reset
        | Reason::Handed
        | Reason::CommandLine
        | Reason::Opens
        | Reason::Confirm
        | Reason::Due
        | Reason::Triggered
        | Reason::Owed => false,
    });
    // What a mended drift fires is part of mending it.
    let drift = rows().all(|row| matches!(row.reason, Reason::Drift | Reason::Triggered));
    match (installs, there) {
        (0, true) if drift => "drift",
        (1.., false) => "first installation",
        (_, _) => "change",
    }
}

/// A line per row, differing lines of a text below its row.
fn rows(plan: &ReadPlan) -> Vec<String> {
    let several = plan.servers.len() > 1;
    let (mut cells, mut marks) = (Vec::new(), Vec::new());
    for (role, step) in plan.steps() {
        let place = |first: bool| {
            let server = several.then(|| if first { role.to_string() } else { String::new() });
            let number = if first { step.number.to_string() } else { String::new() };
            let node = if first { super::node(&step.node) } else { String::new() };
            (number, server, node)
        };
        if step.rows.is_empty() {
            let (number, server, node) = place(true);
            let does = if step.class == NodeClass::Check { "is checked" } else { "is done" };
            let guide = step.guide.map(|guide| guide.to_string()).unwrap_or_default();
            cells.push(row(
                number,
                server,
                [" ".to_owned(), node, String::new(), does.to_owned(), String::new(), guide],
            ));
            marks.push((' ', Vec::new()));
        }
        for (index, change) in step.rows.iter().enumerate() {
            let (number, server, node) = place(index == 0);
            let guided = step.effect == Effect::Guided;
            let mark = if guided { '!' } else { value::mark(change) };
            let shown = value::change(change, |node| plan.number(role, node));
            let by_hand = step.class == NodeClass::Gate;
            let attribute = if by_hand { String::new() } else { change.attribute.to_string() };
            let reason = match (by_hand, guided) {
                (true, _) => String::new(),
                (false, true) => format!("{}, by a person", change.reason),
                (false, false) => change.reason.to_string(),
            };
            let guide = step.guide.filter(|_| index == 0).map(|guide| guide.to_string()).unwrap_or_default();
            cells.push(row(number, server, [mark.to_string(), node, attribute, shown, reason, guide]));
            marks.push((mark, value::line_diff(change)));
        }
    }
    let mut lines = Vec::new();
    for (line, (mark, diff)) in table::numbered(None, &cells).into_iter().zip(marks) {
        lines.push(coloured(mark, &line));
        lines.extend(diff.iter().map(|line| coloured(line.chars().next().unwrap_or(' '), &indent(line, 12))));
    }
    lines
}

fn row(number: String, server: Option<String>, rest: [String; 6]) -> Vec<String> {
    let mut cells = vec![number];
    cells.extend(server);
    cells.extend(rest);
    cells
}

fn coloured(mark: char, line: &str) -> String {
    match mark {
        '+' => style::good(line),
        '~' | '!' | '>' => style::warn(line),
        '-' => style::bad(line),
        _ => line.to_owned(),
    }
}

fn list(title: &str, items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("  * {}", super::one_line(item))).collect();
    format!("{title}\n{}", items.join("\n"))
}

fn approved(plan: &ReadPlan) -> String {
    plan.approved_by.as_ref().map(|by| format!("\napproved by {}", super::one_line(by))).unwrap_or_default()
}

fn append(blocks: &mut [String], line: &str) {
    if let Some(block) = blocks.last_mut() {
        block.push('\n');
        block.push_str(line);
    }
}

/// What to type when one has read it.
fn next(plan: &ReadPlan) -> Vec<String> {
    let (id, site) = (plan.header.plan, &plan.header.site);
    if !plan.findings.is_empty() {
        vec![format!("do what the findings say, then plan again: muster plan {site}")]
    } else if plan.steps().is_empty() {
        Vec::new()
    } else if plan.approved_by.is_some() {
        vec![format!("muster run {id} --watch"), format!("muster steps {id}")]
    } else {
        vec![format!("muster approve {id}")]
    }
}

//! The reference in `deploy/docs/cli.md` against the program: nothing undocumented, nothing that is not there.

use clap::{Command, CommandFactory as _};
use muster::args::Args;
use muster::exit::Exit;
use muster::shape;

fn reference() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/docs/cli.md");
    std::fs::read_to_string(path).unwrap()
}

/// Every command that does something, as it is typed.
fn commands(command: &Command, typed: &str, found: &mut Vec<(String, Command)>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let typed = format!("{typed} {}", sub.get_name());
        if !sub.is_subcommand_required_set() {
            found.push((typed.clone(), sub.clone()));
        }
        commands(sub, &typed, found);
    }
}

fn all() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    commands(&Args::command(), "muster", &mut found);
    found
}

#[test]
fn every_exit_code_is_documented_with_its_meaning() {
    let reference = reference();
    for exit in Exit::ALL {
        let row = format!("| {} | {} |", exit.code(), exit.meaning());
        assert!(reference.contains(&row), "no row {row}");
    }
    let section = reference.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(rows, Exit::ALL.len() + 1, "a row of a code that no command ends with");
}

#[test]
fn every_shape_is_documented_and_no_other() {
    let reference = reference();
    let named: std::collections::BTreeSet<&str> = reference
        .split('`')
        .filter(|text| text.starts_with("muster.") && text.contains('/') && !text.contains(' '))
        .collect();
    assert_eq!(named, shape::ALL.into_iter().collect());
}

#[test]
fn every_command_and_option_is_documented() {
    let reference = reference();
    for (typed, command) in all() {
        let line = reference
            .lines()
            .find(|line| line.starts_with(&format!("| `{typed}")))
            .unwrap_or_else(|| panic!("no row for `{typed}`"));
        for argument in command.get_arguments().filter(|argument| !argument.is_global_set()) {
            let Some(long) = argument.get_long().filter(|long| !["help", "version"].contains(long)) else {
                continue;
            };
            let short = argument.get_short().map(|short| format!("-{short}"));
            let known =
                line.contains(&format!("--{long}")) || short.is_some_and(|short| line.contains(&short));
            assert!(known, "`{typed}`: --{long} is not in: {line}");
        }
    }
}

#[test]
fn help_speaks_alike_everywhere() {
    for (typed, command) in all() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(about.chars().next().is_some_and(char::is_uppercase), "{typed}: {about:?}");
        assert!(!about.ends_with('.') && about.len() <= 70, "{typed}: {about:?}");
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty() && !help.ends_with('.'), "{typed} {}: {help:?}", argument.get_id());
        }
    }
}

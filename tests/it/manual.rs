//! The README and the operators' pages, typed from top to end: every command that they show does what it says.
//!
//! Neighbours: `muster_tests::page` reads a page, `muster_tests::desk` types its lines. Here stands which page is typed,
//! what it wants beforehand, and what a person does between two of its lines. A fence that nobody types fails the last
//! tests.

use std::path::Path;

use muster_tests::desk::Desk;
use muster_tests::page::{self, CONSOLE, Line, PROGRAMS, WINDOWS};
use muster_tests::programs::{Programs, root};

/// How a page is typed.
struct Typist {
    /// What it takes as there.
    beforehand: fn(&mut Desk),
    /// What a person does before a line, as the page says in words.
    before: fn(&mut Desk, &Line),
    /// Lines, by their beginnings, that do not end with 0, and how they do.
    ends: &'static [(&'static str, i32)],
    /// What holds after the last line.
    afterwards: fn(&mut Desk),
}

const PLAIN: Typist = Typist { beforehand: |_| (), before: |_, _| (), ends: &[], afterwards: |_| () };

/// Types a page whole.
fn type_in(page: &str, typist: &Typist) {
    let mut desk = Desk::new();
    (typist.beforehand)(&mut desk);
    for line in page::lines(&page::text(page)) {
        (typist.before)(&mut desk, &line);
        let ends = typist.ends.iter().find(|(begins, _)| line.typed.starts_with(begins));
        let ran = desk.line(&line, ends.map_or(0, |(_, code)| *code));
        if line.typed.contains('|') {
            assert_eq!(
                ran.out.lines().last(),
                line.answer.last().map(|_| "made-up-Value-1"),
                "{}",
                ran.said()
            );
        }
    }
    (typist.afterwards)(&mut desk);
}

/// One test for each page that is typed, and the list of them.
macro_rules! typed {
    ($($test:ident: $page:literal, $typist:expr;)*) => {
        const TYPED: &[&str] = &[$($page),*];
        $(#[test]
        fn $test() {
            type_in($page, &$typist);
        })*
    };
}

typed! {
    the_page_of_the_controller: "deploy/docs/controller.md", PLAIN;
    the_page_of_documents: "deploy/docs/documents.md", Typist { beforehand: with_documents_of_the_page, ..PLAIN };
    the_page_of_servers: "deploy/docs/servers.md", Typist {
        beforehand: with_the_guide,
        before: rename_the_server,
        ends: &[("muster preflight", 9)],
        ..PLAIN
    };
    the_page_of_secrets: "deploy/docs/secrets.md", Typist {
        beforehand: with_the_guide_at_work,
        before: come_to_the_step,
        ..PLAIN
    };
    the_page_of_windows: "deploy/docs/windows.md", PLAIN;
    the_readme: "README.md", Typist {
        beforehand: with_a_twin,
        ends: &[("muster run", 8)],
        afterwards: |desk| desk.ok("muster status dupont-prod").says(&["in sync"]),
        ..PLAIN
    };
}

fn with_a_controller(desk: &mut Desk) {
    desk.ok("muster-controller init --data-dir controller --listen muster.example.org:7400 --operator anne \
             --profile-out anne.profile --recovery-out recovery");
    desk.ok("muster-controller serve --data-dir controller");
}

fn with_a_twin(desk: &mut Desk) {
    with_a_controller(desk);
    desk.ok("muster-agent twin init --dir twin-dup-web01 --from deploy/examples/sxa/twin-dup-web01.yaml");
}

/// The documents that the page shows, in a folder.
fn with_documents_of_the_page(desk: &mut Desk) {
    with_a_controller(desk);
    let folder = desk.make_folder("documents");
    for (index, text) in page::blocks(&page::text("deploy/docs/documents.md"), "yaml").iter().enumerate() {
        std::fs::write(folder.join(format!("{index}.yaml")), text).unwrap();
    }
}

/// The guide's documents as an operator's own, and the twin of one server.
fn with_the_guide(desk: &mut Desk) {
    with_a_controller(desk);
    let documents = desk.make_folder("documents");
    for entry in std::fs::read_dir(root().join("deploy/examples/guide")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, documents.join(path.file_name().unwrap())).unwrap();
    }
    desk.ok("muster-agent twin init --dir twin-dup-web01 --from deploy/examples/guide/twin-dup-web01.yaml");
}

/// The second push of the page is that of a new computer.
fn rename_the_server(desk: &mut Desk, line: &Line) {
    if !line.typed.contains("--ticket CHG0042113") {
        return;
    }
    for (from, to) in
        [("documents/site-dupont-prod.yaml", None), ("documents/twin-dup-web01.yaml", Some("new.yaml"))]
    {
        let text = std::fs::read_to_string(desk.folder().join(from)).unwrap();
        let text = text.replace("DUP-WEB01", "DUP-WEB02");
        std::fs::write(desk.folder().join(to.unwrap_or(from)), text).unwrap();
    }
    desk.ok("muster-agent twin init --dir twin-dup-web02 --from new.yaml");
}

/// The guide's two servers of the first site, let in and at work.
pub(crate) fn with_the_guide_at_work(desk: &mut Desk) {
    with_the_guide(desk);
    desk.ok("muster push -f documents");
    desk.ok("muster-agent twin init --dir twin-dup-sql01 --from deploy/examples/guide/twin-dup-sql01.yaml");
    for (role, name) in [("sql", "dup-sql01"), ("web", "dup-web01")] {
        desk.ok(&format!("muster server invite dupont-prod/{role} --out {name}.token"));
        desk.ok(&format!(
            "muster-agent enroll --data-dir agent-{name} --token-file {name}.token --twin twin-{name}"
        ));
        desk.ok(&format!("muster-agent run --data-dir agent-{name} --twin twin-{name}"));
    }
}

/// Before a person looks at a step's secrets, the run must have come to it.
fn come_to_the_step(desk: &mut Desk, line: &Line) {
    let Some(step) = line.typed.strip_prefix("muster-agent secret show P-1/") else { return };
    let wanted: u64 = step.split(' ').next().unwrap().parse().unwrap();
    for secret in ["security_code", "encryption_password"] {
        desk.ok(&format!("muster secret set dupont-prod {secret}"));
    }
    desk.ok("muster plan dupont-prod");
    desk.ok("muster approve P-1");
    let mut ran = desk.cli().run(["run", "P-1", "--watch"]);
    loop {
        ran.expect(8);
        let steps = desk.cli().json("steps P-1");
        let waits = steps["steps"].as_array().unwrap().iter().find(|step| step["state"] == "waiting");
        let number = waits.unwrap()["number"].as_u64().unwrap();
        if number == wanted {
            return;
        }
        assert!(number < wanted, "the run is past step {wanted}");
        let ends = waits.unwrap()["end_date_of"].is_string().then_some(["--ends", "2099-12-31"]);
        let step = format!("P-1/{number}");
        ran = desk.cli().run(["done", &step, "--watch"].into_iter().chain(ends.into_iter().flatten()));
    }
}

/// Fences that are read, by this story or another, and why nobody types them.
const READ: [(&str, &str); 4] = [
    ("yaml", "documents: the story `pages` reads those that are whole"),
    ("text", "drawings and forms"),
    (WINDOWS, "typed above, as far as another system goes"),
    ("sh", "the checks themselves run these programs"),
];

/// No command stands on a page that nobody types: a page, a fence or an indented line that is new fails here.
#[test]
fn every_command_of_every_page_is_typed_or_is_of_another_sort() {
    for page in page::all() {
        let name = page.display().to_string();
        let (fences, outside) = page::parts(&page::text(&page));
        let lines = page::lines(&page::text(&page));
        assert!(lines.is_empty() || TYPED.contains(&&*name), "nobody types {name}: list it in this story");
        for fence in fences {
            let read = READ.iter().any(|(sort, _)| *sort == fence.sort);
            assert!(read || fence.sort == CONSOLE, "{name}: a fence of the sort {:?}", fence.sort);
            for line in fence.lines.iter().filter(|_| fence.sort == "sh") {
                let program = line.split_whitespace().next().unwrap();
                assert!(program.starts_with("./") && root().join(program).is_file(), "{name}: {line}");
            }
        }
        for line in outside.iter().filter_map(|line| line.strip_prefix("    ")) {
            let word = line.split_whitespace().next().unwrap_or_default();
            let is_command = word == "$" || word.ends_with('>') || PROGRAMS.contains(&word);
            assert!(!is_command, "{name}: put into a `console` fence what is typed: {line}");
        }
    }
    for name in TYPED {
        assert!(!page::lines(&page::text(name)).is_empty(), "{name} has nothing to type");
    }
}

/// What a program says of itself after these words.
fn help(words: &[&str]) -> Option<String> {
    let programs = Programs::built();
    let program = match words[0] {
        "muster" => programs.cli(),
        "muster-agent" => programs.agent(),
        _ => programs.controller(),
    };
    let output = std::process::Command::new(program).args(&words[1..]).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Verbs and options of one command, as it is named in a sentence.
fn is_there(span: &str) -> Result<(), String> {
    let words: Vec<&str> = span.split_whitespace().collect();
    let mut verbs = vec![words[0]];
    let mut said = help(&verbs).unwrap();
    for word in words[1..].iter().filter(|word| !word.starts_with('-')) {
        let listed = said.split("Commands:").nth(1).map(|part| part.split("\n\n").next().unwrap_or_default());
        let Some(listed) = listed else { break };
        let found = |verb: &&str| listed.lines().any(|line| line.split_whitespace().next() == Some(verb));
        if let Some(verb) = word.split('|').find(|verb| !found(verb)) {
            // A site, a plan or a form stands where a verb could, as in `plan SITE`.
            let is_form = verb.chars().any(|letter| letter.is_ascii_uppercase() || letter == '.');
            if is_form || said.contains("\nArguments:") {
                break;
            }
            return Err(format!("no verb {verb}"));
        }
        let verb = word.split('|').next().unwrap_or_default();
        verbs.push(verb);
        said = help(&verbs).ok_or_else(|| format!("no help of {verbs:?}"))?;
    }
    let options = words.iter().filter_map(|word| word.trim_matches(['[', ']', '(', ')']).strip_prefix("--"));
    for option in options {
        let known =
            said.split(|c: char| c.is_whitespace() || c == ',').any(|word| word == format!("--{option}"));
        if !known {
            return Err(format!("no option --{option}"));
        }
    }
    Ok(())
}

/// A command that a sentence names has that verb and these options.
#[test]
fn every_command_that_a_sentence_names_is_one() {
    let mut seen = 0;
    for page in page::all() {
        for span in page::spans(&page::text(&page)) {
            seen += 1;
            is_there(&span).unwrap_or_else(|problem| panic!("{}: `{span}`: {problem}", page.display()));
        }
    }
    assert!(seen > 60, "{seen}");
    for program in [Programs::built().controller(), Programs::built().agent()] {
        let output = std::process::Command::new(program).arg("no-verb").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "as cli.md says of a wrong command line");
    }
    for wrong in [
        "muster srever list",
        "muster push --bse 3",
        "muster-agent service go",
        "muster-controller backup --dir x",
    ] {
        is_there(wrong).unwrap_err();
    }
}

/// The pages name each other, so that no page is found by nobody.
#[test]
fn every_page_is_linked_from_the_readme() {
    let readme = page::text("README.md");
    for page in page::all().iter().filter(|page| page.starts_with("deploy")) {
        assert!(readme.contains(&format!("]({})", page.display())), "{} is not linked", page.display());
    }
    for page in page::all() {
        let folder = root().join(&page);
        let folder = folder.parent().unwrap_or(Path::new("/"));
        for link in page::text(&page).split("](").skip(1).filter_map(|part| part.split(')').next()) {
            let file = link.split('#').next().unwrap();
            assert!(file.contains("://") || folder.join(file).exists(), "{}: {link}", page.display());
        }
    }
}

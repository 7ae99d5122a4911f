//! A canary: a secret's value is looked for wherever it must not be, in every form that it might have there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use muster_tests::cli::code;
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

use crate::installer_secrets::installer_logs;

/// Every character that some encoding writes otherwise, and nothing that stands anywhere by chance.
const PASSWORD: &str = "Kanari%Vogel\"7/+x";
const CODE: &str = "Zeisig&Fink<9>\"w";

/// The value raw, JSON-escaped, URL-encoded, in UTF-16 and hexadecimal, and in base64 wherever it begins.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let url = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let mut forms: Vec<Vec<u8>> = vec![
        bytes.to_vec(),
        value.replace('"', "\\\"").into_bytes(),
        bytes.iter().map(url).collect::<String>().into_bytes(),
        value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        value.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    // The characters in the middle do not depend on what stands around the value.
    forms.extend((0..3).map(|shift| {
        let text = base64(&[&vec![0; shift], bytes].concat());
        text.as_bytes()[4..text.len() / 4 * 4 - 4].to_vec()
    }));
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |index| char::from(LETTERS[(bits >> (18 - 6 * index) & 63) as usize]))
    };
    bytes.chunks(3).flat_map(|chunk| group(chunk).collect::<Vec<_>>()).collect()
}

/// Fails where any form of either value is in there.
#[track_caller]
fn search(place: &str, content: &[u8]) {
    search_for(&[PASSWORD, CODE], place, content);
}

/// Fails where any form of one of these values is in there.
#[track_caller]
pub(crate) fn search_for(values: &[&str], place: &str, content: &[u8]) {
    for value in values {
        for (number, form) in forms(value).iter().enumerate() {
            let found = content.windows(form.len()).any(|window| window == form.as_slice());
            assert!(!found, "form {number} of {value} is in {place}");
        }
    }
}

#[track_caller]
pub(crate) fn search_folder(values: &[&str], folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search_folder(values, &path);
        } else {
            search_for(values, &path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

/// Arguments and environments of every process, looked at over and over.
fn sample(stop: Arc<AtomicBool>) -> std::thread::JoinHandle<BTreeSet<Vec<u8>>> {
    std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while !stop.load(Ordering::SeqCst) {
            for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                for name in ["cmdline", "environ"] {
                    // A process that has ended in between has neither.
                    seen.extend(std::fs::read(entry.path().join(name)));
                }
            }
        }
        seen
    })
}

/// The search itself finds what it is to find.
#[test]
fn the_search_finds_each_form() {
    for form in forms(PASSWORD) {
        let hidden = [b"before".as_slice(), &form, b"after"].concat();
        assert!(std::panic::catch_unwind(|| search("a test", &hidden)).is_err());
    }
    search("a test", b"nothing");
}

/// Promise 7: found nowhere, on success and on failure, with every log at its loudest.
#[test]
fn a_secrets_value_is_found_nowhere() {
    let mut field = Field::lay(Programs::built(), Scene::secrets()).unwrap();
    (field.controller.log, field.agent.log) = (Some("trace"), Some("trace"));
    let stop = Arc::new(AtomicBool::new(false));
    let sampler = sample(Arc::clone(&stop));
    // An installer that reads the password from a file of answers, and writes all that it reads into its log.
    field.edit(
        "{package: batch, version: \"1.0\"}",
        "{package: batch, version: \"1.0\", arguments: ['/f1%RESPONSE_FILE%'], response_file: 'Password={{ batch_password }}.'}",
    );
    field.controller.serve().unwrap();
    let mut said = vec![field.push().expect(code::OK)];
    let token = field.invite("web.token");
    said.push(field.agent.enroll(&token).unwrap());
    field.start_agent().unwrap();
    // Refused: a form that is wrong, a value in a document.
    said.push(field.set_secret("code", &format!("{CODE}\u{e9}")).expect(code::USAGE));
    field.edit("client: acme\n", &format!("client: acme\nparameters: {{batch_password: '{PASSWORD}'}}\n"));
    said.push(field.push().expect(code::REJECTED));
    field.edit(&format!("parameters: {{batch_password: '{PASSWORD}'}}\n"), "");
    said.push(field.set_secret("batch_password", PASSWORD).expect(code::OK));
    said.push(field.set_secret("code", CODE).expect(code::OK));
    // Failed: the service does not take it. Then it does.
    field.agent.twin.fault(&["service.set_logon", "Batch", "fail"]);
    let plan = field.approved_plan();
    said.push(field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE));
    said.push(field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::WAITING));
    let gate = field.steps(plan).steps.into_iter().find(|step| !step.secrets.is_empty()).unwrap().number;
    let shown = field.agent.show_secrets(&format!("{plan}/{gate}"));
    assert!(shown.out.contains(CODE), "the one place where it is to be seen: {}", shown.said());
    search("what is shown, beside the value", shown.said().replace(CODE, "").as_bytes());
    said.push(field.cli.run(["done", &format!("{plan}/{gate}"), "--watch"]).expect(code::OK));
    for line in ["status", "why acme-prod", "secret list acme-prod", "events", "render acme-prod"] {
        said.push(field.cli.ok(line));
        said.push(field.cli.ok(&format!("--output json {line}")));
    }
    let key = field.recovery_key(1).display().to_string();
    said.push(field.cli.run(["secret", "reseal", "acme-prod", "--recovery-key", &key]).expect(code::OK));
    said.iter().for_each(|ran| search(&ran.typed, ran.said().as_bytes()));
    for process in [field.controller.process().unwrap(), field.agent.process().unwrap()] {
        let log = [process.out.all(), process.err.all()].concat().join("\n");
        assert!(log.contains("TRACE"), "it was not at its loudest");
        search("a log", log.as_bytes());
    }
    field.agent.kill().unwrap();
    field.controller.kill().unwrap();
    assert!(installer_logs(&field).contains("Password=***."));
    search_folder(&[PASSWORD, CODE], field.folder());
    stop.store(true, Ordering::SeqCst);
    sampler.join().unwrap().iter().for_each(|seen| search("arguments or environment", seen));
}

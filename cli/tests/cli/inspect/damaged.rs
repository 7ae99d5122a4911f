//! Damaged packages: an answer for each, within bounds of memory.
//!
//! The reading happens in a process of its own, which the shell gives 1 GiB: one that asks for what a file made up dies there.

use std::process::Command;

use muster_model::limits;

use super::made::{BANK, place, with_table};
use crate::world::World;

/// Where the child finds what to do.
const TASK: &str = "MUSTER_DAMAGED";
const MEMORY_KIB: u64 = 1024 * 1024;
const MUTATIONS: u64 = 2_000;

/// A step of Marsaglia's xorshift: the same damage on every machine.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

/// One to eight bytes changed, of which half in the parts that name lengths: most of a package is payload.
fn mutated(number: u64) -> Vec<u8> {
    let mut bytes = BANK.clone();
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ (number + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let summary = place(&bytes, b"\xfe\xff\0\0");
    for _ in 0..=next(&mut state) % 8 {
        let at = match next(&mut state) % 4 {
            0 => summary + next(&mut state) % 512,
            1 => next(&mut state) % 512,
            _ => next(&mut state) % bytes.len(),
        };
        let at = at.min(bytes.len() - 1);
        bytes[at] = match next(&mut state) % 3 {
            0 => 0xff,
            1 => bytes[at] ^ 1 << (next(&mut state) % 8),
            _ => u8::try_from(next(&mut state) % 256).unwrap(),
        };
    }
    bytes
}

/// Reads them in this process, and says how many were read and how many refused.
async fn read(files: impl Iterator<Item = Vec<u8>>) -> (u64, u64) {
    let world = World::new();
    let (mut read, mut refused) = (0, 0);
    for bytes in files {
        world.write("damaged.msi", &bytes);
        let ran = world.muster("inspect DIR/damaged.msi").await;
        match ran.exit.code() {
            0 => read += 1,
            2 => {
                assert!(ran.err.contains("because: ") && ran.err.contains("Next: "), "{}", ran.err);
                refused += 1;
            }
            other => panic!("exit code {other}: {}", ran.err),
        }
    }
    (read, refused)
}

/// Starts this test anew in a process with little memory.
fn in_little_memory(test: &str, task: &str) {
    let exe = std::env::current_exe().unwrap();
    let command =
        format!("ulimit -v {MEMORY_KIB} && exec \"$0\" --exact \"$1\" --test-threads 1 --nocapture");
    let child =
        Command::new("sh").args(["-c", &command]).arg(exe).arg(test).env(TASK, task).output().unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {said}", child.status);
}

#[tokio::test]
async fn two_thousand_mutations_are_read_or_refused() {
    if std::env::var(TASK).as_deref() == Ok("mutations") {
        let (read, refused) = read((0..MUTATIONS).map(mutated)).await;
        assert_eq!(read + refused, MUTATIONS);
        assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
        return;
    }
    in_little_memory("inspect::damaged::two_thousand_mutations_are_read_or_refused", "mutations");
}

/// Every number of four bytes in the summary, and every one in the list of strings, says 4 GB once.
#[tokio::test]
async fn a_length_that_cannot_be_is_refused_before_it_is_believed() {
    if std::env::var(TASK).as_deref() == Ok("lengths") {
        let summary = place(&BANK, b"\xfe\xff\0\0");
        let huge = (0..128).map(|number| {
            let mut bytes = BANK.clone();
            let at = summary + 4 * number;
            bytes[at..at + 4].copy_from_slice(&0xf000_0000_u32.to_le_bytes());
            bytes
        });
        let (read, refused) = read(huge).await;
        assert!(refused > 10, "{read} read, {refused} refused");
        return;
    }
    in_little_memory("inspect::damaged::a_length_that_cannot_be_is_refused_before_it_is_believed", "lengths");
}

#[tokio::test]
async fn a_package_that_breaks_off_says_so() {
    let world = World::new();
    let mut said = String::new();
    for part in 1..4 {
        let cut = BANK.len() * part / 4;
        world.write("cut.msi", &BANK[..cut]);
        let ran = world.muster("inspect DIR/cut.msi").await;
        assert_eq!(ran.exit.code(), 2, "cut at {cut}: {}", ran.out);
        said.push_str(&ran.err);
    }
    for word in ["it is damaged", "compare its SHA-256", "/L*v LOG"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// No length is false here, and the whole would not fit into memory all the same.
#[tokio::test]
async fn fields_that_share_one_text_are_refused_where_they_are_too_many() {
    let text = "x".repeat(120_000);
    let row = |number: u64| format!("D\tC{number}\tText\t1\t1\t1\t1\t3\t\t{text}\t\t");
    let head = [
        "Dialog_ Control Type X Y Width Height Attributes Property Text Control_Next Help",
        "s72 s50 s20 i2 i2 i2 i2 I4 S50 L0 S50 L50",
        "Control Dialog_ Control",
    ];
    let world = World::new();
    for (rows, code) in [(10, 0), (limits::INSPECT_STRINGS_SIZE_BYTES / 120_000 + 1, 2)] {
        world.write("shared.msi", with_table(head, (0..rows).map(row)));
        let ran = world.muster("inspect DIR/shared.msi").await;
        assert_eq!(ran.exit.code(), code, "{rows} rows: {}", ran.err);
        assert_eq!(ran.err.contains("the text in Control has "), code == 2, "{}", ran.err);
    }
}

#[tokio::test]
async fn what_is_more_than_a_person_reads_is_counted() {
    let row = |number: u64| format!("F{number}\t\t\t\t1\t1\t\t0");
    let head = [
        "Feature Feature_Parent Title Description Display Level Directory_ Attributes",
        "s38 S38 L64 L255 I2 i2 S72 i2",
        "Feature Feature",
    ];
    let world = World::new();
    world.write("many.msi", with_table(head, (0..limits::INSPECT_ROWS + 7).map(row)));
    let ran = world.muster("--output json inspect DIR/many.msi").await;
    let record: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let package = &record["package"];
    assert_eq!(package["features"].as_array().unwrap().len() as u64, limits::INSPECT_ROWS);
    assert_eq!(package["left_out"], 7);
    assert!(record["draft"].as_str().unwrap().contains("# Left out: 7 rows"), "{}", record["draft"]);
}

//! One medium on its way: from an operator to the shelf and from there to an agent, over a link that breaks as often as is said.
//!
//! The programs are those that ship, the link is a [`Link`] of bytes. What is sent twice is told from outside: all that came
//! through the link to whoever took the medium, less the medium itself, so that handshakes and frames count as well.
//! Neighbours: a story judges a small one, `tests/bench media` measures a large one beside a plain copy over TLS (`plain`).

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use muster_model::digest::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use super::{measure, plain};
use crate::cli::code;
use crate::daemon::PATIENCE;
use crate::field::{Field, Scene};
use crate::link::{Link, Passed};
use crate::programs::{Programs, root};

/// A GiB over a link that breaks: the least that a large installer has.
pub const SIZE_BYTES: u64 = 1 << 30;
/// What comes through before the link breaks: three seconds of 100 Mbit/s.
pub const CUT_EVERY_BYTES: u64 = 37 << 20;
/// The most that may come through beyond a medium, over a link that breaks, in hundredths of it.
const MORE_PERCENT_MOST: f64 = 2.0;
/// How often a file on its way is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A medium that arrived.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Arrived {
    /// Its size.
    pub size_bytes: u64,
    /// What came through the link on the medium's way.
    pub passed_bytes: u64,
    /// How often the link broke.
    pub cuts: u64,
    /// Seconds from the command to the whole file.
    pub took_s: f64,
}

impl Arrived {
    /// How much more came through than the medium has, in hundredths of it.
    pub fn more_percent(&self) -> f64 {
        let more = self.passed_bytes.saturating_sub(self.size_bytes);
        #[expect(clippy::cast_precision_loss, reason = "media have less than 2^52 bytes")]
        let percent = more as f64 * 100.0 / self.size_bytes as f64;
        percent
    }

    /// MiB a second.
    pub fn mib_per_s(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "media have less than 2^52 bytes")]
        let mib = self.size_bytes as f64 / f64::from(1 << 20);
        mib / self.took_s
    }
}

/// A Muster of one server whose manifest names one medium, with a link between all who dial and the controller.
#[derive(Debug)]
pub struct Journey {
    /// The Muster.
    pub field: Field,
    /// The link.
    pub link: Link,
    /// The medium as an operator has it.
    pub file: PathBuf,
    /// Its digest.
    pub sha256: Digest,
    size_bytes: u64,
}

impl Journey {
    /// Everything but the medium on the shelf, in operation.
    ///
    /// # Errors
    /// Where that cannot be reached.
    pub fn lay(programs: &Programs, size_bytes: u64) -> Result<Self> {
        let documents = root().join("tests/scenes/media");
        let (twin, site, role) = (documents.join("twin.yaml"), "acme-prod".to_owned(), "web".to_owned());
        let mut field = Field::lay(programs, Scene { documents, twin, site, role })?;
        let file = field.folder().join("Tools.msi");
        let sha256 = write_medium(&file, size_bytes)?;
        field.edit("DIGEST-OF-TOOLS", &sha256.to_string());
        let link = Link::to(&field.controller.address)?;
        field.begin()?;
        field.kill_agent()?;
        link.lead(&field.agent.data().join("identity.json"), &field.controller.address)?;
        link.lead(&field.folder().join("anne.profile"), &field.controller.address)?;
        field.start_agent()?;
        Ok(Self { field, link, file, sha256, size_bytes })
    }

    /// Where the agent has it once it is whole.
    pub fn whole(&self) -> PathBuf {
        self.field.agent.data().join("media").join(self.sha256.to_string())
    }

    /// Where the agent has the beginning.
    pub fn part(&self) -> PathBuf {
        self.field.agent.data().join("media").join(format!("{}.part", self.sha256))
    }

    /// Brings it to the shelf.
    ///
    /// # Errors
    /// Where it does not come there.
    pub fn add(&self, cut_every_bytes: Option<u64>) -> Result<Arrived> {
        self.link.cut_every(cut_every_bytes);
        let begin = Instant::now();
        let ran = self.field.cli.run(["media".as_ref(), "add".as_ref(), self.file.as_os_str()]);
        ensure!(ran.code == code::OK, "media add: {}", ran.said());
        let Passed { up_bytes, cuts, .. } = self.link.passed();
        Ok(self.arrived(up_bytes, cuts, begin))
    }

    /// Asks for it once, and waits until the agent has all of it.
    ///
    /// # Errors
    /// Where it does not come, or is another.
    pub fn stage(&self, cut_every_bytes: Option<u64>) -> Result<Arrived> {
        self.link.cut_every(cut_every_bytes);
        let begin = Instant::now();
        // The second medium of the scene is on no shelf, so that the command never ends well; the link may end it before.
        let mut asked = self.field.cli.command(["stage", "acme-prod"]);
        let mut asked = asked.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let came = self.await_whole();
        asked.kill()?;
        asked.wait()?;
        came?;
        let Passed { down_bytes, cuts, .. } = self.link.passed();
        let arrived = self.arrived(down_bytes, cuts, begin);
        ensure!(digest_of(&self.whole())? == self.sha256, "another file came");
        Ok(arrived)
    }

    /// Waits until the agent has all of it, for as long as more of it comes.
    ///
    /// # Errors
    /// Where nothing comes any more.
    pub fn await_whole(&self) -> Result<()> {
        let length = || self.part().metadata().map_or(0, |part| part.len());
        let (mut held, mut moved) = (length(), Instant::now());
        while !self.whole().exists() {
            std::thread::sleep(LOOK);
            if length() != held {
                (held, moved) = (length(), Instant::now());
            }
            ensure!(moved.elapsed() < PATIENCE, "nothing came for {PATIENCE:?} after {held} bytes");
        }
        Ok(())
    }

    /// Takes it from the agent again.
    ///
    /// # Errors
    /// Where the agent does not have it.
    pub fn forget(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.whole())?)
    }

    fn arrived(&self, passed_bytes: u64, cuts: u64, begin: Instant) -> Arrived {
        let took_s = measure::seconds(begin.elapsed());
        Arrived { size_bytes: self.size_bytes, passed_bytes, cuts, took_s }
    }
}

/// `tests/bench media`: the whole report, as Markdown.
///
/// # Errors
/// Where the medium does not arrive, or too much of it travels twice.
pub async fn measure(programs: &Programs, size_bytes: u64, cut_every_bytes: u64) -> Result<String> {
    let journey = Journey::lay(programs, size_bytes)?;
    let mut rows = Vec::new();
    rows.push(("operator to shelf, link breaks", journey.add(Some(cut_every_bytes))?));
    rows.push(("shelf to agent, link breaks", journey.stage(Some(cut_every_bytes))?));
    journey.forget()?;
    rows.push(("shelf to agent, link holds", journey.stage(None)?));
    let folder = journey.field.folder();
    let begin = Instant::now();
    let (data, profile) = (journey.field.controller.data(), folder.join("anne.profile"));
    plain::copy(data, &profile, &journey.file, &folder.join("plain")).await?;
    rows.push(("plain copy over TLS, one flush at its end", journey.arrived(size_bytes, 0, begin)));
    let mut text = format!(
        "{} MiB, the link breaks after {} MiB in either direction\n\n| | cuts | came through beyond the medium | s | MiB/s |\n|---|---|---|---|---|\n",
        size_bytes >> 20,
        cut_every_bytes >> 20
    );
    for (what, arrived) in &rows {
        text.push_str(&format!(
            "| {what} | {} | {:.2} % | {:.1} | {:.0} |\n",
            arrived.cuts,
            arrived.more_percent(),
            arrived.took_s,
            arrived.mib_per_s()
        ));
    }
    let wasted = rows.iter().any(|(_, arrived)| arrived.more_percent() >= MORE_PERCENT_MOST);
    ensure!(!wasted, "{text}\nmore than {MORE_PERCENT_MOST} % came through beyond the medium");
    Ok(text)
}

/// Writes a medium that no machine packs and that is the same each time; gives its digest.
fn write_medium(file: &Path, size_bytes: u64) -> Result<Digest> {
    let (mut out, mut hash) = (BufWriter::new(File::create(file)?), Hasher::default());
    let (mut state, mut block, mut left) = (0x9E37_79B9_7F4A_7C15_u64, Vec::new(), size_bytes);
    while left > 0 {
        block.clear();
        while block.len() < 1 << 16 {
            // Xorshift: as good as noise here.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_le_bytes());
        }
        block.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        hash.update(&block);
        out.write_all(&block)?;
        left -= block.len() as u64;
    }
    out.flush()?;
    Ok(hash.finish())
}

fn digest_of(file: &Path) -> Result<Digest> {
    let mut hash = Hasher::default();
    std::io::copy(&mut File::open(file).context("the medium is not there")?, &mut hash)?;
    Ok(hash.finish())
}

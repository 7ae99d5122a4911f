//! One process that a test started: its words are kept, it is awaited by what it does, and it never outlives the test.
//!
//! Neighbours: `controller`, `agent` and `watch` own one each. Ends processes by their own id only.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long anything that must happen may take: far above what it takes, so that only a broken promise reaches it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The same as `MUSTER_PATIENCE_S` says it in seconds: each step of a story under Wine starts several processes, which a
/// busy machine takes long over.
///
/// # Panics
/// Where that is no number.
pub fn patience() -> Duration {
    static PATIENCE_S: OnceLock<Option<u64>> = OnceLock::new();
    let said = PATIENCE_S.get_or_init(|| match std::env::var("MUSTER_PATIENCE_S") {
        Ok(text) => Some(text.parse().expect("MUSTER_PATIENCE_S is no number of seconds")),
        Err(_) => None,
    });
    said.map_or(PATIENCE, Duration::from_secs)
}

/// What came of waiting for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It is there.
    Text(String),
    /// The process closed its output before.
    Ended,
    /// Not yet.
    Late,
}

/// The lines that a process wrote, as they come.
#[derive(Debug, Default)]
pub struct Lines {
    lines: Mutex<(Vec<String>, bool)>,
    grew: Condvar,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, (Vec<String>, bool)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: String) {
        self.lock().0.push(line);
        self.grew.notify_all();
    }

    fn end(&self) {
        self.lock().1 = true;
        self.grew.notify_all();
    }

    /// Waits for the line at this index.
    pub fn get(&self, index: usize, patience: Duration) -> Line {
        let (guard, _) = self
            .grew
            .wait_timeout_while(self.lock(), patience, |(lines, ended)| lines.len() <= index && !*ended)
            .unwrap_or_else(PoisonError::into_inner);
        match guard.0.get(index) {
            Some(line) => Line::Text(line.clone()),
            None if guard.1 => Line::Ended,
            None => Line::Late,
        }
    }

    /// All lines so far.
    pub fn all(&self) -> Vec<String> {
        self.lock().0.clone()
    }
}

/// A running process.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    /// What it wrote to standard output.
    pub out: Arc<Lines>,
    /// What it wrote to standard error.
    pub err: Arc<Lines>,
}

impl Daemon {
    /// Starts it.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let out = collect(child.stdout.take().context("no standard output")?);
        let err = collect(child.stderr.take().context("no standard error")?);
        Ok(Self { name: name.to_owned(), child, out, err })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, where it has ended.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Where it does not end in time.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begin.elapsed() > patience() {
                bail!("{} did not end within {:?}", self.name, patience());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL, as a power cut, and waits until it is gone.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for the end that it makes of itself.
    ///
    /// # Errors
    /// Where it does not end in time.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        signal(self.pid(), rustix::process::Signal::TERM)?;
        self.wait()
    }

    /// Shows what it wrote.
    #[expect(clippy::print_stderr, reason = "a failed test shows what its processes said")]
    pub fn show(&self) {
        for line in self.out.all().iter().chain(&self.err.all()) {
            eprintln!("[{}] {line}", self.name);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and that is no failure.
        let gone = self.child.kill().and_then(|()| self.child.wait());
        if std::thread::panicking() {
            self.show();
        } else if let Err(error) = gone {
            panic!("{} could not be ended: {error}", self.name);
        }
    }
}

/// Sends a signal to a process that this test knows by its id.
///
/// # Errors
/// Where there is no such process.
pub fn signal(pid: u32, signal: rustix::process::Signal) -> Result<()> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).context("0 is no process")?;
    Ok(rustix::process::kill_process(pid, signal)?)
}

/// Looks again until it is so. For things that announce themselves in a file or a process table only.
///
/// # Errors
/// Where it is not so in time, or the look itself fails.
pub fn await_until(what: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !look()? {
        if begin.elapsed() > patience() {
            bail!("{what} did not happen within {:?}", patience());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn collect(from: impl Read + Send + 'static) -> Arc<Lines> {
    let lines = Arc::new(Lines::default());
    let writer = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            writer.push(String::from_utf8_lossy(&line).into_owned());
        }
        writer.end();
    });
    lines
}

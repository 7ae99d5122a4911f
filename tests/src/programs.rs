//! Where the binaries are, and that they are those of this tree.
//!
//! Neighbours: everything that starts a process asks here. Never runs a binary that was built from older sources.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The three programs.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs of this tree as `cargo build` makes them, built once per process.
    ///
    /// # Panics
    /// Where they do not compile: no test has a meaning then.
    pub fn built() -> &'static Self {
        static BUILT: OnceLock<Programs> = OnceLock::new();
        BUILT.get_or_init(|| match build(&[]) {
            Ok(folder) => Self { folder },
            Err(error) => panic!("the programs cannot be built: {error:#}"),
        })
    }

    /// The programs that were built beside this one, as it was: optimised beside an optimised one.
    ///
    /// # Errors
    /// Where one of them is not there.
    pub fn beside() -> Result<Self> {
        let programs = Self { folder: target_folder()? };
        for program in [programs.controller(), programs.agent(), programs.cli()] {
            ensure!(program.is_file(), "{} was not built", program.display());
        }
        Ok(programs)
    }

    /// The same, with the agent as it is sent to servers: made small, in the profile `ship`.
    ///
    /// # Errors
    /// Where one of them is not there, or the folder cannot be filled.
    pub fn with_agent_that_ships(folder: &Path) -> Result<Self> {
        let beside = target_folder()?;
        let shipped = beside.with_file_name("ship").join("muster-agent");
        ensure!(shipped.is_file(), "{} was not built", shipped.display());
        std::os::unix::fs::symlink(shipped, folder.join("muster-agent"))?;
        for name in ["muster-controller", "muster"] {
            std::os::unix::fs::symlink(beside.join(name), folder.join(name)).context(name)?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The programs with crash points, copied to an empty folder: the plain ones take their place at the next build.
    ///
    /// # Errors
    /// Where they do not compile or cannot be copied.
    pub fn with_crash_points(folder: &Path) -> Result<Self> {
        let built = build(&["--features", "muster-controller/crash-points,muster-agent/crash-points"])?;
        for name in ["muster-controller", "muster-agent", "muster"] {
            std::fs::copy(built.join(name), folder.join(name)).context(name)?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// These programs, with an agent that is the one for Windows, as it ships, in the Wine of `tests/windows`.
    ///
    /// The folder gets a `muster-agent` that starts it; paths mean the same on both sides, because Wine's current drive is
    /// the root of this machine.
    ///
    /// # Errors
    /// Where it was not built, or the folder cannot be filled.
    pub fn with_agent_for_windows(&self, folder: &Path) -> Result<Self> {
        let drive = wine_drive();
        // A Wine that is not made yet has no drive.
        let exe = if drive.is_dir() { laid_on(&drive)? } else { shipped_for_windows("muster-agent")? };
        for name in ["muster-controller", "muster"] {
            std::os::unix::fs::symlink(self.folder.join(name), folder.join(name)).context(name)?;
        }
        let script = folder.join("muster-agent");
        let wine = root().join("tests/windows/wine");
        std::fs::write(
            &script,
            format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", wine.display(), exe.display()),
        )?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// `muster-controller`.
    pub fn controller(&self) -> PathBuf {
        self.folder.join("muster-controller")
    }

    /// `muster-agent`.
    pub fn agent(&self) -> PathBuf {
        self.folder.join("muster-agent")
    }

    /// `muster`.
    pub fn cli(&self) -> PathBuf {
        self.folder.join("muster")
    }
}

/// A program for Windows as it is sent to servers, byte for byte: `./deploy/windows/build` makes it.
///
/// # Errors
/// Where it was not built.
pub fn shipped_for_windows(name: &str) -> Result<PathBuf> {
    let exe = root().join("target/package").join(name).with_extension("exe");
    ensure!(exe.is_file(), "{} is not there; run: ./deploy/windows/build", exe.display());
    Ok(exe)
}

/// The agent as it ships, laid on the C: of a Wine, where no folder above it is this machine's: others may write to one of those.
///
/// # Errors
/// Where it was not built, or cannot be laid there.
pub fn laid_on(drive: &Path) -> Result<PathBuf> {
    let folder = drive.join("muster-program");
    std::fs::create_dir_all(&folder)?;
    let (laid, coming) = (folder.join("muster-agent.exe"), folder.join("coming.exe"));
    std::fs::copy(shipped_for_windows("muster-agent")?, &coming)?;
    // What runs of the one before keeps its own file.
    std::fs::rename(coming, &laid)?;
    Ok(laid)
}

/// A program for Windows that plays a part in a story and never ships, as `tests/windows/run` builds it.
///
/// # Errors
/// Where it was not built.
pub fn played_for_windows(name: &str) -> Result<PathBuf> {
    let folder = target_folder()?;
    let target = folder.parent().context("no target folder")?;
    let exe = target.join("x86_64-pc-windows-gnu/debug").join(name).with_extension("exe");
    ensure!(exe.is_file(), "{} is not there; run: ./tests/windows/run", exe.display());
    Ok(exe)
}

/// The C: of the Wine of `tests/windows`.
pub fn wine_drive() -> PathBuf {
    root().join("target/wine/prefix/drive_c")
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/")).to_owned()
}

/// `target/debug`, seen from the running test or tool, so that a moved target folder is followed.
fn target_folder() -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let folder = exe.parent().context("the test program has no folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().context("no target folder")? } else { folder };
    Ok(folder.to_owned())
}

fn build(more: &[&str]) -> Result<PathBuf> {
    let folder = target_folder()?;
    let target = folder.parent().context("no target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--locked",
            "-p",
            "muster-controller",
            "-p",
            "muster-agent",
            "-p",
            "muster",
        ])
        .args(more)
        .arg("--target-dir")
        .arg(target)
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "cargo build failed");
    Ok(folder)
}

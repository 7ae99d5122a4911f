//! Where the binaries are, and that they are those of this tree.
//!
//! Neighbours: everything that starts a process asks here. Never runs a binary that was built from older sources.

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

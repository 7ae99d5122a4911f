//! Installed packages on a twin, and the command lines of the processes that play their installers.
//!
//! Neighbours: `installer` is that process; `supervise` starts it. Never installs anything itself.

use std::path::PathBuf;

use muster_model::name::Version;
use muster_model::package::Package;

use super::Twin;
use super::fault::Operation;
use super::ledger::Action;
use super::state::find;
use crate::host::{CommandLine, Error, ExitMeaning, Packages, Unfinished, exit_code};

impl Packages for Twin {
    fn installed(&self, package: &Package) -> Result<Option<Version>, Error> {
        let name = package.name.as_str();
        self.operate(Operation::PackageGet, name, |section, _| {
            Ok(find(&section.state().packages, name).cloned())
        })
    }

    /// A medium at its path is a file of the twin.
    fn has_medium(&self, path: &str) -> Result<bool, Error> {
        Ok(find(&self.store.lock()?.state().files, path).is_some())
    }

    /// What the twin's catalogue plays; it looks into no medium.
    fn installer(&self, package: &Package, version: &Version) -> Result<CommandLine, Error> {
        let Package { name, arguments, secret_arguments, .. } = package;
        let catalogue = self.store.catalogue()?;
        let versions = find(&catalogue.packages, name);
        if !versions.is_some_and(|versions| versions.contains_key(version)) {
            return Err(Error::Absent { kind: "installer of package", name: format!("{name} {version}") });
        }
        let mut command = self.command_line(name, version, Action::Install);
        if !secret_arguments.is_empty() {
            command.arguments.push(format!("--secret-arguments={}", secret_arguments.len()));
        }
        if !arguments.is_empty() || !secret_arguments.is_empty() {
            command.arguments.push("--".to_owned());
            command.arguments.extend_from_slice(arguments);
        }
        Ok(command)
    }

    fn uninstaller(&self, package: &Package) -> Result<CommandLine, Error> {
        let name = package.name.as_str();
        let section = self.store.lock()?;
        let version = find(&section.state().packages, name);
        let version = version.ok_or_else(|| Error::Absent { kind: "package", name: name.to_owned() })?;
        Ok(self.command_line(name, version, Action::Uninstall))
    }

    /// What plays an installer writes into its supervisor's log alone.
    fn log(&self, _name: &str, _phase: &str) -> Option<PathBuf> {
        None
    }

    fn unfinished(&self) -> Result<Option<Unfinished>, Error> {
        Ok(self.store.lock()?.state().computer.unfinished_installation)
    }

    fn exit_meaning(&self, code: i32) -> ExitMeaning {
        exit_code::meaning(code)
    }
}

impl Twin {
    /// `--run` is left to the environment: the supervisor says there for which step it runs.
    fn command_line(&self, package: &str, version: &Version, action: Action) -> CommandLine {
        let action = match action {
            Action::Install => "install",
            Action::Uninstall => "uninstall",
        };
        let dir = self.store.dir().display().to_string();
        let arguments = [
            "twin-installer",
            "--dir",
            &dir,
            "--package",
            package,
            "--version",
            version.as_str(),
            "--action",
            action,
        ];
        CommandLine::plain(self.exe.clone(), arguments.map(str::to_owned).to_vec())
    }
}

//! Installed packages, as Windows lists them under "Programs and Features".
//!
//! Documents do not say yet by which product code or display name a package is known to Windows, nor where its installer
//! lies. So a package is found only where Windows knows it by the very name that the document uses or by its product code;
//! where it is not found, nobody can tell that it is absent, and that is said instead. Neighbours: `registry` reads,
//! `supervise` starts what is answered here. Never starts anything.

use std::io;
use std::path::{Path, PathBuf};

use muster_model::name::Version;

use super::WindowsHost;
use super::registry::{Key, View};
use super::text::error_text;
use crate::host::{CommandLine, Error, ExitMeaning, Packages, exit_code};

const UNINSTALL: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
const LOOK: &str = "look for package";

impl Packages for WindowsHost {
    fn installed(&self, name: &str) -> Result<Option<Version>, Error> {
        let product = Product::find(name)?.ok_or_else(|| unknown(name))?;
        let version = product.version.as_deref().unwrap_or_default();
        let version = version.parse().map_err(|_| {
            refused(
                name,
                format!("Windows gives {version:?} as its version, which is none that documents can say"),
            )
        })?;
        Ok(Some(version))
    }

    fn installer(&self, name: &str, _version: &Version, _arguments: &[String]) -> Result<CommandLine, Error> {
        let message =
            format!("documents cannot say yet where the installer of {name} lies; install it by hand");
        Err(Error::Unreachable { what: "the installer", message })
    }

    fn uninstaller(&self, name: &str) -> Result<CommandLine, Error> {
        let product = Product::find(name)?.ok_or_else(|| unknown(name))?;
        if !product.windows_installer {
            let message = format!(
                "{name} was not installed by Windows Installer, and documents cannot say yet how to take it off; \
                 take it off by hand"
            );
            return Err(Error::Unreachable { what: "the uninstaller", message });
        }
        let msiexec = system_folder().map_err(|error| refused(name, error_text(&error)))?.join("msiexec.exe");
        Ok(uninstall(msiexec, &product.key, &self.logs))
    }

    fn exit_meaning(&self, code: i32) -> ExitMeaning {
        exit_code::meaning(code)
    }
}

/// One line of "Programs and Features".
#[derive(Debug, Clone, PartialEq, Eq)]
struct Product {
    /// Its key's name: of a product of Windows Installer the product code.
    key: String,
    version: Option<String>,
    windows_installer: bool,
}

impl Product {
    /// The product of that display name or product code.
    fn find(name: &str) -> Result<Option<Self>, Error> {
        let mut found: Vec<Self> = Vec::new();
        for view in [View::Bits64, View::Bits32] {
            let products = Self::named(name, view)
                .map_err(|error| Error::Unreachable { what: "the registry", message: error_text(&error) })?;
            // Where there are no 32-bit programs both views are one.
            found.extend(products.into_iter().filter(|product| !found.contains(product)).collect::<Vec<_>>());
        }
        if found.len() > 1 {
            let versions: Vec<&str> = found.iter().filter_map(|product| product.version.as_deref()).collect();
            let message = format!("Windows lists it {} times: {}", found.len(), versions.join(", "));
            return Err(refused(name, message));
        }
        Ok(found.pop())
    }

    fn named(name: &str, view: View) -> io::Result<Vec<Self>> {
        let Some(list) = Key::open(UNINSTALL, view)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for key in list.children()? {
            let shown = list.text(&key, "DisplayName")?;
            if key.eq_ignore_ascii_case(name) || shown.is_some_and(|shown| shown.eq_ignore_ascii_case(name)) {
                let version = list.text(&key, "DisplayVersion")?;
                let windows_installer = list.number(&key, "WindowsInstaller")? == Some(1);
                found.push(Self { key, version, windows_installer });
            }
        }
        Ok(found)
    }
}

/// `msiexec /x`: no window, because nobody could close it, no restart by itself, and a log that is added to.
fn uninstall(msiexec: PathBuf, product_code: &str, logs: &Path) -> CommandLine {
    let log = logs.join(format!("{product_code}.uninstall.log")).display().to_string();
    let arguments = ["/x", product_code, "/qn", "/norestart", "REBOOT=ReallySuppress", "/L*v+", &log];
    CommandLine { program: msiexec, arguments: arguments.map(str::to_owned).to_vec() }
}

/// Where Windows keeps its own programs: never looked for by name alone, so that nobody can put another in its place.
fn system_folder() -> io::Result<PathBuf> {
    let key = Key::open(r"SOFTWARE\Microsoft\Windows NT", View::Bits64)?;
    let root = key.map(|key| key.text("CurrentVersion", "SystemRoot")).transpose()?.flatten();
    root.map(|root| Path::new(&root).join("System32")).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn unknown(name: &str) -> Error {
    let message = format!(
        "Windows lists no program of the name {name}, and documents cannot say yet by which name or product code it \
         would"
    );
    Error::Unreachable { what: "the package", message }
}

fn refused(name: &str, message: impl Into<String>) -> Error {
    Error::Refused { operation: LOOK, name: name.to_owned(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_windows_does_not_list_is_not_taken_for_absent() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        for error in [
            host.installed("muster-no-such-package").unwrap_err(),
            host.uninstaller("muster-no-such-package").unwrap_err(),
            host.installer("muster-no-such-package", &"1.0".parse().unwrap(), &[]).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Unreachable { .. }), "{error}");
            assert!(error.to_string().contains("muster-no-such-package"), "{error}");
        }
    }

    #[test]
    fn an_uninstaller_asks_nobody_and_writes_a_log() {
        let code = "{0D1A1B7C-0000-0000-0000-000000000001}";
        let command = uninstall(system_folder().unwrap().join("msiexec.exe"), code, Path::new(r"C:\logs"));
        assert!(command.program.is_file(), "{}", command.program.display());
        assert_eq!(command.arguments[..3], ["/x", code, "/qn"]);
        assert_eq!(command.arguments.last().unwrap(), &format!(r"C:\logs\{code}.uninstall.log"));
    }
}

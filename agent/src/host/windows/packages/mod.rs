//! Packages: what is installed, and the processes that put a package on and take it off (G2, G18).
//!
//! Neighbours: `product` asks Windows Installer, `list` reads "Programs and Features", `file_version` a file; the command
//! lines are `host::installer_line`'s, and `supervise` starts them. Where a document does not say by what Windows knows a
//! package, one that is not found is not taken for absent. Never starts anything.

mod file_version;
mod list;
mod product;

use std::io;
use std::path::{Path, PathBuf};

use muster_model::name::{InstallerCode, Version};
use muster_model::package::{KnownBy, MediumKind, Package};

use self::list::Entry;
use super::WindowsHost;
use super::msi_service::windows_installer_works;
use super::registry::{Key, View};
use super::text::error_text;
use crate::host::{CommandLine, Error, ExitMeaning, Packages, Unfinished, exit_code, installer_line};

const IN_PROGRESS: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\InProgress";

impl Packages for WindowsHost {
    fn installed(&self, package: &Package) -> Result<Option<Version>, Error> {
        let found = Found::of(package)?;
        let version = match (&found, &package.version_of_file) {
            (Some(found), None) => Some(found.version.clone().unwrap_or_default()),
            (None, Some(_)) if package.known_by != KnownBy::Name => None,
            (_, Some(file)) => {
                let version = file_version::of(file).map_err(|error| refused(package, error_text(&error)))?;
                if version.is_none() && found.is_some() {
                    return Err(refused(package, format!("Windows lists it, and there is no file {file}")));
                }
                version
            }
            (None, None) if package.known_by == KnownBy::Name => return Err(unknown(package)),
            (None, None) => None,
        };
        version.map(|version| parse(package, &version)).transpose()
    }

    fn has_medium(&self, path: &str) -> Result<bool, Error> {
        Ok(!matches!(std::fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound))
    }

    fn installer(&self, package: &Package, version: &Version) -> Result<CommandLine, Error> {
        let Some(medium) = &package.medium else {
            let message = format!(
                "nothing says where the installer of {} {version} lies; give its node `medium` and `medium_sha256`",
                package.name
            );
            return Err(Error::Unreachable { what: "the installer", message });
        };
        Ok(match medium.kind() {
            MediumKind::Exe => installer_line::exe_install(medium, &package.arguments),
            MediumKind::Msi => {
                let log = self.installer_log(&package.name, "install");
                installer_line::msi_install(msiexec(package)?, medium, &package.arguments, &log)
            }
        })
    }

    fn uninstaller(&self, package: &Package) -> Result<CommandLine, Error> {
        let found = Found::of(package)?.ok_or_else(|| unknown(package))?;
        if package.known_by == KnownBy::Name && package.version_of_file.is_none() {
            let message = "once it is off nobody could say so, for its node does not say by what Windows knows it; give it \
                           `upgrade_code`, `product_code` or `display_name`";
            return Err(refused(package, message));
        }
        let entry = match found.how {
            How::WindowsInstaller { product_code } => {
                let log = self.installer_log(&package.name, "uninstall");
                return Ok(installer_line::msi_remove(msiexec(package)?, &product_code, &log));
            }
            How::Program(entry) => entry,
            How::Service => {
                let message = "nothing in Windows says what takes off a package that is known by its service; give its node \
                               `upgrade_code`, `product_code` or `display_name` instead, or take it off by hand";
                return Err(refused(package, message));
            }
        };
        let (line, more) = match (&entry.remove, &entry.remove_quietly, &package.uninstall_arguments) {
            (Some(line), _, Some(more)) => (line, more.as_slice()),
            (_, Some(line), None) => (line, &[][..]),
            _ => {
                let message = "the program that takes it off would ask a person, and none is there; give its node \
                               `uninstall_arguments`, as in [/S], or take it off by hand";
                return Err(refused(package, message));
            }
        };
        installer_line::exe_remove(line, more).ok_or_else(|| {
            refused(package, format!("Windows says that {line:?} takes it off, which is no program"))
        })
    }

    /// An installation that was cut off leaves a key behind, which the next one takes away. That key is in no reference of
    /// Microsoft's: `deploy/windows/ACCEPTANCE.md` has it.
    fn unfinished(&self) -> Result<Option<Unfinished>, Error> {
        let what = "whether Windows Installer works";
        let untold = |error| Error::CannotTell { what, message: error_text(&error) };
        if windows_installer_works().map_err(untold)? {
            return Ok(Some(Unfinished::Works));
        }
        let left = Key::open(IN_PROGRESS, View::Bits64).map_err(untold)?;
        Ok(left.map(|_| Unfinished::CutOff))
    }

    fn exit_meaning(&self, code: i32) -> ExitMeaning {
        exit_code::meaning(code)
    }

    fn log(&self, name: &str, phase: &str) -> Option<PathBuf> {
        let log = self.installer_log(name, phase);
        log.exists().then_some(log)
    }
}

impl WindowsHost {
    fn installer_log(&self, name: &str, phase: &str) -> PathBuf {
        self.logs.join(format!("{name}.{phase}.log"))
    }
}

/// A package that Windows knows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    version: Option<String>,
    how: How,
}

/// How it goes again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    WindowsInstaller {
        product_code: String,
    },
    Program(Entry),
    /// Nobody says.
    Service,
}

impl Found {
    /// The one that is meant; more than one is a question for a person.
    fn of(package: &Package) -> Result<Option<Self>, Error> {
        let all = Self::all(package).map_err(|error| Error::Unreachable {
            what: "the list of installed programs",
            message: error_text(&error),
        })?;
        if let [one, another, ..] = all.as_slice() {
            let name = |found: &Self| match &found.how {
                How::WindowsInstaller { product_code } => product_code.clone(),
                How::Program(entry) => entry.key.clone(),
                How::Service => package.name.clone(),
            };
            let message = format!(
                "Windows lists it {} times, as {} and {}; take one off by hand, or say in its node which is meant",
                all.len(),
                name(one),
                name(another)
            );
            return Err(refused(package, message));
        }
        Ok(all.into_iter().next())
    }

    fn all(package: &Package) -> io::Result<Vec<Self>> {
        let listed = |name: &dyn Fn(&str) -> bool, key: &dyn Fn(&str) -> bool| {
            Ok(list::entries(name, key)?.into_iter().map(Self::listed).collect())
        };
        match &package.known_by {
            KnownBy::ProductCode(code) => Self::products(vec![code.as_str().to_owned()]),
            KnownBy::UpgradeCode(code) => Self::products(product::related(code.as_str())?),
            KnownBy::DisplayName(name) => listed(&|shown| name.names(shown), &|_| false),
            KnownBy::Service(name) => Self::of_service(name),
            KnownBy::Name => {
                let is_it = |text: &str| text.eq_ignore_ascii_case(&package.name);
                listed(&is_it, &is_it)
            }
        }
    }

    fn products(codes: Vec<String>) -> io::Result<Vec<Self>> {
        let mut found = Vec::new();
        for product_code in codes {
            if let Some(version) = product::version(&product_code)? {
                found.push(Self { version: Some(version), how: How::WindowsInstaller { product_code } });
            }
        }
        Ok(found)
    }

    /// The service of that key name. Its program may carry no version, and lie where nobody may look: a file that the document
    /// names may say it then.
    fn of_service(name: &str) -> io::Result<Vec<Self>> {
        let services = Key::open(r"SYSTEM\CurrentControlSet\Services", View::Bits64)?;
        let line = services.map(|services| services.text(name, "ImagePath")).transpose()?.flatten();
        let Some(line) = line else { return Ok(Vec::new()) };
        let version = installer_line::program(&line).and_then(|program| file_version::of(program).ok()?);
        Ok(vec![Self { version, how: How::Service }])
    }

    /// An entry of Windows Installer has its product code as its key; one that a vendor has written beside it, in its line.
    fn listed(entry: Entry) -> Self {
        let version = entry.version.clone();
        let key = entry.windows_installer.then(|| entry.key.parse().ok()).flatten();
        let product: Option<InstallerCode> =
            key.or_else(|| entry.remove.as_deref().and_then(installer_line::product_of));
        let how = match product {
            Some(code) => How::WindowsInstaller { product_code: code.as_str().to_owned() },
            None => How::Program(entry),
        };
        Self { version, how }
    }
}

fn parse(package: &Package, version: &str) -> Result<Version, Error> {
    version.parse().map_err(|_| {
        let problem =
            format!("Windows gives {version:?} as its version, which is none that documents can say");
        refused(package, problem)
    })
}

/// Windows Installer, where Windows keeps its own programs: never looked for by name alone, so that nobody can put another
/// in its place.
fn msiexec(package: &Package) -> Result<PathBuf, Error> {
    let folder = system_folder().map_err(|error| refused(package, error_text(&error)))?;
    Ok(folder.join("msiexec.exe"))
}

fn system_folder() -> io::Result<PathBuf> {
    let key = Key::open(r"SOFTWARE\Microsoft\Windows NT", View::Bits64)?;
    let root = key.map(|key| key.text("CurrentVersion", "SystemRoot")).transpose()?.flatten();
    root.map(|root| Path::new(&root).join("System32")).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn unknown(package: &Package) -> Error {
    let message = format!(
        "Windows lists no program of the name {}, and its node does not say by what Windows knows it; give it \
         `upgrade_code`, `product_code` or `display_name`",
        package.name
    );
    Error::Unreachable { what: "the package", message }
}

fn refused(package: &Package, message: impl Into<String>) -> Error {
    Error::Refused { operation: "look for package", name: package.name.clone(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Host as _, RegistryData};

    fn host() -> WindowsHost {
        WindowsHost::new(Path::new(r"C:\logs"))
    }

    fn package(attributes: serde_json::Value) -> Package {
        let node = serde_json::json!({"id": "package/muster-no-such-package", "attributes": attributes});
        Package::of(&serde_json::from_value(node).unwrap()).unwrap()
    }

    #[test]
    fn a_package_of_which_nothing_is_said_is_not_taken_for_absent() {
        let package = Package::named("muster-no-such-package");
        for error in [
            host().installed(&package).unwrap_err(),
            host().uninstaller(&package).unwrap_err(),
            host().installer(&package, &"1.0".parse().unwrap()).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Unreachable { .. }), "{error}");
            assert!(error.to_string().contains("muster-no-such-package"), "{error}");
        }
    }

    /// A program in the list, as long as it lives.
    struct Listed(&'static str);

    impl Listed {
        fn lay(key: &'static str, values: &[(&str, &str)]) -> Self {
            for (name, text) in values {
                let name = format!(r"HKLM\{key}\{name}").parse().unwrap();
                host().registry().set(&name, &RegistryData::String((*text).to_owned())).unwrap();
            }
            Self(key)
        }
    }

    impl Drop for Listed {
        fn drop(&mut self) {
            for name in ["DisplayName", "DisplayVersion", "QuietUninstallString"] {
                host().registry().remove(&format!(r"HKLM\{}\{name}", self.0).parse().unwrap()).unwrap();
            }
            Key::remove_empty(self.0, View::Bits64).unwrap();
        }
    }

    #[test]
    fn g18_what_nobody_could_say_is_gone_is_not_taken_off() {
        const KEY: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\muster-story-named";
        let values = [
            ("DisplayName", "muster-story-named"),
            ("DisplayVersion", "1.0"),
            ("QuietUninstallString", r"C:\X\setup.exe /S"),
        ];
        let _listed = Listed::lay(KEY, &values);
        let named = Package::named("muster-story-named");
        assert_eq!(host().installed(&named).unwrap().unwrap().as_str(), "1.0");
        let refused = host().uninstaller(&named).unwrap_err().to_string();
        assert!(refused.contains("once it is off nobody could say so"), "{refused}");
        let known = Package {
            known_by: package(serde_json::json!({"display_name": "muster-story-named"})).known_by,
            ..named
        };
        assert_eq!(host().uninstaller(&known).unwrap().program, Path::new(r"C:\X\setup.exe"));
    }

    #[test]
    fn an_installation_that_was_cut_off_is_told_as_long_as_its_key_is_there() {
        assert_eq!(host().unfinished().unwrap(), None);
        Key::make(IN_PROGRESS, View::Bits64).unwrap();
        let told = host().unfinished();
        Key::remove_empty(IN_PROGRESS, View::Bits64).unwrap();
        assert_eq!(told.unwrap(), Some(Unfinished::CutOff));
        assert_eq!(host().unfinished().unwrap(), None);
    }

    #[test]
    fn a_package_whose_code_or_name_is_said_and_not_found_is_absent() {
        let code = "{1B2C3D4E-0000-4000-8000-00000000FFFF}";
        for attributes in [
            serde_json::json!({"product_code": code}),
            serde_json::json!({"upgrade_code": code}),
            serde_json::json!({"display_name": "Muster No Such Package*"}),
            serde_json::json!({"version_of_file": r"C:\muster-no-such\file.exe"}),
        ] {
            assert_eq!(host().installed(&package(attributes.clone())).unwrap(), None, "{attributes}");
        }
    }

    #[test]
    fn a_file_says_its_version() {
        let file = system_folder().unwrap().join("msiexec.exe").display().to_string();
        let package = package(serde_json::json!({"version_of_file": file}));
        let version = host().installed(&package).unwrap().unwrap();
        assert_eq!(version.as_str().split('.').count(), 4, "{version}");
    }

    #[test]
    fn a_service_says_the_version_of_its_program_and_nothing_of_how_it_goes() {
        let of = |name: &str| package(serde_json::json!({"service_name": name}));
        let version = host().installed(&of("MSIServer")).unwrap().unwrap();
        assert_eq!(version.as_str().split('.').count(), 4, "{version}");
        assert!(host().uninstaller(&of("MSIServer")).unwrap_err().to_string().contains("takes off"));
        assert_eq!(host().installed(&of("muster-no-such-service")).unwrap(), None);
    }

    #[test]
    fn a_listed_program_goes_by_its_product_code_where_windows_installer_has_it() {
        let code = "{1B2C3D4E-0000-4000-8000-00000000000F}";
        let how = |key: &str, windows_installer, line: &str| {
            let entry = Entry {
                key: key.to_owned(),
                version: None,
                windows_installer,
                remove: Some(line.to_owned()),
                remove_quietly: None,
            };
            Found::listed(entry).how
        };
        let product = How::WindowsInstaller { product_code: code.to_owned() };
        assert_eq!(how(code, true, ""), product);
        let line = format!("MsiExec.exe /I{code}");
        assert_eq!(how("Vendor", false, &line), product, "that line would put it on again");
        assert_eq!(how("Vendor", true, &line), product, "its key is no code");
        assert!(matches!(how(code, false, r"C:\X\setup.exe -remove"), How::Program(_)));
    }

    #[test]
    fn windows_installer_is_the_one_of_windows() {
        let sha256 = "0f".repeat(32);
        let medium =
            serde_json::json!({"medium": r"C:\Media\x.msi", "medium_sha256": sha256, "display_name": "X"});
        let command = host().installer(&package(medium), &"1.0".parse().unwrap()).unwrap();
        assert!(command.program.is_file(), "{}", command.program.display());
        assert!(command.arguments.contains(&r#""C:\logs\muster-no-such-package.install.log""#.to_owned()));
    }
}

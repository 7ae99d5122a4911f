//! "Programs and Features": what installers say of themselves in the registry, in both views.
//!
//! Source: Microsoft, "Uninstall Registry Key", <https://learn.microsoft.com/en-us/windows/win32/msi/uninstall-registry-key>.
//! Neighbours: `registry` reads. Never changes an entry.

use std::io;

use crate::host::windows::registry::{Key, View};

const UNINSTALL: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its key's name: of a product of Windows Installer the product code.
    pub(super) key: String,
    /// `DisplayVersion`.
    pub(super) version: Option<String>,
    /// Whether Windows Installer installed it.
    pub(super) windows_installer: bool,
    /// `UninstallString`, which asks a person.
    pub(super) remove: Option<String>,
    /// `QuietUninstallString`, which asks nobody.
    pub(super) remove_quietly: Option<String>,
}

/// The entries that are meant: by their name, unless they are hidden, or by their key.
pub(super) fn entries(name: impl Fn(&str) -> bool, key: impl Fn(&str) -> bool) -> io::Result<Vec<Entry>> {
    let mut found: Vec<Entry> = Vec::new();
    for view in [View::Bits64, View::Bits32] {
        let Some(list) = Key::open(UNINSTALL, view)? else { continue };
        for child in list.children()? {
            // InstallShield lists what it installs twice, and hides the entry of Windows Installer.
            let is_shown = list.number(&child, "SystemComponent")? != Some(1);
            let is_named = is_shown && list.text(&child, "DisplayName")?.is_some_and(|shown| name(&shown));
            if !is_named && !key(&child) {
                continue;
            }
            let entry = Entry {
                version: list.text(&child, "DisplayVersion")?,
                windows_installer: list.number(&child, "WindowsInstaller")? == Some(1),
                remove: list.text(&child, "UninstallString")?,
                remove_quietly: list.text(&child, "QuietUninstallString")?,
                key: child,
            };
            // Where there are no 32-bit programs both views are one.
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}

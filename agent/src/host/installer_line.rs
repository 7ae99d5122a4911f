//! The command lines of installers, which read them by rules of their own.
//!
//! Sources: Microsoft, "Command-Line Options" of Windows Installer,
//! <https://learn.microsoft.com/en-us/windows/win32/msi/command-line-options>, and "Uninstall Registry Key". Neighbours: the
//! Windows host's packages build their commands here; it is portable so that every system's tests hold it. Starts nothing.

use std::path::{Path, PathBuf};

use muster_model::name::InstallerCode;
use muster_model::package::Medium;

use super::CommandLine;

/// No window, because nobody could close it; no restart by itself; and a log that is added to.
const ALONE: [&str; 3] = ["/qn", "/norestart", "REBOOT=ReallySuppress"];

/// `msiexec /i`, with these public properties, each `NAME=value`.
pub fn msi_install(msiexec: PathBuf, medium: &Medium, properties: &[String], log: &Path) -> CommandLine {
    let mut arguments = vec!["/i".to_owned(), quoted(&medium.path)];
    arguments.extend(alone(log));
    arguments.extend(properties.iter().map(|property| match property.split_once('=') {
        Some((name, value)) if value.is_empty() || value.contains(' ') => format!("{name}={}", quoted(value)),
        _ => property.clone(),
    }));
    let (medium, own_log) = (Some(medium.clone()), Some(log.to_owned()));
    CommandLine { verbatim: true, medium, own_log, ..CommandLine::plain(msiexec, arguments) }
}

/// `msiexec /x` of a product code.
pub fn msi_remove(msiexec: PathBuf, product_code: &str, log: &Path) -> CommandLine {
    let mut arguments = vec!["/x".to_owned(), product_code.to_owned()];
    arguments.extend(alone(log));
    CommandLine { verbatim: true, own_log: Some(log.to_owned()), ..CommandLine::plain(msiexec, arguments) }
}

/// A medium that is a program itself.
pub fn exe_install(medium: &Medium, arguments: &[String]) -> CommandLine {
    let medium_path = PathBuf::from(&medium.path);
    let medium = Some(medium.clone());
    CommandLine { verbatim: true, medium, ..CommandLine::plain(medium_path, arguments.to_vec()) }
}

/// The product of Windows Installer that a line of the list of installed programs is about, as in `MsiExec.exe /I{CODE}`: which
/// asks a person, and without one puts the product on again.
pub fn product_of(line: &str) -> Option<InstallerCode> {
    /// A code in its braces.
    const CODE_CHARACTERS: usize = 38;
    let (program, rest) = split(line).or_else(|| line.trim().split_once(' '))?;
    let name = program.rsplit('\\').next()?;
    let is_msiexec = ["msiexec.exe", "msiexec"].iter().any(|own| name.eq_ignore_ascii_case(own));
    let code = rest.get(rest.find('{')?..)?.get(..CODE_CHARACTERS)?;
    if is_msiexec { code.parse().ok() } else { None }
}

/// What the list of installed programs says of how to take one off, and what the document adds to it. A program without its
/// folder is none: whatever of that name lies nearest would be started.
pub fn exe_remove(line: &str, more: &[String]) -> Option<CommandLine> {
    let (program, rest) = split(line)?;
    if !program.starts_with(r"\\") && program.get(1..3) != Some(r":\") {
        return None;
    }
    let rest = (!rest.is_empty()).then(|| rest.to_owned());
    let arguments = rest.into_iter().chain(more.iter().cloned()).collect();
    Some(CommandLine { verbatim: true, ..CommandLine::plain(program.into(), arguments) })
}

/// The program of a line that starts one, such as a service's.
pub fn program(line: &str) -> Option<&str> {
    split(line).map(|(program, _)| program)
}

fn alone(log: &Path) -> impl Iterator<Item = String> {
    let log = ["/L*v+".to_owned(), quoted(&log.display().to_string())];
    ALONE.into_iter().map(str::to_owned).chain(log)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The program of a line and the rest. A path without quotes ends with its first `.exe`: what stands in front of a space in
/// it, such as `C:\Program`, is never taken for the program.
fn split(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if let Some(inner) = line.strip_prefix('"') {
        let (program, rest) = inner.split_once('"')?;
        return (!program.is_empty()).then(|| (program, rest.trim_start()));
    }
    let lower = line.to_ascii_lowercase();
    let end = lower.match_indices(".exe").map(|(at, ending)| at + ending.len()).find(|end| {
        let next = line.as_bytes().get(*end);
        next.is_none_or(|byte| *byte == b' ')
    })?;
    Some((&line[..end], line[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medium(path: &str) -> Medium {
        Medium { path: path.to_owned(), sha256: "0f".repeat(32).parse().unwrap() }
    }

    #[test]
    fn windows_installer_asks_nobody_restarts_nothing_and_writes_a_log() {
        let properties = [r"INSTALLDIR=C:\Program Files\XRT", "ADDLOCAL=A,B", "NONE="].map(str::to_owned);
        let medium = medium(r"C:\My Media\xcs.msi");
        let command =
            msi_install(r"C:\Windows\System32\msiexec.exe".into(), &medium, &properties, Path::new("l.log"));
        assert!(command.verbatim);
        assert_eq!(
            command.arguments.join(" "),
            r#"/i "C:\My Media\xcs.msi" /qn /norestart REBOOT=ReallySuppress /L*v+ "l.log" INSTALLDIR="C:\Program Files\XRT" ADDLOCAL=A,B NONE="""#
        );
        let held = command.with_medium_at(r"D:\Media\xcs.msi");
        assert_eq!(held.arguments[1], r#""D:\Media\xcs.msi""#);
        let command =
            msi_remove("msiexec.exe".into(), "{0D1A1B7C-0000-0000-0000-000000000001}", Path::new("l.log"));
        assert!(command.medium.is_none());
        assert!(
            command
                .arguments
                .join(" ")
                .starts_with("/x {0D1A1B7C-0000-0000-0000-000000000001} /qn /norestart")
        );
    }

    #[test]
    fn a_program_that_installs_is_the_medium_and_its_arguments_stay_as_they_are() {
        let command =
            exe_install(&medium(r"C:\Media\setup.exe"), &["/s".to_owned(), r#"/v"/qn""#.to_owned()]);
        assert_eq!(command.arguments, ["/s", r#"/v"/qn""#]);
        let held = command.with_medium_at(r"D:\real\setup.exe");
        assert_eq!(held.program, Path::new(r"D:\real\setup.exe"));
    }

    #[test]
    fn an_uninstaller_s_line_is_its_program_and_the_rest() {
        let cases = [
            (r#""C:\P F\X\unins000.exe" /SILENT"#, r"C:\P F\X\unins000.exe", "/SILENT"),
            (
                r"C:\Program Files\X\unins.exe /S /D=C:\a.exe",
                r"C:\Program Files\X\unins.exe",
                "/S /D=C:\\a.exe",
            ),
            (r"C:\x.exe.dir\Setup.EXE", r"C:\x.exe.dir\Setup.EXE", ""),
            (r"  MsiExec.exe /I{1}", "MsiExec.exe", "/I{1}"),
        ];
        for (line, program, rest) in cases {
            assert_eq!(split(line), Some((program, rest)), "{line}");
        }
        for wrong in ["", r"rundll32 x.dll,Remove", r#""C:\x.exe"#, r#""" /S"#] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
        let command = exe_remove(r#""C:\u.exe" -removeonly"#, &["/S".to_owned()]).unwrap();
        assert_eq!(command.arguments, ["-removeonly", "/S"]);
        assert!(exe_remove(r"\\server\share\u.exe", &[]).is_some());
        for nowhere in ["uninstall.exe /S", r"%ProgramFiles%\X\u.exe", r"..\u.exe"] {
            assert!(exe_remove(nowhere, &[]).is_none(), "{nowhere}");
        }
    }

    #[test]
    fn a_line_of_windows_installer_names_its_product_and_no_other_line_does() {
        let code = "{1B2C3D4E-0000-4000-8000-00000000000F}";
        let own = [
            r"MsiExec.exe /I",
            "MSIEXEC /x ",
            r"C:\Windows\System32\msiexec.exe /qb /X",
            r#""C:\Windows\System32\msiexec.exe" /package "#,
        ];
        for line in own {
            let product = product_of(&format!("{line}{code}")).unwrap();
            assert_eq!(product.as_str(), code, "{line}");
        }
        for other in [
            format!(
                r#""C:\Program Files (x86)\InstallShield Installation Information\{code}\setup.exe" -removeonly"#
            ),
            format!(r"C:\X\setup.exe /x {code}"),
            "MsiExec.exe /I{1}".to_owned(),
            r"MsiExec.exe /x C:\x.msi".to_owned(),
        ] {
            assert!(product_of(&other).is_none(), "{other}");
        }
    }
}

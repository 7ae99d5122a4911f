//! Which files a script may take in by `:r`, and which one a name means.
//!
//! A name is read from the folder in which sqlcmd was started, says its page on learn.microsoft.com; that is taken to be the folder
//! of the script itself, also for what a file further in takes in. Neighbours: `reader` asks for each `:r`, `mark` for the names
//! by which a script's mark knows the files. Opens nothing.

use super::mark::Script;

/// The folder and the rest of a path, cut at its last backslash.
fn parted(path: &str) -> (&str, &str) {
    path.rsplit_once('\\').unwrap_or(("", path))
}

/// The files of a script.
#[derive(Debug)]
pub(super) struct Files {
    /// Their paths: the script itself, then what it may take in, as listed.
    paths: Vec<String>,
    /// Which were taken in.
    taken: Vec<bool>,
}

impl Files {
    /// Those of that script.
    pub(super) fn of(script: &Script) -> Self {
        let includes = script.includes.iter().map(|include| include.file.clone());
        let paths: Vec<String> = std::iter::once(script.file.clone()).chain(includes).collect();
        Self { taken: vec![false; paths.len()], paths }
    }

    /// The one that a name means.
    ///
    /// # Errors
    /// Where it is none of them: what to write.
    pub(super) fn find(&mut self, name: &str) -> Result<usize, String> {
        let script = self.paths.first().map_or("", String::as_str);
        let path = absolute(parted(script).0, name).ok_or_else(|| {
            format!("`:r {name}` names no file: write a name in the script's folder, or a path with its drive or share")
        })?;
        let is_it = |other: &String| other.to_lowercase() == path.to_lowercase();
        let found = self.paths.iter().position(is_it).ok_or_else(|| {
            format!(
                "`:r {name}` takes in {path}, which the document does not list: add {{file: '{path}', sha256: DIGEST}} to `includes` \
                 of the script {script}"
            )
        })?;
        if let Some(taken) = self.taken.get_mut(found) {
            *taken = true;
        }
        Ok(found)
    }

    /// The first that is listed and was never taken in.
    pub(super) fn unused(&self) -> Option<&str> {
        let unused = self.taken.iter().skip(1).position(|taken| !taken)?;
        self.paths.get(unused + 1).map(String::as_str)
    }

    /// The name of a file, for a person.
    pub(super) fn name(&self, file: usize) -> &str {
        self.paths.get(file).map_or("", |path| parted(path).1)
    }
}

/// A name as an absolute path without `.` and `..`, from that folder on where it has none of its own.
fn absolute(folder: &str, name: &str) -> Option<String> {
    let name = name.replace('/', "\\");
    let drive = name.as_bytes();
    let has_drive = drive.first().is_some_and(u8::is_ascii_alphabetic) && drive.get(1) == Some(&b':');
    let whole = match (has_drive, name.starts_with('\\')) {
        (true, _) if drive.get(2) == Some(&b'\\') => name,
        (false, true) if name.starts_with(r"\\") => name,
        // From the folder of some drive, or from the root of the present one: nobody can say which.
        (true, _) | (false, true) => return None,
        (false, false) => format!(r"{folder}\{name}"),
    };
    let root_parts = if whole.starts_with(r"\\") { 4 } else { 1 };
    let mut parts: Vec<&str> = Vec::new();
    for (number, part) in whole.split('\\').enumerate() {
        match part {
            _ if number < root_parts => parts.push(part),
            "" | "." => {}
            ".." if parts.len() > root_parts => {
                parts.pop();
            }
            ".." => return None,
            part => parts.push(part),
        }
    }
    (parts.len() > root_parts).then(|| parts.join("\\"))
}

/// The path of a file as it is seen from the folder of another one: the same wherever both are moved together.
pub(super) fn relative(from: &str, file: &str) -> String {
    let folder: Vec<&str> = parted(from).0.split('\\').collect();
    let parts: Vec<&str> = file.split('\\').collect();
    let common = folder
        .iter()
        .zip(&parts)
        .take_while(|(one, other)| one.to_lowercase() == other.to_lowercase())
        .count();
    let is_share = file.starts_with(r"\\");
    if common < if is_share { 4 } else { 1 } {
        return file.to_owned();
    }
    let up = std::iter::repeat_n("..", folder.len() - common);
    up.chain(parts.iter().skip(common).copied()).collect::<Vec<_>>().join("\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_from_the_scripts_folder() {
        for (name, path) in [
            ("a.sql", Some(r"C:\s\a.sql")),
            (r".\a.sql", Some(r"C:\s\a.sql")),
            (r"sub\a b.sql", Some(r"C:\s\sub\a b.sql")),
            ("sub/a.sql", Some(r"C:\s\sub\a.sql")),
            (r"..\t\a.sql", Some(r"C:\t\a.sql")),
            (r"sub\..\a.sql", Some(r"C:\s\a.sql")),
            (r"D:\x\a.sql", Some(r"D:\x\a.sql")),
            (r"\\nas\sql\a.sql", Some(r"\\nas\sql\a.sql")),
            (r"\\nas\sql\x\..\a.sql", Some(r"\\nas\sql\a.sql")),
            (r"\\nas\sql\..\a.sql", None),
            (r"..\..\a.sql", None),
            (r"\a.sql", None),
            ("C:a.sql", None),
            ("C:", None),
            (r"D:\", None),
            (r"\\nas\sql", None),
            (".", Some(r"C:\s")),
        ] {
            assert_eq!(absolute(r"C:\s", name).as_deref(), path, "{name}");
        }
    }

    #[test]
    fn files_that_are_moved_together_keep_their_names() {
        for (from, file, name) in [
            (r"C:\s\main.sql", r"C:\s\a.sql", "a.sql"),
            (r"D:\x\S\main.sql", r"d:\X\s\a.sql", "a.sql"),
            (r"C:\s\main.sql", r"C:\s\sub\a.sql", r"sub\a.sql"),
            (r"C:\s\main.sql", r"C:\t\a.sql", r"..\t\a.sql"),
            (r"C:\s\main.sql", r"D:\s\a.sql", r"D:\s\a.sql"),
            (r"\\nas\sql\s\main.sql", r"\\nas\sql\a.sql", r"..\a.sql"),
            (r"\\nas\sql\s\main.sql", r"\\nas\other\a.sql", r"\\nas\other\a.sql"),
            (r"C:\main.sql", r"C:\a.sql", "a.sql"),
        ] {
            assert_eq!(relative(from, file), name, "{from} {file}");
        }
    }
}

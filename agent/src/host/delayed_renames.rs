//! What the next start of Windows does with files that could not be touched when a program wanted to (G1).
//!
//! Source: `MoveFileEx` with `MOVEFILE_DELAY_UNTIL_REBOOT`, which keeps pairs of paths in a value of the Session Manager's:
//! <https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-movefileexw>. Neighbours: the Windows inventory reads the
//! value. Touches nothing.

/// How many files a reason names.
const NAMED: usize = 3;
/// Folders in which a program keeps what only it needs, and only once.
const TEMPORARY: [&str; 2] = ["temp", "tmp"];

/// Why Windows waits for a restart, of the list's own text: `\??\from`, a zero, nothing or `\??\to`, a zero, and so on. None
/// where all that goes is in a temporary folder: uninstallers leave a copy of themselves there each time, nothing that is
/// installed changes by it, and a server would wait for ever.
pub fn reason(list: &str) -> Option<String> {
    let words: Vec<&str> = list.split('\0').collect();
    let pairs = words.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default()));
    let mut changes: Vec<String> = Vec::new();
    for (from, to) in pairs.filter(|(from, _)| !from.is_empty()) {
        let change = match (path(from), path(to)) {
            (from, "") if is_temporary(from) => continue,
            (from, "") => format!("{from} is removed"),
            (_, to) => format!("{to} is replaced"),
        };
        // A program that tries again asks again.
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
    let more = changes.len().saturating_sub(NAMED);
    changes.truncate(NAMED);
    if more > 0 {
        changes.push(format!("{more} more"));
    }
    (!changes.is_empty()).then(|| format!("files that change at the next start ({})", changes.join(", ")))
}

/// Without `!`, which lets an old file be replaced, and without the prefix of the kernel's names.
fn path(word: &str) -> &str {
    let word = word.strip_prefix('!').unwrap_or(word);
    word.strip_prefix(r"\??\").unwrap_or(word)
}

fn is_temporary(path: &str) -> bool {
    let folder = path.rsplit_once('\\').map_or("", |(folder, _)| folder);
    folder.split('\\').any(|part| TEMPORARY.iter().any(|name| part.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_and_what_is_replaced_is_named_once_and_the_rest_is_counted() {
        assert_eq!(reason(""), None);
        assert_eq!(reason("\0\0\0"), None, "a list of nothing");
        let one = "\\??\\C:\\Muster\\old.dll\0\0\\??\\C:\\Muster\\old.dll\0\0\0";
        assert_eq!(
            reason(one).as_deref(),
            Some(r"files that change at the next start (C:\Muster\old.dll is removed)")
        );
        let many = "\\??\\C:\\a\0\0\\??\\C:\\b.new\0!\\??\\C:\\b\0\\??\\C:\\c.new\0\\??\\C:\\c\0\\??\\C:\\d\0\0\\??\\C:\\e";
        assert_eq!(
            reason(many).as_deref(),
            Some(
                r"files that change at the next start (C:\a is removed, C:\b is replaced, C:\c is replaced, 2 more)"
            )
        );
    }

    #[test]
    fn what_goes_from_a_temporary_folder_is_nothing_to_wait_for_and_what_comes_from_one_is() {
        let left = "\\??\\C:\\Users\\ADMINI~1\\AppData\\Local\\Temp\\~nsu1.tmp\\Un.exe\0\0\\??\\C:\\Windows\\TEMP\\x\0\0\0";
        assert_eq!(reason(left), None);
        let file = "\\??\\C:\\Temp\0\0\0";
        assert_eq!(
            reason(file).as_deref(),
            Some(r"files that change at the next start (C:\Temp is removed)")
        );
        let comes = "\\??\\C:\\Windows\\Temp\\a.tmp\0!\\??\\C:\\Program Files\\Sage\\a.dll\0\0";
        assert_eq!(
            reason(comes).as_deref(),
            Some(r"files that change at the next start (C:\Program Files\Sage\a.dll is replaced)")
        );
        let rollback = "\\??\\C:\\Config.Msi\\3ec7bbbf.rbf\0\0\0";
        assert!(
            reason(rollback).is_some(),
            "Windows Installer put a file in use aside: its programs still use the old one"
        );
    }
}

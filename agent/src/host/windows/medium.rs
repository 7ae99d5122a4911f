//! A file that nobody can change while it is looked at and executed.
//!
//! Source: Microsoft, "Creating and Opening Files" (sharing), and `GetFinalPathNameByHandleW`. Neighbours: `crate::os` names
//! these functions for `supervise::medium`, `files` opens scripts with them. Never reads what the file holds.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_NAME_NORMALIZED, FILE_NAME_OPENED, FILE_SHARE_READ, GETFINALPATHNAMEBYHANDLE_FLAGS,
    GetFinalPathNameByHandleW, VOLUME_NAME_DOS,
};

use super::text::narrow;

/// Opens a file such that until it is closed others may read it, and nobody may write, rename or remove it.
///
/// # Errors
/// Where it cannot be read, also where somebody has it open for writing.
pub fn open_unchanging(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).share_mode(FILE_SHARE_READ).open(path)
}

/// The path of this very file, through no link and no junction, as every program takes it.
///
/// # Errors
/// Where Windows does not say it.
pub fn path_of(file: &File) -> io::Result<String> {
    match path_by(file, FILE_NAME_NORMALIZED) {
        // On a share each folder above is asked for its long name, and not each may be listed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => path_by(file, FILE_NAME_OPENED),
        told => told,
    }
}

fn path_by(file: &File, form: GETFINALPATHNAMEBYHANDLE_FLAGS) -> io::Result<String> {
    let mut buffer = vec![0_u16; 512];
    loop {
        let units = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        // SAFETY: the handle is open, and the buffer has the size that is passed.
        let length = unsafe {
            GetFinalPathNameByHandleW(
                file.as_raw_handle(),
                buffer.as_mut_ptr(),
                units,
                form | VOLUME_NAME_DOS,
            )
        } as usize;
        if length == 0 {
            return Err(io::Error::last_os_error());
        }
        // With its zero where the buffer is too small, without it where it is not.
        if length < buffer.len() {
            return Ok(plain(&narrow(&buffer[..length])));
        }
        buffer.resize(length + 1, 0);
    }
}

/// Without the beginning that turns off Windows' own reading of paths: Windows Installer does not take it.
fn plain(path: &str) -> String {
    match path.strip_prefix(r"\\?\UNC\") {
        Some(share) => format!(r"\\{share}"),
        None => path.strip_prefix(r"\\?\").unwrap_or(path).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_held_file_is_read_by_all_and_changed_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("setup.msi"), folder.path().join("other.msi"));
        fs::write(&path, "right").unwrap();
        fs::write(&other, "wrong").unwrap();
        let held = open_unchanging(&path).unwrap();
        let own = path_of(&held).unwrap();
        assert!(own.ends_with(r"\setup.msi") && !own.starts_with(r"\\?\"), "{own}");
        assert_eq!(fs::read_to_string(&own).unwrap(), "right");
        fs::write(&path, "wrong").unwrap_err();
        fs::rename(&other, &path).unwrap_err();
        fs::rename(&path, folder.path().join("away.msi")).unwrap_err();
        fs::remove_file(&path).unwrap_err();
        assert_eq!(fs::read_to_string(&own).unwrap(), "right");
        drop(held);
        fs::rename(&other, &path).unwrap();
    }

    #[test]
    fn a_file_that_somebody_writes_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setup.msi");
        let writer = File::create(&path).unwrap();
        open_unchanging(&path).unwrap_err();
        drop(writer);
        open_unchanging(&path).unwrap();
    }

    #[test]
    fn a_path_is_one_that_windows_installer_takes() {
        assert_eq!(plain(r"\\?\C:\Media\x.msi"), r"C:\Media\x.msi");
        assert_eq!(plain(r"\\?\UNC\nas\media\x.msi"), r"\\nas\media\x.msi");
    }
}

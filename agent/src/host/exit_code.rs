//! What the exit codes of Windows installers mean.
//!
//! Source: Microsoft, "`MsiExec.exe` and `InstMsi.exe` error messages",
//! <https://learn.microsoft.com/en-us/windows/win32/msi/error-codes>. Neighbours: every host answers
//! [`super::Packages::exit_meaning`] with it. Never looks at the server: whether a package is there is observed.

use super::ExitMeaning;

/// `ERROR_SUCCESS`.
pub const SUCCESS: i32 = 0;
/// `ERROR_INSTALL_FAILURE`.
pub const INSTALL_FAILURE: i32 = 1603;
/// `ERROR_UNKNOWN_PRODUCT`.
pub const UNKNOWN_PRODUCT: i32 = 1605;
/// `ERROR_INSTALL_ALREADY_RUNNING`.
pub const INSTALL_ALREADY_RUNNING: i32 = 1618;
/// `ERROR_INSTALL_PACKAGE_OPEN_FAILED`.
pub const PACKAGE_OPEN_FAILED: i32 = 1619;
/// `ERROR_PRODUCT_VERSION`.
pub const PRODUCT_VERSION: i32 = 1638;
/// `ERROR_SUCCESS_REBOOT_INITIATED`.
pub const REBOOT_INITIATED: i32 = 1641;
/// `ERROR_SUCCESS_REBOOT_REQUIRED`.
pub const REBOOT_REQUIRED: i32 = 3010;

/// The meaning of a code, in words that name the code. A negative number is how a process was ended from outside: a
/// Windows status such as `-1073741510`, or the signal on other machines.
pub fn meaning(code: i32) -> ExitMeaning {
    let why = match code {
        SUCCESS => return ExitMeaning::Success,
        REBOOT_REQUIRED => return ExitMeaning::RestartNeeded,
        REBOOT_INITIATED => return ExitMeaning::RestartBegun,
        127 => "the installer could not be started; its log says why",
        1602 => "the installation was cancelled",
        INSTALL_FAILURE => "a fatal error occurred during the installation; its log says more",
        UNKNOWN_PRODUCT => "the product is not installed, so it cannot be taken off",
        1612 => "the installation source is not available",
        INSTALL_ALREADY_RUNNING => "another installation is in progress on this server",
        PACKAGE_OPEN_FAILED => "the installation package could not be opened",
        1625 => "a system policy forbids this installation",
        1627 => "a part of the installation failed; its log says more",
        1633 => "the package is not meant for this type of processor",
        PRODUCT_VERSION => "another version of this product is installed",
        code if code < 0 => "the installer was ended from outside",
        _ => "the code is not one of Windows Installer's; the product's own documents may explain it",
    };
    ExitMeaning::Failure(format!("exit code {code}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_codes_are_success_and_one_wants_a_restart_and_one_has_begun_it() {
        assert_eq!(meaning(0), ExitMeaning::Success);
        assert_eq!(meaning(3010), ExitMeaning::RestartNeeded);
        assert_eq!(meaning(1641), ExitMeaning::RestartBegun);
    }

    #[test]
    fn every_other_code_is_a_failure_that_names_itself() {
        for code in [1, 127, 1602, 1603, 1605, 1618, 1638, -9, -1_073_741_510] {
            let ExitMeaning::Failure(why) = meaning(code) else { panic!("{code} is no success") };
            assert!(why.starts_with(&format!("exit code {code}: ")), "{why}");
        }
    }

    #[test]
    fn each_of_the_failures_that_installers_mostly_end_with_has_a_meaning_of_its_own() {
        for (code, words) in [
            (1602, "exit code 1602: the installation was cancelled"),
            (1603, "exit code 1603: a fatal error occurred during the installation; its log says more"),
            (1605, "exit code 1605: the product is not installed, so it cannot be taken off"),
            (1618, "exit code 1618: another installation is in progress on this server"),
            (1638, "exit code 1638: another version of this product is installed"),
        ] {
            assert_eq!(meaning(code), ExitMeaning::Failure(words.to_owned()));
        }
    }
}

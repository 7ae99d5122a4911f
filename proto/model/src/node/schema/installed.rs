//! What packages bring: packages and services.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, input, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// `package`: installed by an installer, replaced by uninstalling first (G2, G18). A guided one is installed by a person in
/// the vendor's own dialogs, and looked at before and after (G4).
pub(in crate::node) static PACKAGE: KindSpec = KindSpec {
    kind: NodeKind::Package,
    class: NodeClass::Resource,
    effect: Effect::OneShot,
    name_is: "the package's name",
    attributes: &[
        state(
            "version",
            AttributeType::Version,
            false,
            "the version that is installed; required, unless its `state` is absent",
        ),
        input(
            "state",
            AttributeType::OneOf(&["installed", "absent"]),
            false,
            "absent: whatever version is there, whoever installed it, is taken off; installed where it is not said",
        ),
        input(
            "product_code",
            AttributeType::Line,
            false,
            "by what Windows knows it: the product code of Windows Installer, in braces; finds this one version alone",
        ),
        input(
            "upgrade_code",
            AttributeType::Line,
            false,
            "by what Windows knows it: the upgrade code of Windows Installer that all its versions share, in braces",
        ),
        input(
            "display_name",
            AttributeType::Line,
            false,
            "by what Windows knows it: its name in Programs and Features; a * at the end stands for any rest. Without any of \
             the four it is looked for by its own name here, and nobody can say that it is absent",
        ),
        input(
            "service_name",
            AttributeType::Line,
            false,
            "by what Windows knows it: the key name of a service that it makes. Its version is that of the service's program, \
             unless `version_of_file` names another; nothing says what takes it off",
        ),
        input(
            "version_of_file",
            AttributeType::Line,
            false,
            "the absolute path of a file whose version is the package's, where Windows' list has none or a wrong one",
        ),
        input(
            "medium",
            AttributeType::Line,
            false,
            "the absolute path of the .msi or .exe that installs it, on the server or on a share that the server may read",
        ),
        input(
            "medium_sha256",
            AttributeType::Line,
            false,
            "the SHA-256 of that file; another content is refused, and nobody can change it between the look and the start",
        ),
        input(
            "arguments",
            AttributeType::LineList,
            false,
            "what the installer is told, each one element: of an .msi public properties as in 'INSTALLDIR=D:\\XRT', of an .exe \
             its own arguments, which stand in its command line just so, quotes and all",
        ),
        input(
            "response_file",
            AttributeType::Filled,
            false,
            "what a file of answers for the installer holds, secrets among them; it is written for the installer alone and \
             removed after it, and where `arguments` say %RESPONSE_FILE%, its path stands",
        ),
        input(
            "secret_arguments",
            AttributeType::Secrets,
            false,
            "secrets on the installer's command line, where other programs of the server may see them, each by a row of its own: \
             of an .msi a public property as in DBPASSWORD, of an .exe what stands before the value, as in '/PASSWORD='; Muster \
             sets the quotes. Where the installer can read a file, write `response_file` instead",
        ),
        input(
            "uninstall_arguments",
            AttributeType::LineList,
            false,
            "what the program that takes it off is told, as in [/S]; only of a package that Windows Installer did not install",
        ),
        input(
            "time_limit_seconds",
            AttributeType::Integer(1, 86_400),
            false,
            "how long an installer may take before it is reported as unknown; it is never killed",
        ),
        input(
            "restart",
            AttributeType::OneOf(&["required", "ignored"]),
            false,
            "what 3010 means, an installer's word that Windows must start again: required, and what depends on the package is \
             refused until Windows has started again, by a `reboot` of the plan or by a person; ignored, and the run goes on. \
             Required where it is not said",
        ),
        input(
            "install",
            AttributeType::OneOf(&["unattended", "guided"]),
            false,
            "who installs it: Muster, by its installer without dialogs, or a person whom the step guides through them (G4); \
             unattended where it is not said",
        ),
        input(
            "instructions",
            AttributeType::Text,
            false,
            "guided: what to do, in words for the person who does it",
        ),
        input(
            "done_by",
            AttributeType::OneOf(&["operator", "client", "dba"]),
            false,
            "guided: who does it; the operator where it is not said",
        ),
        input("type_these", AttributeType::LineList, false, super::TYPE_THESE),
    ],
};

/// What Muster lets Windows do when a service fails. A program would run unseen, and a restart of the computer is a task that
/// a person approves.
const ON_FAILURE: AttributeType = AttributeType::OneOf(&["restart", "none"]);
const RESTART_DELAY: AttributeType = AttributeType::Integer(0, 86_400);

/// `service`: logs on as an account (G4), is brought to a state and seen to stay there (G13, G15). One that is not there is
/// made where its command line is given, and otherwise by its package alone.
pub(in crate::node) static SERVICE: KindSpec = KindSpec {
    kind: NodeKind::Service,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the service's key name",
    attributes: &[
        state(
            "command_line",
            AttributeType::Line,
            false,
            "what Windows starts, as in '\"C:\\Program Files\\App\\batch.exe\" -service'; with it Muster makes a service that is not there, as LocalSystem and manual unless `account` and `start` say otherwise",
        ),
        state(
            "start",
            AttributeType::OneOf(&["automatic", "automatic_delayed", "manual", "disabled"]),
            false,
            "how Windows starts it; `automatic_delayed` is \"Automatic (Delayed Start)\" of services.msc, and another than `automatic`: \
             where the document says the one and the server has the other, that is a difference",
        ),
        state(
            "account",
            AttributeType::Line,
            false,
            r"the account that it logs on as, as in LocalSystem, 'DOMAIN\name' or '.\name' (G4)",
        ),
        state(
            "password",
            AttributeType::Secret("account"),
            false,
            "a secret: that account's password, set together with it; it cannot be read back (G4)",
        ),
        state(
            "first_failure",
            ON_FAILURE,
            false,
            "what Windows does when it fails for the first time; a program or a restart of the computer that is there from \
             elsewhere is shown as `program` or `reboot`, and Muster sets neither",
        ),
        state(
            "first_failure_delay_seconds",
            RESTART_DELAY,
            false,
            "how long Windows waits before it does that",
        ),
        state("second_failure", ON_FAILURE, false, "what Windows does when it fails for the second time"),
        state(
            "second_failure_delay_seconds",
            RESTART_DELAY,
            false,
            "how long Windows waits before it does that",
        ),
        state("later_failures", ON_FAILURE, false, "what Windows does at every failure after these"),
        state(
            "later_failures_delay_seconds",
            RESTART_DELAY,
            false,
            "how long Windows waits before it does that",
        ),
        state(
            "failures_reset_seconds",
            AttributeType::IntegerOr(0, 31_536_000, "never"),
            false,
            "after how long without a failure the next one counts as the first again",
        ),
        state(
            "failures_include_errors",
            AttributeType::Boolean,
            false,
            "whether it counts as a failure, too, when it stops in good order and says that it ended with an error; otherwise \
             only when its process dies",
        ),
        state("state", AttributeType::OneOf(&["running", "stopped"]), false, "the state to reach and keep"),
        input(
            "settle_seconds",
            AttributeType::Integer(0, 600),
            false,
            "how long it must stay in that state to count",
        ),
        input(
            "time_limit_seconds",
            AttributeType::Integer(1, 3_600),
            false,
            "how long it may take to get there",
        ),
    ],
};

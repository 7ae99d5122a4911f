//! The kind of what must be so before anything runs on a server (G1).
//!
//! Neighbours: `schema` says what each column means; `muster_model::preflight` says which attributes hold for an hour only.

use super::{AttributeType, KindSpec, input};
use crate::node::{Effect, NodeClass, NodeKind};

/// `preflight`: looked at days ahead by `muster preflight`, by every plan, and again right before the first effect on its
/// server. Each attribute is a finding of its own.
pub(in crate::node) static PREFLIGHT: KindSpec = KindSpec {
    kind: NodeKind::Preflight,
    class: NodeClass::Check,
    effect: Effect::Convergent,
    name_is: "a name for the check",
    attributes: &[
        input(
            "windows_at_least",
            AttributeType::Version,
            false,
            "the least version of Windows, as in 10.0.17763 (G1)",
        ),
        input("windows_64bit", AttributeType::Boolean, false, "`true`: Windows is a 64-bit one (G1)"),
        input(
            "iis_at_least",
            AttributeType::Version,
            false,
            "the least version of IIS; where this plan installs it, the one that this Windows brings (G1)",
        ),
        input(
            "net_framework_at_least",
            AttributeType::Version,
            false,
            "the least version of the .NET Framework 4, as in 4.8",
        ),
        input("memory_gib", AttributeType::Integer(1, 65_536), false, "the least memory in GiB"),
        input(
            "free_disk_gib",
            AttributeType::Sizes,
            false,
            "the least free space in GiB, by drive or by a folder on it; looked at where something is installed",
        ),
        input(
            "no_pending_reboot",
            AttributeType::Boolean,
            false,
            "`true`: Windows does not wait for a restart; looked at where something is installed",
        ),
        input(
            "elevated",
            AttributeType::Boolean,
            false,
            "`true`: the agent runs with an administrator's rights, and so do the installers that it starts (G1)",
        ),
        input(
            "local_administrators",
            AttributeType::LineList,
            false,
            "accounts that are members of the local group of administrators (G4)",
        ),
        input(
            "closed_programs",
            AttributeType::LineList,
            false,
            "programs that nobody has open, as in services.msc or XrtConsole.exe; looked at where something is installed (G1)",
        ),
        input(
            "no_sessions",
            AttributeType::Boolean,
            false,
            "`true`: nobody is logged on; looked at where something is installed (G1)",
        ),
        input(
            "free_ports",
            AttributeType::IntegerList(1, 65_535),
            false,
            "TCP ports on which nothing listens but what is this manifest's own (G6)",
        ),
        input(
            "sql_server",
            AttributeType::Line,
            false,
            "the endpoint of a SQL Server that must answer, as in main (G1)",
        ),
        input(
            "sql_at_least",
            AttributeType::Version,
            false,
            "the least version of that SQL Server; 14.0 is 2017 (G1)",
        ),
        input(
            "sql_below",
            AttributeType::Version,
            false,
            "the first version that is too new; 16.0 is 2022 (G1)",
        ),
        input(
            "sql_editions",
            AttributeType::LineList,
            false,
            "the beginnings of its editions' names that do, as in Standard",
        ),
        input(
            "sql_rights",
            AttributeType::LineList,
            false,
            "rights on that server that the agent's login has, as SQL Server names them: CREATE ANY DATABASE",
        ),
        input(
            "take_over",
            AttributeType::LineList,
            false,
            "things that are there already and that Muster may take over although it did not make them, as `kind/name`",
        ),
    ],
};

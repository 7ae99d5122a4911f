//! Promises about what others bring: packages as Windows lists them, and a SQL Server that is not there.
//!
//! Nothing is installed, and no SQL Server is asked for more than whether it answers. Neighbours: `bench` has the engine's steps.

use muster_model::manifest::{Endpoint, Node};
use muster_model::node::NodeKind;
use muster_model::value::Value;

use super::super::bench::{Bench, Broken, Shown};
use super::super::{Promise, own};
use crate::host::{self, Capability, RegistryData};

/// An upgrade code that no package has.
const NOBODYS: &str = "{4D757374-6572-2053-656C-662D74657374}";

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "package.absent",
        promise: "a package that Windows Installer does not know is absent",
        kind: NodeKind::Package,
        needs: &[],
        show: package_absent,
    },
    Promise {
        id: "package.listed",
        promise: "a program is found by its name in Windows' list, with its version, as long as it is listed",
        kind: NodeKind::Package,
        needs: &[Capability::ProgramList],
        show: package_listed,
    },
    Promise {
        id: "package.views",
        promise: "a program of 32 bits is found as well; listed alike in both views it is one, listed differently a finding",
        kind: NodeKind::Package,
        needs: &[Capability::ProgramList, Capability::View32],
        show: package_views,
    },
    Promise {
        id: "sql.nobody",
        promise: "a SQL Server that does not answer is an error, and not one without the database",
        kind: NodeKind::SqlDatabase,
        needs: &[],
        show: sql_nobody,
    },
];

fn package_absent(bench: &Bench<'_>) -> Shown {
    let wanted = [("version", "1.0".into()), ("upgrade_code", NOBODYS.into())];
    bench.differs(&bench.node(NodeKind::Package, own::PROGRAM, &wanted)?, &["version"])
}

/// A program that Windows' list has under that name.
fn program(bench: &Bench<'_>) -> Result<Node, Broken> {
    let wanted: [(&str, Value); 2] =
        [("version", "1.0".into()), ("display_name", "Muster Self-test*".into())];
    bench.node(NodeKind::Package, own::PROGRAM, &wanted)
}

/// What an installer writes into that view of the list.
fn list(bench: &Bench<'_>, view: &str, version: &str) -> Shown {
    for (name, text) in [("DisplayName", "Muster Self-test 1"), ("DisplayVersion", version)] {
        let text = RegistryData::String(text.to_owned());
        bench.host().registry().set(&own::listed(view, name).parse()?, &text)?;
    }
    Ok(())
}

fn package_listed(bench: &Bench<'_>) -> Shown {
    let program = program(bench)?;
    bench.differs(&program, &["version"])?;
    list(bench, "HKLM", "1.0")?;
    bench.in_sync(&program)?;
    list(bench, "HKLM", "0.9")?;
    bench.differs(&program, &["version"])?;
    bench.host().registry().remove(&own::listed("HKLM", "DisplayName").parse()?)?;
    bench.differs(&program, &["version"])
}

fn package_views(bench: &Bench<'_>) -> Shown {
    let program = program(bench)?;
    list(bench, "HKLM32", "1.0")?;
    bench.in_sync(&program)?;
    list(bench, "HKLM", "1.0")?;
    bench.in_sync(&program)?;
    list(bench, "HKLM", "0.9")?;
    match bench.rows(&program) {
        Err(Broken::Promise(problem)) if problem.contains("lists it 2 times") => Ok(()),
        told => Err(Broken::Promise(format!("two versions are listed, and it says: {told:?}"))),
    }
}

fn sql_nobody(bench: &Bench<'_>) -> Shown {
    // Port 1 of this computer: nobody listens there.
    let nobody = Endpoint::new("selftest".parse()?, "127.0.0.1,1".parse()?);
    match bench.host().sql().database(&nobody, "muster-selftest") {
        Err(host::Error::Unreachable { .. }) => Ok(()),
        told => Err(Broken::Promise(format!("nobody answers there, and it says: {told:?}"))),
    }
}

//! Promises about the registry: values of every type, in both views.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use muster_model::node::NodeKind;
use muster_model::value::Value;

use super::super::bench::{Bench, Broken, Shown, same};
use super::super::{Promise, own};
use crate::host::{Capability, RegistryData};

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "registry.types",
        promise: "each type is set and seen again, unexpanded, and the neighbour stays",
        kind: NodeKind::RegistryValue,
        needs: &[],
        show: registry_types,
    },
    Promise {
        id: "registry.views",
        promise: "a value in one view is not in the other, and goes alone",
        kind: NodeKind::RegistryValue,
        needs: &[Capability::View32],
        show: registry_views,
    },
];

fn registry_types(bench: &Bench<'_>) -> Shown {
    let name = own::value("HKLM", "Value");
    let neighbour =
        bench.node(NodeKind::RegistryValue, &own::value("HKLM", "Neighbour"), &[("dword", 7.into())])?;
    bench.bring(&neighbour)?;
    let values: [(&str, Value); 5] = [
        ("string", "text".into()),
        ("expand_string", "%SystemRoot%\\a".into()),
        ("multi_string", Value::List(vec!["a".into(), "b".into()])),
        ("dword", i64::from(u32::MAX).into()),
        ("qword", i64::MAX.into()),
    ];
    for (ty, value) in values {
        bench.bring(&bench.node(NodeKind::RegistryValue, &name, &[(ty, value)])?)?;
        bench.in_sync(&neighbour)?;
    }
    Ok(())
}

fn registry_views(bench: &Bench<'_>) -> Shown {
    let [first, second] = ["HKLM", "HKLM32"].map(|view| own::value(view, "Value"));
    for (name, number) in [(&first, 1_i64), (&second, 2)] {
        bench.bring(&bench.node(NodeKind::RegistryValue, name, &[("dword", number.into())])?)?;
    }
    let read = |name: &str| -> Result<_, Broken> { Ok(bench.host().registry().get(&name.parse()?)?) };
    same("the value for programs of 64 bits", &read(&first)?, &Some(RegistryData::Dword(1)))?;
    bench.take_away(&bench.node(NodeKind::RegistryValue, &second, &[])?)?;
    same("the value that was taken away", &read(&second)?, &None)?;
    same("the value in the other view", &read(&first)?, &Some(RegistryData::Dword(1)))
}

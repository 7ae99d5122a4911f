//! Promises about files and folders, and the rights on them.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use muster_model::node::NodeKind;

use super::super::Promise;
use super::super::bench::{Bench, Shown, absent, refused, same, there};
use super::members;
use crate::host::{Access, Capability};

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "file.absent",
        promise: "a file that is not there is absent, and giving a right on it is an error",
        kind: NodeKind::File,
        needs: &[],
        show: file_absent,
    },
    Promise {
        id: "file.content",
        promise: "a file is made, changed and taken away, byte for byte",
        kind: NodeKind::File,
        needs: &[],
        show: file_content,
    },
    Promise {
        id: "file.rights",
        promise: "an account's right is given and taken, and another account's stays, when the content changes too",
        kind: NodeKind::File,
        needs: &[Capability::Rights],
        show: file_rights,
    },
    Promise {
        id: "folder.full",
        promise: "a folder is made with those above it, and not taken away while anything lies in it",
        kind: NodeKind::Folder,
        needs: &[],
        show: folder_full,
    },
    Promise {
        id: "folder.rights",
        promise: "an account's right on a folder is given and taken, and another account's stays",
        kind: NodeKind::Folder,
        needs: &[Capability::Rights],
        show: folder_rights,
    },
];

fn file_content(bench: &Bench<'_>) -> Shown {
    let path = bench.path("text.ini")?;
    bench.host().folders().create(&bench.path("")?)?;
    for text in ["[a]\r\nname=\u{e9}\r\n", "other\n"] {
        let node = bench.node(NodeKind::File, &path, &[("content", text.into())])?;
        bench.bring(&node)?;
        let seen = there("the file", bench.host().files().get(&path)?)?;
        same("its content", &seen.content, &text.as_bytes().to_vec())?;
    }
    bench.take_away(&bench.node(NodeKind::File, &path, &[])?)?;
    same("the file", &bench.host().files().get(&path)?.is_some(), &false)
}

fn file_rights(bench: &Bench<'_>) -> Shown {
    let (host, path) = (bench.host(), bench.path("text.ini")?);
    host.folders().create(&bench.path("")?)?;
    host.files().write(&path, b"one")?;
    host.files().grant(&path, r"BUILTIN\Guests", Access::Read)?;
    let given = [("content", "two".into()), ("rights", members(&[(r"BUILTIN\Users", "modify")]))];
    bench.bring(&bench.node(NodeKind::File, &path, &given)?)?;
    bench.bring(&bench.node(NodeKind::File, &path, &[("content", "three".into())])?)?;
    let rights = there("the file", host.files().get(&path)?)?.rights;
    same("who has a right", &rights, &vec![(r"BUILTIN\Guests".to_owned(), Access::Read)])
}

fn folder_full(bench: &Bench<'_>) -> Shown {
    let (host, deep) = (bench.host(), bench.path(r"new\deep")?);
    let node = bench.node(NodeKind::Folder, &deep, &[])?;
    bench.bring(&node)?;
    let inside = bench.path(r"new\deep\left.txt")?;
    host.files().write(&inside, b"of somebody else")?;
    refused("taking a full folder away", host.folders().remove(&deep), "error 145")?;
    host.files().remove(&inside)?;
    bench.take_away(&node)?;
    same("the folder", &host.folders().get(&deep)?, &None)
}

fn file_absent(bench: &Bench<'_>) -> Shown {
    let path = bench.path("text.ini")?;
    same("the file", &bench.host().files().get(&path)?, &None)?;
    absent("giving a right", bench.host().files().grant(&path, r"BUILTIN\Users", Access::Read))
}

fn folder_rights(bench: &Bench<'_>) -> Shown {
    let (host, path) = (bench.host(), bench.path("new")?);
    host.folders().create(&path)?;
    host.folders().grant(&path, r"BUILTIN\Guests", Access::Read)?;
    let given = [("rights", members(&[(r"BUILTIN\Users", "modify")]))];
    bench.bring(&bench.node(NodeKind::Folder, &path, &given)?)?;
    let mut rights = there("the folder", host.folders().get(&path)?)?.rights;
    rights.sort_by(|(one, _), (other, _)| one.cmp(other));
    let wanted = [(r"BUILTIN\Guests", Access::Read), (r"BUILTIN\Users", Access::Modify)];
    same("who has a right", &rights, &wanted.map(|(account, access)| (account.to_owned(), access)).to_vec())?;
    bench.bring(&bench.node(NodeKind::Folder, &path, &[])?)?;
    let rights = there("the folder", host.folders().get(&path)?)?.rights;
    same("who has a right", &rights, &vec![(r"BUILTIN\Guests".to_owned(), Access::Read)])
}

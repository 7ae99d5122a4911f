//! Promises about certificates, the rights on their keys, and the records of HTTP.SYS that name them.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use muster_model::node::NodeKind;

use super::super::bench::{Bench, Shown, absent, ensure, same, there};
use super::super::{Promise, own};
use super::{iis, members};
use crate::host::{Capability, IIS_APP_ID, KeyAccess, SslRecord};

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "certificate.seen",
        promise: "a certificate with its key is found by name and by thumbprint, as long as it is there",
        kind: NodeKind::Certificate,
        needs: &[],
        show: certificate_seen,
    },
    Promise {
        id: "key.rights",
        promise: "an account's right on a key is given and taken, and another account's stays",
        kind: NodeKind::PrivateKeyAccess,
        needs: &[Capability::KeyRights],
        show: key_rights,
    },
    Promise {
        id: "record.own",
        promise: "a record of HTTP.SYS is IIS's, names its certificate, and is gone when it is taken away",
        kind: NodeKind::IisBinding,
        needs: &[Capability::Iis],
        show: record_own,
    },
    Promise {
        id: "binding.certificate",
        promise: "a binding answers with its certificate, by a record that goes with it",
        kind: NodeKind::IisBinding,
        needs: &[Capability::Iis],
        show: binding_certificate,
    },
];

/// A thumbprint that no certificate has.
const NOBODY: &str = "0000000000000000000000000000000000000000";

fn certificate_seen(bench: &Bench<'_>) -> Shown {
    let (host, store) = (bench.host(), bench.host().certificates());
    let subject = format!("CN={}", own::CERTIFICATE);
    let before = store.all()?;
    absent("looking at its key", store.key_rights(NOBODY))?;
    let thumbprint = host.make_certificate(own::CERTIFICATE)?;
    let seen = store.all()?.into_iter().find(|found| found.subject == subject);
    let seen = there("the certificate", seen)?;
    same("its thumbprint", &seen.thumbprint, &thumbprint)?;
    ensure(seen.has_key && seen.not_after > host.clock().now(), || format!("{seen:?} cannot be used"))?;
    bench.in_sync(&bench.node(NodeKind::Certificate, own::CERTIFICATE, &[])?)?;
    host.remove_certificates(own::CERTIFICATE)?;
    same("the store", &store.all()?, &before)
}

fn key_rights(bench: &Bench<'_>) -> Shown {
    let store = bench.host().certificates();
    let thumbprint = bench.host().make_certificate(own::CERTIFICATE)?;
    store.grant_key(&thumbprint, r"BUILTIN\Guests", KeyAccess::Read)?;
    let before = store.key_rights(&thumbprint)?;
    let given = [("rights", members(&[(r"BUILTIN\Users", "read")]))];
    bench.bring(&bench.node(NodeKind::PrivateKeyAccess, own::CERTIFICATE, &given)?)?;
    same("how many have a right", &store.key_rights(&thumbprint)?.len(), &(before.len() + 1))?;
    bench.bring(&bench.node(NodeKind::PrivateKeyAccess, own::CERTIFICATE, &[])?)?;
    same("who has a right", &store.key_rights(&thumbprint)?, &before)
}

fn record_own(bench: &Bench<'_>) -> Shown {
    let records = bench.host().http_sys();
    same("the record", &records.record(own::RECORD)?, &None)?;
    let thumbprint = bench.host().make_certificate(own::CERTIFICATE)?;
    records.set_record(own::RECORD, &thumbprint)?;
    let seen = there("the record", records.record(own::RECORD)?)?;
    same("its certificate", &seen.thumbprint.to_uppercase(), &thumbprint)?;
    same("whose it is", &seen.app_id.to_lowercase(), &IIS_APP_ID.to_owned())?;
    records.remove_record(own::RECORD)?;
    same("the record", &records.record(own::RECORD)?, &None)
}

fn binding_certificate(bench: &Bench<'_>) -> Shown {
    iis::make_site(bench)?;
    let thumbprint = bench.host().make_certificate(own::CERTIFICATE)?;
    let wanted = [("sni", true.into()), ("certificate", own::CERTIFICATE.into())];
    let node = bench.node(NodeKind::IisBinding, &format!("{}/{}", own::SITE, own::HTTPS), &wanted)?;
    bench.bring(&node)?;
    let seen: Option<SslRecord> = bench.host().http_sys().record(own::RECORD)?;
    same("its certificate", &there("the record", seen)?.thumbprint.to_uppercase(), &thumbprint)?;
    bench.take_away(&node)?;
    same("the record", &bench.host().http_sys().record(own::RECORD)?, &None)
}

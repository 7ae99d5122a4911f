//! Promises about certificates, the rights on their keys, and the records of HTTP.SYS that name them.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use muster_model::node::NodeKind;
use muster_model::value::Value;

use super::super::bench::{Bench, Broken, Shown, absent, ensure, same, there};
use super::super::{Promise, own, throwaway};
use super::{iis, members};
use crate::host::{self, Capability, IIS_APP_ID, KeyAccess, SslRecord};

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "certificate.seen",
        promise: "a certificate with its key is found by name and by thumbprint, as long as it is there",
        kind: NodeKind::Certificate,
        needs: &[],
        show: certificate_seen,
    },
    Promise {
        id: "certificate.imported",
        promise: "a PFX with a password is imported once, with its key, and by no other password",
        kind: NodeKind::Certificate,
        needs: &[],
        show: certificate_imported,
    },
    Promise {
        id: "certificate.locked",
        promise: "a PFX that opens with another password, or with one at all, says that it is the password",
        kind: NodeKind::Certificate,
        needs: &[Capability::LockedPfx],
        show: certificate_locked,
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

/// Lays the PFX file, and gives its path.
fn lay_pfx(bench: &Bench<'_>) -> Result<String, Broken> {
    let (host, path) = (bench.host(), bench.path(own::PFX)?);
    host.folders().create(&bench.path("")?)?;
    host.files().write(&path, &host.pfx()?)?;
    Ok(path)
}

fn certificate_imported(bench: &Bench<'_>) -> Shown {
    let (host, store, path) = (bench.host(), bench.host().certificates(), lay_pfx(bench)?);
    let before = store.all()?;
    for wrong in [None, Some(throwaway::value("another"))] {
        let told = store.import(&path, wrong.as_ref());
        ensure(told.is_err(), || "a password that is not the file's opens it".to_owned())?;
        same("the store", &store.all()?, &before)?;
    }
    let password = Value::Secret(throwaway::reference()?);
    let wanted = [("pfx", path.as_str().into()), ("pfx_password", password)];
    let node = bench.node(NodeKind::Certificate, throwaway::NAME, &wanted)?;
    bench.differs(&node, &["exists", "pfx_password"])?;
    bench.bring(&node)?;
    let after = store.all()?;
    same("how many there are", &after.len(), &(before.len() + 1))?;
    let seen = there("it", after.iter().find(|found| found.thumbprint == throwaway::THUMBPRINT))?;
    same("its subject", &seen.subject, &format!("CN={}", throwaway::NAME))?;
    ensure(seen.has_key, || format!("{seen:?} has no key"))?;
    bench.in_sync(&bench.node(NodeKind::Certificate, throwaway::THUMBPRINT, &[])?)?;
    bench.bring(&node)?;
    same("the store", &store.all()?, &after)?;
    host.remove_imported()?;
    same("the store", &store.all()?, &before)
}

fn certificate_locked(bench: &Bench<'_>) -> Shown {
    let path = lay_pfx(bench)?;
    for wrong in [None, Some(throwaway::value("another"))] {
        match bench.host().certificates().import(&path, wrong.as_ref()) {
            Err(host::Error::Locked { is_given, .. }) => {
                same("whether one was given", &is_given, &wrong.is_some())?
            }
            Err(error) => return Err(Broken::Promise(format!("it says: {error}"))),
            Ok(()) => return Err(Broken::Promise("it was imported".to_owned())),
        }
    }
    Ok(())
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

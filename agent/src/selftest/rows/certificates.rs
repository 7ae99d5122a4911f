//! Promises about certificates, the rights on their keys, and the records of HTTP.SYS that name them.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use muster_model::certificate::{CertificateName, CertificateStore, Which};
use muster_model::node::NodeKind;
use muster_model::value::Value;

use super::super::bench::{Bench, Broken, Shown, absent, ensure, refused, same, there};
use super::super::{Promise, own, throwaway};
use super::{iis, members};
use crate::host::{self, Capability, IIS_APP_ID, KeyAccess, KeyKind, KeyOf, SELFTEST_APP_ID, SslRecord};

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
        id: "certificate.public",
        promise: "a certificate without a key comes from its file into the store that is named, as long as it is the one that is meant, and into no other",
        kind: NodeKind::Certificate,
        needs: &[],
        show: certificate_public,
    },
    Promise {
        id: "key.rights",
        promise: "an account's right on a key is given and taken, and another account's stays",
        kind: NodeKind::PrivateKeyAccess,
        needs: &[Capability::KeyRights],
        show: key_rights,
    },
    Promise {
        id: "key.pool",
        promise: "the identity of a pool, whether the pool is there or not, may read a key of CNG, and is found again by its computed identifier",
        kind: NodeKind::PrivateKeyAccess,
        needs: &[Capability::KeyRights],
        show: key_pool,
    },
    Promise {
        id: "record.own",
        promise: "a record of HTTP.SYS is IIS's, names its certificate, and is gone when it is taken away",
        kind: NodeKind::IisBinding,
        needs: &[Capability::Iis],
        show: record_own,
    },
    Promise {
        id: "record.foreign",
        promise: "a record of HTTP.SYS that another program made is neither changed nor taken away",
        kind: NodeKind::IisBinding,
        needs: &[Capability::Iis],
        show: record_foreign,
    },
    Promise {
        id: "binding.certificate",
        promise: "a binding answers with its certificate, by a record that goes with it",
        kind: NodeKind::IisBinding,
        needs: &[Capability::Iis],
        show: binding_certificate,
    },
];

const MY: CertificateStore = CertificateStore::My;
/// A thumbprint that no certificate has.
const NOBODY: &str = "0000000000000000000000000000000000000000";

fn certificate_seen(bench: &Bench<'_>) -> Shown {
    let (host, store) = (bench.host(), bench.host().certificates());
    let subject = format!("CN={}", own::CERTIFICATE);
    let before = store.all(MY)?;
    absent("looking at its key", store.key_rights(key(NOBODY)))?;
    let thumbprint = host.make_certificate(own::CERTIFICATE, KeyKind::Capi)?;
    let seen = store.all(MY)?.into_iter().find(|found| found.subject == subject);
    let seen = there("the certificate", seen)?;
    same("its thumbprint", &seen.thumbprint, &thumbprint)?;
    ensure(seen.has_key && seen.is_valid(host.clock().now()), || format!("{seen:?} cannot be used"))?;
    bench.in_sync(&bench.node(NodeKind::Certificate, own::CERTIFICATE, &[])?)?;
    host.remove_certificates(own::CERTIFICATE)?;
    same("the store", &store.all(MY)?, &before)
}

fn key(thumbprint: &str) -> KeyOf<'_> {
    KeyOf { store: MY, thumbprint }
}

/// The certificate that is imported, by its thumbprint.
fn imported() -> CertificateName {
    CertificateName { store: MY, which: Which::Thumbprint(throwaway::THUMBPRINT.to_owned()) }
}

/// Lays the PFX file, and gives its path.
fn lay_pfx(bench: &Bench<'_>) -> Result<String, Broken> {
    lay(bench, own::PFX, &bench.host().pfx()?)
}

fn lay(bench: &Bench<'_>, name: &str, content: &[u8]) -> Result<String, Broken> {
    let (host, path) = (bench.host(), bench.path(name)?);
    host.folders().create(&bench.path("")?)?;
    host.files().write(&path, content)?;
    Ok(path)
}

fn certificate_imported(bench: &Bench<'_>) -> Shown {
    let (host, store, path) = (bench.host(), bench.host().certificates(), lay_pfx(bench)?);
    let before = store.all(MY)?;
    for wrong in [None, Some(throwaway::value("another"))] {
        let told = store.import(&imported(), &path, wrong.as_ref());
        ensure(told.is_err(), || "a password that is not the file's opens it".to_owned())?;
        same("the store", &store.all(MY)?, &before)?;
    }
    let password = Value::Secret(throwaway::reference()?);
    let wanted = [("pfx", path.as_str().into()), ("pfx_password", password)];
    let node = bench.node(NodeKind::Certificate, throwaway::NAME, &wanted)?;
    bench.differs(&node, &["exists", "pfx_password"])?;
    bench.bring(&node)?;
    let after = store.all(MY)?;
    same("how many there are", &after.len(), &(before.len() + 1))?;
    let seen = there("it", after.iter().find(|found| found.thumbprint == throwaway::THUMBPRINT))?;
    same("its subject", &seen.subject, &format!("CN={}", throwaway::NAME))?;
    ensure(seen.has_key, || format!("{seen:?} has no key"))?;
    bench.in_sync(&bench.node(NodeKind::Certificate, throwaway::THUMBPRINT, &[])?)?;
    bench.bring(&node)?;
    let password = throwaway::value(throwaway::PASSWORD);
    for meant in [imported(), CertificateName { store: MY, which: Which::CommonName("another".to_owned()) }] {
        let told = store.import(&meant, &path, Some(&password));
        ensure(told.is_err(), || format!("{meant:?} is imported a second time, or is not what is in it"))?;
    }
    same("the store", &store.all(MY)?, &after)?;
    host.remove_imported()?;
    same("the store", &store.all(MY)?, &before)
}

fn certificate_locked(bench: &Bench<'_>) -> Shown {
    let path = lay_pfx(bench)?;
    for wrong in [None, Some(throwaway::value("another"))] {
        match bench.host().certificates().import(&imported(), &path, wrong.as_ref()) {
            Err(host::Error::Locked { is_given, .. }) => {
                same("whether one was given", &is_given, &wrong.is_some())?
            }
            Err(error) => return Err(Broken::Promise(format!("it says: {error}"))),
            Ok(()) => return Err(Broken::Promise("it was imported".to_owned())),
        }
    }
    Ok(())
}

/// Among those of intermediate authorities, where nobody trusts one for lying there.
fn certificate_public(bench: &Bench<'_>) -> Shown {
    let (host, store) = (bench.host(), bench.host().certificates());
    let path = lay(bench, own::CER, &host.cer()?)?;
    let ca = CertificateStore::Ca;
    let before = CertificateStore::ALL.map(|one| store.all(one));
    let other = CertificateName { store: ca, which: Which::CommonName("another".to_owned()) };
    ensure(store.add(&other, &path).is_err(), || "another certificate than was meant is added".to_owned())?;
    let wanted = [("cer", path.as_str().into())];
    let node = bench.node(NodeKind::Certificate, &format!("ca/{}", throwaway::NAME), &wanted)?;
    bench.differs(&node, &["exists"])?;
    bench.bring(&node)?;
    let seen = store.all(ca)?.into_iter().find(|found| found.thumbprint == throwaway::THUMBPRINT);
    let seen = there("it", seen)?;
    same("its subject", &seen.subject, &format!("CN={}", throwaway::NAME))?;
    ensure(!seen.has_key, || format!("{seen:?} has a key"))?;
    bench.in_sync(&bench.node(NodeKind::Certificate, &format!("ca/{}", throwaway::THUMBPRINT), &[])?)?;
    let elsewhere = CertificateStore::ALL.into_iter().zip(&before).filter(|(one, _)| *one != ca);
    for (one, before) in elsewhere {
        same(one.title(), &store.all(one), before)?;
    }
    ensure(store.add(&CertificateName { store: ca, ..imported() }, &path).is_err(), || {
        "it is added a second time".to_owned()
    })?;
    host.remove_imported()?;
    same("the stores", &CertificateStore::ALL.map(|one| store.all(one)), &before)
}

fn key_rights(bench: &Bench<'_>) -> Shown {
    let store = bench.host().certificates();
    let thumbprint = bench.host().make_certificate(own::CERTIFICATE, KeyKind::Capi)?;
    store.grant_key(key(&thumbprint), r"BUILTIN\Guests", KeyAccess::Read)?;
    let before = store.key_rights(key(&thumbprint))?;
    let given = [("rights", members(&[(r"BUILTIN\Users", "read")]))];
    bench.bring(&bench.node(NodeKind::PrivateKeyAccess, own::CERTIFICATE, &given)?)?;
    same("how many have a right", &store.key_rights(key(&thumbprint))?.len(), &(before.len() + 1))?;
    bench.bring(&bench.node(NodeKind::PrivateKeyAccess, own::CERTIFICATE, &[])?)?;
    same("who has a right", &store.key_rights(key(&thumbprint))?, &before)
}

fn key_pool(bench: &Bench<'_>) -> Shown {
    let (host, store) = (bench.host(), bench.host().certificates());
    let thumbprint = host.make_certificate(own::CERTIFICATE, KeyKind::Cng)?;
    let before = store.key_rights(key(&thumbprint))?;
    let [pool, other] = own::POOLS.map(|pool| format!(r"IIS APPPOOL\{pool}"));
    let held = |account: &str| -> Result<Vec<KeyAccess>, Broken> {
        let all = store.key_rights(key(&thumbprint))?.into_iter();
        let its = all.filter(|(holder, _)| host.files().is_same_account(account, holder));
        Ok(its.map(|(_, access)| access).collect())
    };
    let read = [("rights", members(&[(&pool, "read")]))];
    bench.bring(&bench.node(NodeKind::PrivateKeyAccess, own::CERTIFICATE, &read)?)?;
    same("what the pool may", &held(&pool)?, &vec![KeyAccess::Read])?;
    same("what another pool may", &held(&other)?, &Vec::new())?;
    // As IIS has it once the pool is there, whatever the case.
    same("what the pool may", &held(&pool.to_uppercase())?, &vec![KeyAccess::Read])?;
    let full = [("rights", members(&[(&pool, "full")]))];
    let node = bench.node(NodeKind::PrivateKeyAccess, own::CERTIFICATE, &full)?;
    bench.differs(&node, &[&format!("rights[{pool}]")])?;
    bench.bring(&node)?;
    same("what the pool may", &held(&pool)?, &vec![KeyAccess::Full])?;
    bench.bring(&bench.node(NodeKind::PrivateKeyAccess, own::CERTIFICATE, &[])?)?;
    same("who has a right", &store.key_rights(key(&thumbprint))?, &before)
}

fn record_own(bench: &Bench<'_>) -> Shown {
    let records = bench.host().http_sys();
    same("the record", &records.record(own::RECORD)?, &None)?;
    let thumbprint = bench.host().make_certificate(own::CERTIFICATE, KeyKind::Capi)?;
    records.set_record(own::RECORD, key(&thumbprint))?;
    let seen = there("the record", records.record(own::RECORD)?)?;
    same("its certificate", &seen.thumbprint.to_uppercase(), &thumbprint)?;
    same("its store", &seen.store, &Some(MY))?;
    same("whose it is", &seen.app_id.to_lowercase(), &IIS_APP_ID.to_owned())?;
    records.remove_record(own::RECORD)?;
    same("the record", &records.record(own::RECORD)?, &None)
}

fn record_foreign(bench: &Bench<'_>) -> Shown {
    let (host, records) = (bench.host(), bench.host().http_sys());
    let thumbprint = host.make_certificate(own::CERTIFICATE, KeyKind::Capi)?;
    host.make_foreign_record(own::RECORD, &thumbprint)?;
    let before = records.record(own::RECORD)?;
    let whose = there("the record", before.clone())?.app_id.to_lowercase();
    same("whose it is", &whose, &SELFTEST_APP_ID.to_owned())?;
    let another = "another program";
    refused("setting it", records.set_record(own::RECORD, key(&thumbprint)), another)?;
    refused("taking it away", records.remove_record(own::RECORD), another)?;
    same("the record", &records.record(own::RECORD)?, &before)
}

fn binding_certificate(bench: &Bench<'_>) -> Shown {
    iis::make_site(bench)?;
    let thumbprint = bench.host().make_certificate(own::CERTIFICATE, KeyKind::Capi)?;
    let wanted = [("sni", true.into()), ("certificate", own::CERTIFICATE.into())];
    let node = bench.node(NodeKind::IisBinding, &format!("{}/{}", own::SITE, own::HTTPS), &wanted)?;
    bench.bring(&node)?;
    let seen: Option<SslRecord> = bench.host().http_sys().record(own::RECORD)?;
    same("its certificate", &there("the record", seen)?.thumbprint.to_uppercase(), &thumbprint)?;
    bench.take_away(&node)?;
    same("the record", &bench.host().http_sys().record(own::RECORD)?, &None)
}

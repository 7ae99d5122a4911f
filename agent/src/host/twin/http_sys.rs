//! The records of HTTP.SYS on a twin.
//!
//! Neighbours: `certificates` has the store; as on Windows, a record wants a certificate that is there with its key.

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{SslEntry, find};
use super::{Twin, refused};
use crate::host::{Error, HttpSys, KeyOf, SslRecord};

impl HttpSys for Twin {
    fn record(&self, endpoint: &str) -> Result<Option<SslRecord>, Error> {
        self.operate(Operation::HttpSysGet, endpoint, |section, _| {
            let entry = find(&section.state().http_sys, endpoint).cloned();
            let told = |SslEntry { certificate, store, app_id }| SslRecord {
                thumbprint: certificate,
                store: Some(store),
                app_id,
            };
            Ok(entry.map(told))
        })
    }

    fn set_record(&self, endpoint: &str, certificate: KeyOf<'_>) -> Result<(), Error> {
        self.operate(Operation::HttpSysSet, endpoint, |section, _| {
            let KeyOf { store, thumbprint } = certificate;
            let key = store.name_of(thumbprint);
            if !find(&section.state().certificates, &key).is_some_and(|found| found.has_key) {
                let message = "error 0x80070520: the certificate has no key in the machine's store";
                return Err(refused(Operation::HttpSysSet, endpoint, message));
            }
            section.commit(Deed::altered("http_sys", endpoint, "certificate", &key), |state| {
                state.http_sys.insert(endpoint.to_owned(), SslEntry::new(thumbprint, store));
            })?;
            Ok(())
        })
    }

    fn remove_record(&self, endpoint: &str) -> Result<(), Error> {
        self.operate(Operation::HttpSysRemove, endpoint, |section, _| {
            section.commit(Deed::altered("http_sys", endpoint, "exists", "absent"), |state| {
                state.http_sys.retain(|own, _| !own.eq_ignore_ascii_case(endpoint));
            })?;
            Ok(())
        })
    }
}

//! The records of HTTP.SYS on a twin.
//!
//! Neighbours: `certificates` has the store; as on Windows, a record wants a certificate that is there with its key.

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{SslEntry, find};
use super::{Twin, refused};
use crate::host::{Error, HttpSys, IIS_APP_ID, SslRecord};

impl HttpSys for Twin {
    fn record(&self, endpoint: &str) -> Result<Option<SslRecord>, Error> {
        self.operate(Operation::HttpSysGet, endpoint, |section, _| {
            let entry = find(&section.state().http_sys, endpoint).cloned();
            Ok(entry.map(|SslEntry { certificate, app_id }| SslRecord { thumbprint: certificate, app_id }))
        })
    }

    fn set_record(&self, endpoint: &str, thumbprint: &str) -> Result<(), Error> {
        self.operate(Operation::HttpSysSet, endpoint, |section, _| {
            if !find(&section.state().certificates, thumbprint).is_some_and(|found| found.has_key) {
                let message = "error 0x80070520: the certificate has no key in the machine's store";
                return Err(refused(Operation::HttpSysSet, endpoint, message));
            }
            section.commit(Deed::altered("http_sys", endpoint, "certificate", thumbprint), |state| {
                let entry = SslEntry { certificate: thumbprint.to_owned(), app_id: IIS_APP_ID.to_owned() };
                state.http_sys.insert(endpoint.to_owned(), entry);
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

//! The records of HTTP.SYS on a twin.
//!
//! Neighbours: `certificates` has the store; as on Windows, a record wants a certificate that is there with its key.

use std::net::SocketAddr;

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{SslEntry, find};
use super::store::Section;
use super::{Twin, refused};
use crate::host::{Error, HttpSys, IIS_APP_ID, KeyOf, SslRecord};

fn told(entry: &SslEntry) -> SslRecord {
    let SslEntry { certificate, store, app_id } = entry.clone();
    SslRecord { thumbprint: certificate, store: Some(store), app_id }
}

/// As on Windows: what is another program's is neither changed nor taken away.
fn must_be_iis(section: &Section<'_>, operation: Operation, endpoint: &str) -> Result<(), Error> {
    match find(&section.state().http_sys, endpoint) {
        Some(SslEntry { app_id, .. }) if app_id != IIS_APP_ID => {
            let message = format!("the record belongs to another program, {app_id}");
            Err(refused(operation, endpoint, message))
        }
        _ => Ok(()),
    }
}

impl HttpSys for Twin {
    fn record(&self, endpoint: &str) -> Result<Option<SslRecord>, Error> {
        self.operate(Operation::HttpSysGet, endpoint, |section, _| {
            Ok(find(&section.state().http_sys, endpoint).map(told))
        })
    }

    fn records_at(&self, port: u16) -> Result<Vec<(SocketAddr, SslRecord)>, Error> {
        self.operate(Operation::HttpSysGet, &format!("*:{port}"), |section, _| {
            let all = section.state().http_sys.iter();
            let by_address = all.filter_map(|(endpoint, entry)| Some((endpoint.parse().ok()?, told(entry))));
            Ok(by_address.filter(|(address, _): &(SocketAddr, _)| address.port() == port).collect())
        })
    }

    fn set_record(&self, endpoint: &str, certificate: KeyOf<'_>) -> Result<(), Error> {
        self.operate(Operation::HttpSysSet, endpoint, |section, _| {
            must_be_iis(section, Operation::HttpSysSet, endpoint)?;
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
            must_be_iis(section, Operation::HttpSysRemove, endpoint)?;
            section.commit(Deed::altered("http_sys", endpoint, "exists", "absent"), |state| {
                state.http_sys.retain(|own, _| !own.eq_ignore_ascii_case(endpoint));
            })?;
            Ok(())
        })
    }
}

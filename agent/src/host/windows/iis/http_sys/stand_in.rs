//! A record of HTTP.SYS of another program than IIS, for a self-test.
//!
//! Neighbours: the file above has the calls, `props` asks. Never touches a record that is not the self-test's own.

use muster_model::certificate::CertificateStore;
use windows_sys::Win32::Networking::HttpServer::HTTP_SERVICE_CONFIG_SSL_PARAM;
use windows_sys::core::GUID;

use super::super::super::text::wide;
use super::super::turn::Turn;
use super::{Api, Error, REMOVE, SET, digest};
use crate::host::SELFTEST_APP_ID;

/// [`SELFTEST_APP_ID`].
const SELFTEST: GUID = GUID::from_u128(0x6d757374_6572_4000_8000_73656c667465);

/// Makes one where there is none; the certificate lies in the computer's own store.
pub(in super::super::super) fn make(endpoint: &str, thumbprint: &str) -> Result<(), Error> {
    let _turn = Turn::take()?;
    let api = Api::open(SET, endpoint)?;
    let mut hash =
        digest(thumbprint).ok_or_else(|| api.refused(format!("{thumbprint:?} is no thumbprint")))?;
    let mut store = wide(CertificateStore::My.windows_name());
    api.set(&HTTP_SERVICE_CONFIG_SSL_PARAM {
        AppId: SELFTEST,
        SslHashLength: 20,
        pSslHash: hash.as_mut_ptr().cast(),
        pSslCertStoreName: store.as_mut_ptr(),
        ..HTTP_SERVICE_CONFIG_SSL_PARAM::default()
    })
}

/// Takes away what [`make`] made.
pub(in super::super::super) fn remove(endpoint: &str) -> Result<(), Error> {
    let _turn = Turn::take()?;
    let api = Api::open(REMOVE, endpoint)?;
    match api.query()? {
        Some(record) if record.facts().app_id == SELFTEST_APP_ID => api.remove(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::story::Story;
    use super::super::braced;
    use super::*;
    use crate::host::{HttpSys as _, IIS_APP_ID};

    const THUMBPRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

    #[test]
    #[ignore = "needs the HTTP.SYS that tests/windows/run installs"]
    fn a_record_of_the_self_test_is_its_own_and_no_other_goes_with_it() {
        assert_eq!(braced(&SELFTEST), SELFTEST_APP_ID);
        let (story, endpoint) = (Story::begin(), "0.0.0.0:1025");
        let foreign = format!("{endpoint} {THUMBPRINT} {IIS_APP_ID} MY 0\n");
        story.records(&foreign);
        remove(endpoint).unwrap();
        assert_eq!(story.records_now(), foreign);
        story.records("");
        make(endpoint, THUMBPRINT).unwrap();
        let record = story.host().record(endpoint).unwrap().unwrap();
        assert_eq!((record.thumbprint.as_str(), record.app_id.as_str()), (THUMBPRINT, SELFTEST_APP_ID));
        remove(endpoint).unwrap();
        assert_eq!(story.records_now(), "");
    }
}

//! The records of HTTP.SYS: which certificate answers at an address and port, or for a host name and port.
//!
//! Neighbours: `endpoint` turns their names into what Windows wants, `turn` is held while one is changed. Only IIS's records are
//! ever changed or removed; what a record says beside its certificate stays. Windows replaces a record by removing and setting
//! it: where the second fails, the old one is put back.

pub(in super::super) mod stand_in;

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ptr;
use std::slice;

use muster_model::certificate::CertificateStore;
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_INSUFFICIENT_BUFFER, ERROR_NO_MORE_ITEMS, ERROR_NO_SUCH_LOGON_SESSION,
    ERROR_SUCCESS,
};
use windows_sys::Win32::Networking::HttpServer::{
    HTTP_INITIALIZE_CONFIG, HTTP_SERVICE_CONFIG_SSL_PARAM, HTTP_SERVICE_CONFIG_SSL_SET,
    HTTP_SERVICE_CONFIG_SSL_SNI_SET, HTTPAPI_VERSION, HttpDeleteServiceConfiguration, HttpInitialize,
    HttpQueryServiceConfiguration, HttpSetServiceConfiguration, HttpTerminate,
};
use windows_sys::core::GUID;

use super::super::WindowsHost;
use super::super::process::size_of_u32;
use super::super::text::{error_text, narrow_at, wide};
use super::endpoint::{self, Endpoint, Question};
use super::turn::Turn;
use crate::host::{Error, HttpSys, IIS_APP_ID, KeyOf, SslRecord};

const IIS: GUID = GUID::from_u128(0x4dc3e181_e14b_4a21_b022_59fc669b0914);
const LOOK: &str = "look at HTTP.SYS record";
const SET: &str = "set HTTP.SYS record";
const REMOVE: &str = "remove HTTP.SYS record";

impl HttpSys for WindowsHost {
    fn record(&self, endpoint: &str) -> Result<Option<SslRecord>, Error> {
        let api = Api::open(LOOK, endpoint)?;
        Ok(api.query()?.map(|record| record.facts()))
    }

    fn records_at(&self, port: u16) -> Result<Vec<(SocketAddr, SslRecord)>, Error> {
        let any = format!("0.0.0.0:{port}");
        let api = Api::open(LOOK, &any)?;
        let mut found = Vec::new();
        for number in 0.. {
            let Some(record) = api.read(&api.endpoint.nth(number))? else { break };
            found.extend(record.address.filter(|at| at.port() == port).map(|at| (at, record.facts())));
        }
        Ok(found)
    }

    fn set_record(&self, endpoint: &str, certificate: KeyOf<'_>) -> Result<(), Error> {
        let thumbprint = certificate.thumbprint;
        let _turn = Turn::take()?;
        let api = Api::open(SET, endpoint)?;
        let mut hash =
            digest(thumbprint).ok_or_else(|| api.refused(format!("{thumbprint:?} is no thumbprint")))?;
        let mut store = wide(certificate.store.windows_name());
        let mut wanted =
            HTTP_SERVICE_CONFIG_SSL_PARAM { AppId: IIS, ..HTTP_SERVICE_CONFIG_SSL_PARAM::default() };
        let old = api.query()?;
        if let Some(old) = &old {
            api.must_be_iis(old)?;
            wanted = old.param;
        }
        (wanted.pSslHash, wanted.SslHashLength) = (hash.as_mut_ptr().cast(), 20);
        // Where the old certificate lay is no choice of anybody's: HTTP.SYS looks for the new one nowhere else.
        wanted.pSslCertStoreName = store.as_mut_ptr();
        let Some(old) = old else { return api.set(&wanted) };
        let facts = old.facts();
        if facts.thumbprint.eq_ignore_ascii_case(thumbprint) && facts.store == Some(certificate.store) {
            return Ok(());
        }
        api.remove()?;
        api.set(&wanted).map_err(|error| match api.set(&old.param) {
            Ok(()) => error,
            Err(again) => api
                .refused(format!("{error}; and the certificate that answered before is lost there: {again}")),
        })
    }

    fn remove_record(&self, endpoint: &str) -> Result<(), Error> {
        let _turn = Turn::take()?;
        let api = Api::open(REMOVE, endpoint)?;
        match api.query()? {
            Some(record) => {
                api.must_be_iis(&record)?;
                api.remove()
            }
            None => Ok(()),
        }
    }
}

/// The twenty bytes of a thumbprint.
fn digest(thumbprint: &str) -> Option<Vec<u8>> {
    let bytes = thumbprint.as_bytes();
    let pairs = bytes.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    (bytes.len() == 40).then(|| pairs.collect()).flatten()
}

/// A record, and the memory in which Windows wrote it.
struct Record {
    param: HTTP_SERVICE_CONFIG_SSL_PARAM,
    /// Where it stands; none for one of a host name.
    address: Option<SocketAddr>,
    _memory: Vec<MaybeUninit<HTTP_SERVICE_CONFIG_SSL_SNI_SET>>,
}

impl Record {
    fn facts(&self) -> SslRecord {
        let length = self.param.SslHashLength as usize;
        let bytes = if self.param.pSslHash.is_null() {
            &[]
        } else {
            // SAFETY: the digest lies in the memory of this record, and is as long as the record says.
            unsafe { slice::from_raw_parts(self.param.pSslHash.cast::<u8>(), length) }
        };
        let thumbprint = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        // Without a name it is Personal.
        let name = if self.param.pSslCertStoreName.is_null() {
            CertificateStore::My.windows_name().to_owned()
        } else {
            // SAFETY: the name lies in the memory of this record, and ends with a zero.
            unsafe { narrow_at(self.param.pSslCertStoreName) }
        };
        let store = CertificateStore::of_windows(&name);
        SslRecord { thumbprint, store, app_id: braced(&self.param.AppId) }
    }
}

/// An identifier as Windows shows it.
fn braced(id: &GUID) -> String {
    let GUID { data1, data2, data3, data4 } = id;
    let [a, b, c, d, e, f, g, h] = data4;
    format!(
        "{{{data1:08x}-{data2:04x}-{data3:04x}-{a:02x}{b:02x}-{c:02x}{d:02x}{e:02x}{f:02x}{g:02x}{h:02x}}}"
    )
}

/// The part of HTTP.SYS that keeps records, opened for one endpoint.
struct Api<'name> {
    endpoint: Endpoint,
    operation: &'static str,
    name: &'name str,
}

impl<'name> Api<'name> {
    fn open(operation: &'static str, name: &'name str) -> Result<Self, Error> {
        let refused = |message: String| Error::Refused { operation, name: name.to_owned(), message };
        let endpoint = Endpoint::read(name)
            .ok_or_else(|| refused("it is no ADDRESS:PORT and no HOST:PORT".to_owned()))?;
        let version = HTTPAPI_VERSION { HttpApiMajorVersion: 1, HttpApiMinorVersion: 0 };
        // SAFETY: nothing is reserved; each success is paired with one end.
        let told = unsafe { HttpInitialize(version, HTTP_INITIALIZE_CONFIG, ptr::null_mut()) };
        if told != ERROR_SUCCESS {
            return Err(Error::Unreachable { what: "HTTP.SYS", message: words(told) });
        }
        Ok(Self { endpoint, operation, name })
    }

    fn refused(&self, message: impl Into<String>) -> Error {
        Error::Refused { operation: self.operation, name: self.name.to_owned(), message: message.into() }
    }

    fn told(&self, code: u32) -> Result<(), Error> {
        match code {
            ERROR_SUCCESS => Ok(()),
            ERROR_NO_SUCH_LOGON_SESSION => Err(self.refused(format!(
                "{}; the certificate is not in that store, or has no key in the machine's key store: import it there with its key",
                words(code)
            ))),
            _ => Err(self.refused(words(code))),
        }
    }

    fn must_be_iis(&self, record: &Record) -> Result<(), Error> {
        let app_id = record.facts().app_id;
        if app_id == IIS_APP_ID {
            return Ok(());
        }
        Err(self.refused(format!("the record belongs to another program, {app_id}")))
    }

    fn query(&self) -> Result<Option<Record>, Error> {
        self.read(&self.endpoint.question())
    }

    fn read(&self, question: &Question) -> Result<Option<Record>, Error> {
        let mut needed = 0;
        match self.ask(question, &mut [], &mut needed) {
            ERROR_FILE_NOT_FOUND | ERROR_NO_MORE_ITEMS => return Ok(None),
            ERROR_INSUFFICIENT_BUFFER => {}
            code => return self.told(code).map(|()| None),
        }
        let unit = size_of::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>();
        let mut memory = vec![MaybeUninit::zeroed(); (needed as usize).div_ceil(unit).max(1)];
        self.told(self.ask(question, &mut memory, &mut needed))?;
        let (param, address) = if self.endpoint.is_host() {
            // SAFETY: the call above wrote such a record at the beginning, and nothing else owns the memory.
            (unsafe { memory[0].assume_init_ref() }.ParamDesc, None)
        } else {
            let record = memory.as_ptr().cast::<HTTP_SERVICE_CONFIG_SSL_SET>();
            // SAFETY: as above; the memory is aligned for the larger of the two.
            let record = unsafe { record.read() };
            // SAFETY: its address lies in the same memory.
            (record.ParamDesc, unsafe { endpoint::address_at(record.KeyDesc.pIpPort) })
        };
        Ok(Some(Record { param, address, _memory: memory }))
    }

    fn ask(
        &self,
        question: &Question,
        memory: &mut [MaybeUninit<HTTP_SERVICE_CONFIG_SSL_SNI_SET>],
        needed: &mut u32,
    ) -> u32 {
        let (input, input_length) = question.bytes();
        let output = if memory.is_empty() { ptr::null_mut() } else { memory.as_mut_ptr().cast::<c_void>() };
        let length = u32::try_from(size_of_val(memory)).unwrap_or(u32::MAX);
        // SAFETY: question and memory are alive and as long as is said.
        unsafe {
            HttpQueryServiceConfiguration(
                ptr::null_mut(),
                self.endpoint.kind(),
                input,
                input_length,
                output,
                length,
                needed,
                ptr::null(),
            )
        }
    }

    fn set(&self, param: &HTTP_SERVICE_CONFIG_SSL_PARAM) -> Result<(), Error> {
        self.told(self.with_record(param, |record, length| {
            // SAFETY: the record is alive and as long as is said.
            unsafe {
                HttpSetServiceConfiguration(
                    ptr::null_mut(),
                    self.endpoint.kind(),
                    record,
                    length,
                    ptr::null(),
                )
            }
        }))
    }

    fn remove(&self) -> Result<(), Error> {
        let nothing = HTTP_SERVICE_CONFIG_SSL_PARAM::default();
        self.told(self.with_record(&nothing, |record, length| {
            // SAFETY: the record is alive and as long as is said; only its key is looked at.
            unsafe {
                HttpDeleteServiceConfiguration(
                    ptr::null_mut(),
                    self.endpoint.kind(),
                    record,
                    length,
                    ptr::null(),
                )
            }
        }))
    }

    /// Lends a record of this endpoint with these parameters.
    fn with_record(
        &self,
        param: &HTTP_SERVICE_CONFIG_SSL_PARAM,
        call: impl FnOnce(*const c_void, u32) -> u32,
    ) -> u32 {
        if self.endpoint.is_host() {
            let record =
                HTTP_SERVICE_CONFIG_SSL_SNI_SET { KeyDesc: self.endpoint.host_key(), ParamDesc: *param };
            call(ptr::from_ref(&record).cast(), size_of_u32::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>())
        } else {
            let record =
                HTTP_SERVICE_CONFIG_SSL_SET { KeyDesc: self.endpoint.address_key(), ParamDesc: *param };
            call(ptr::from_ref(&record).cast(), size_of_u32::<HTTP_SERVICE_CONFIG_SSL_SET>())
        }
    }
}

impl Drop for Api<'_> {
    fn drop(&mut self) {
        // SAFETY: it was opened once for this value.
        let told = unsafe { HttpTerminate(HTTP_INITIALIZE_CONFIG, ptr::null_mut()) };
        debug_assert!(told == ERROR_SUCCESS, "HTTP.SYS was not closed: {told}");
    }
}

fn words(code: u32) -> String {
    error_text(&io::Error::from_raw_os_error(code.cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;

    const FIRST: &str = "0123456789ABCDEF0123456789ABCDEF01234567";
    const SECOND: &str = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";

    const MY: CertificateStore = CertificateStore::My;

    fn iis(thumbprint: &str) -> Option<SslRecord> {
        in_store(thumbprint, Some(MY))
    }

    fn in_store(thumbprint: &str, store: Option<CertificateStore>) -> Option<SslRecord> {
        Some(SslRecord { thumbprint: thumbprint.to_owned(), store, app_id: IIS_APP_ID.to_owned() })
    }

    fn own(thumbprint: &str) -> KeyOf<'_> {
        KeyOf { store: MY, thumbprint }
    }

    #[test]
    fn a_thumbprint_is_forty_digits() {
        assert_eq!(digest(FIRST).unwrap().len(), 20);
        for text in ["", "01", &FIRST[1..], "0123456789ABCDEF0123456789ABCDEF0123456G"] {
            assert_eq!(digest(text), None, "{text}");
        }
        assert_eq!(braced(&IIS), IIS_APP_ID);
    }

    #[test]
    #[ignore = "needs the HTTP.SYS that tests/windows/run installs"]
    fn records_come_change_and_go_by_address_and_by_host() {
        let story = Story::begin();
        let host = story.host();
        for endpoint in ["0.0.0.0:1025", "10.1.2.3:1025", "[::1]:1025", "sxa.dupont.example:1025"] {
            assert_eq!(host.record(endpoint).unwrap(), None);
            host.set_record(endpoint, own(FIRST)).unwrap();
            assert_eq!(host.record(endpoint).unwrap(), iis(FIRST), "{endpoint}");
        }
        for endpoint in ["0.0.0.0:1025", "sxa.dupont.example:1025"] {
            host.set_record(endpoint, own(SECOND)).unwrap();
            host.set_record(endpoint, own(SECOND)).unwrap();
            assert_eq!(host.record(endpoint).unwrap(), iis(SECOND));
        }
        assert_eq!(host.record("10.1.2.3:1025").unwrap(), iis(FIRST), "its neighbour is left");
        host.remove_record("0.0.0.0:1025").unwrap();
        host.remove_record("0.0.0.0:1025").unwrap();
        assert_eq!(host.record("0.0.0.0:1025").unwrap(), None);
        assert_eq!(host.record("sxa.dupont.example:1025").unwrap(), iis(SECOND));
        assert!(host.record("1025").is_err());
    }

    /// What else a record says is somebody's choice, as in `netsh http add sslcert ... clientcertnegotiation=enable`.
    #[test]
    #[ignore = "needs the HTTP.SYS that tests/windows/run installs"]
    fn a_new_certificate_changes_nothing_else_of_a_record() {
        let story = Story::begin();
        let host = story.host();
        story.records(&format!("0.0.0.0:1025 {FIRST} {IIS_APP_ID} MY 2\n"));
        host.set_record("0.0.0.0:1025", own(SECOND)).unwrap();
        assert_eq!(story.records_now(), format!("0.0.0.0:1025 {SECOND} {IIS_APP_ID} MY 2\n"));
    }

    #[test]
    #[ignore = "needs the HTTP.SYS that tests/windows/run installs"]
    fn the_records_of_a_port_are_those_at_an_address_each_with_its_own() {
        let story = Story::begin();
        let host = story.host();
        assert_eq!(host.records_at(1025).unwrap(), []);
        let other = "{00000000-0000-0000-0000-0000000000aa}";
        story.records(&format!(
            "0.0.0.0:1025 {FIRST} {IIS_APP_ID} MY 0\n\
             sxa.dupont.example:1025 {FIRST} {IIS_APP_ID} MY 0\n\
             10.1.2.3:1026 {FIRST} {IIS_APP_ID} MY 0\n\
             10.1.2.3:1025 {SECOND} {other} MY 0\n\
             [fe80::1:2]:1025 {SECOND} {IIS_APP_ID} WebHosting 0\n"
        ));
        let at = |text: &str, record: Option<SslRecord>| (text.parse().unwrap(), record.unwrap());
        let foreign = SslRecord { app_id: other.to_owned(), ..iis(SECOND).unwrap() };
        let wanted = [
            at("0.0.0.0:1025", iis(FIRST)),
            at("10.1.2.3:1025", Some(foreign)),
            at("[fe80::1:2]:1025", in_store(SECOND, Some(CertificateStore::WebHosting))),
        ];
        assert_eq!(host.records_at(1025).unwrap(), wanted);
    }

    /// A certificate is looked for in the store that the record names, and nowhere else.
    #[test]
    #[ignore = "needs the HTTP.SYS that tests/windows/run installs"]
    fn a_record_names_the_store_of_its_certificate_and_follows_it() {
        let story = Story::begin();
        let host = story.host();
        let hosting = KeyOf { store: CertificateStore::WebHosting, thumbprint: FIRST };
        story.records(&format!("0.0.0.0:1025 {FIRST} {IIS_APP_ID} WebHosting 2\n"));
        assert_eq!(host.record("0.0.0.0:1025").unwrap(), in_store(FIRST, Some(CertificateStore::WebHosting)));
        // The same certificate in another store is not where HTTP.SYS looks for it.
        host.set_record("0.0.0.0:1025", own(FIRST)).unwrap();
        assert_eq!(story.records_now(), format!("0.0.0.0:1025 {FIRST} {IIS_APP_ID} MY 2\n"));
        host.set_record("0.0.0.0:1025", hosting).unwrap();
        assert_eq!(story.records_now(), format!("0.0.0.0:1025 {FIRST} {IIS_APP_ID} WebHosting 2\n"));
        host.set_record("0.0.0.0:1025", own(SECOND)).unwrap();
        assert_eq!(host.record("0.0.0.0:1025").unwrap(), iis(SECOND));
        story.records(&format!("0.0.0.0:1025 {FIRST} {IIS_APP_ID} Remote 2\n"));
        assert_eq!(host.record("0.0.0.0:1025").unwrap(), in_store(FIRST, None));
    }

    #[test]
    #[ignore = "needs the HTTP.SYS that tests/windows/run installs"]
    fn another_program_s_record_is_neither_changed_nor_removed() {
        let story = Story::begin();
        let host = story.host();
        let lines = format!("0.0.0.0:1025 {FIRST} {{00000000-0000-0000-0000-0000000000aa}} MY 0\n");
        story.records(&lines);
        for told in [host.set_record("0.0.0.0:1025", own(SECOND)), host.remove_record("0.0.0.0:1025")] {
            let told = told.unwrap_err().to_string();
            assert!(told.contains("another program, {00000000-0000-0000-0000-0000000000aa}"), "{told}");
        }
        assert_eq!(story.records_now(), lines);
    }

    #[test]
    #[ignore = "needs the HTTP.SYS that tests/windows/run installs"]
    fn a_certificate_without_a_key_leaves_the_record_as_it_was() {
        let story = Story::begin();
        let host = story.host();
        host.set_record("0.0.0.0:1025", own(FIRST)).unwrap();
        story.without_key(&format!("{SECOND}\n"));
        let told = host.set_record("0.0.0.0:1025", own(SECOND)).unwrap_err().to_string();
        assert!(told.contains("error 1312: ") && told.contains("the machine's key store"), "{told}");
        assert_eq!(host.record("0.0.0.0:1025").unwrap(), iis(FIRST));
    }
}

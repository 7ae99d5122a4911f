//! What `httpapi.dll` exports, as far as the agent calls it: queries for exactly one record, or for the next one by address, set,
//! delete.
//!
//! Neighbours: `records` keeps them. Any other kind of configuration answers that it is not supported.

#![expect(unsafe_code, reason = "programs call with pointers")]

use std::ffi::c_void;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use windows_core::PCWSTR;
use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_NO_MORE_ITEMS, ERROR_NOT_SUPPORTED, HANDLE,
};
use windows_sys::Win32::Networking::HttpServer::{
    HTTP_SERVICE_CONFIG_ID, HTTP_SERVICE_CONFIG_SSL_KEY, HTTP_SERVICE_CONFIG_SSL_PARAM,
    HTTP_SERVICE_CONFIG_SSL_QUERY, HTTP_SERVICE_CONFIG_SSL_SET, HTTP_SERVICE_CONFIG_SSL_SNI_QUERY,
    HTTP_SERVICE_CONFIG_SSL_SNI_SET, HTTPAPI_VERSION, HttpServiceConfigQueryNext,
    HttpServiceConfigSSLCertInfo, HttpServiceConfigSslSniCertInfo,
};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, IN_ADDR, IN_ADDR_0, IN6_ADDR, IN6_ADDR_0, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6,
    SOCKADDR_STORAGE,
};
use windows_sys::core::GUID;

use crate::records::{Record, Records};

const FOLDER: &str = r"C:\windows\system32\inetsrv\story";

fn records() -> Records {
    Records::new(FOLDER)
}

fn code(told: Result<(), u32>) -> u32 {
    told.err().unwrap_or(0)
}

#[unsafe(no_mangle)]
extern "system" fn HttpInitialize(_version: HTTPAPI_VERSION, _flags: u32, _reserved: *mut c_void) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "system" fn HttpTerminate(_flags: u32, _reserved: *mut c_void) -> u32 {
    0
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn HttpQueryServiceConfiguration(
    _handle: HANDLE,
    kind: HTTP_SERVICE_CONFIG_ID,
    input: *const c_void,
    _input_length: u32,
    output: *mut c_void,
    output_length: u32,
    needed: *mut u32,
    _overlapped: *const c_void,
) -> u32 {
    #[expect(non_upper_case_globals, reason = "Windows' own names")]
    let found = match kind {
        HttpServiceConfigSSLCertInfo => {
            // SAFETY: the caller asks with a structure of this kind.
            let query = unsafe { input.cast::<HTTP_SERVICE_CONFIG_SSL_QUERY>().read() };
            if query.QueryDesc == HttpServiceConfigQueryNext {
                records().at(query.dwToken).ok_or(ERROR_NO_MORE_ITEMS)
            } else {
                // SAFETY: its key points to an address.
                exactly(unsafe { address(query.KeyDesc.pIpPort) })
            }
        }
        HttpServiceConfigSslSniCertInfo => {
            // SAFETY: the caller asks with a structure of this kind.
            let query = unsafe { input.cast::<HTTP_SERVICE_CONFIG_SSL_SNI_QUERY>().read() };
            // SAFETY: its host name ends with a zero.
            exactly(unsafe { host(&query.KeyDesc.IpPort, query.KeyDesc.Host) })
        }
        _ => return ERROR_NOT_SUPPORTED,
    };
    let (endpoint, record) = match found {
        Ok(found) => found,
        Err(code) => return code,
    };
    let (hash, store) = (bytes(&record.thumbprint), wide(&record.store));
    // The structure, its address, then what else it points to.
    let head = size_of::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>();
    let key = size_of::<SOCKADDR_STORAGE>();
    let whole = head + key + store.len() * 2 + hash.len();
    let told_length = u32::try_from(whole).unwrap_or(u32::MAX);
    if !needed.is_null() {
        // SAFETY: the caller gives a place for it.
        unsafe { needed.write(told_length) };
    }
    if output.is_null() || output_length < told_length {
        return ERROR_INSUFFICIENT_BUFFER;
    }
    let start = output.cast::<u8>();
    // SAFETY: the output is as long as was asked for.
    let key_at = unsafe { start.add(head) };
    // SAFETY: as above.
    let store_at = unsafe { key_at.add(key) };
    // SAFETY: as above.
    let hash_at = unsafe { store_at.add(store.len() * 2) };
    // SAFETY: as above.
    unsafe { store_at.copy_from_nonoverlapping(store.as_ptr().cast(), store.len() * 2) };
    // SAFETY: as above.
    unsafe { hash_at.copy_from_nonoverlapping(hash.as_ptr(), hash.len()) };
    let param = HTTP_SERVICE_CONFIG_SSL_PARAM {
        SslHashLength: u32::try_from(hash.len()).unwrap_or(0),
        pSslHash: hash_at.cast(),
        AppId: read_guid(&record.app_id),
        pSslCertStoreName: store_at.cast(),
        DefaultFlags: record.flags,
        ..HTTP_SERVICE_CONFIG_SSL_PARAM::default()
    };
    if kind == HttpServiceConfigSslSniCertInfo {
        let set = HTTP_SERVICE_CONFIG_SSL_SNI_SET { ParamDesc: param, ..Default::default() };
        // SAFETY: the output begins with room for it, and is aligned by its caller.
        unsafe { output.cast::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>().write_unaligned(set) };
    } else {
        // SAFETY: the output has room for an address there.
        unsafe { write_address(&endpoint, key_at) };
        let key = HTTP_SERVICE_CONFIG_SSL_KEY { pIpPort: key_at.cast() };
        let set = HTTP_SERVICE_CONFIG_SSL_SET { KeyDesc: key, ParamDesc: param };
        // SAFETY: as above.
        unsafe { output.cast::<HTTP_SERVICE_CONFIG_SSL_SET>().write_unaligned(set) };
    }
    0
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn HttpSetServiceConfiguration(
    _handle: HANDLE,
    kind: HTTP_SERVICE_CONFIG_ID,
    input: *const c_void,
    _length: u32,
    _overlapped: *const c_void,
) -> u32 {
    // SAFETY: the caller passes a structure of that kind.
    let Some((endpoint, param)) = (unsafe { set(kind, input) }) else { return ERROR_NOT_SUPPORTED };
    // SAFETY: the digest is as long as the caller says.
    let hash =
        unsafe { std::slice::from_raw_parts(param.pSslHash.cast::<u8>(), param.SslHashLength as usize) };
    let record = Record {
        thumbprint: hash.iter().map(|byte| format!("{byte:02X}")).collect(),
        app_id: write_guid(&param.AppId),
        // SAFETY: the name is null or ends with a zero.
        store: unsafe { narrow(param.pSslCertStoreName) },
        flags: param.DefaultFlags,
    };
    code(records().set(&endpoint, record))
}

/// # Safety
/// As Windows' own.
#[unsafe(no_mangle)]
unsafe extern "system" fn HttpDeleteServiceConfiguration(
    _handle: HANDLE,
    kind: HTTP_SERVICE_CONFIG_ID,
    input: *const c_void,
    _length: u32,
    _overlapped: *const c_void,
) -> u32 {
    // SAFETY: the caller passes a structure of that kind.
    let Some((endpoint, _)) = (unsafe { set(kind, input) }) else { return ERROR_NOT_SUPPORTED };
    code(records().remove(&endpoint))
}

fn exactly(endpoint: String) -> Result<(String, Record), u32> {
    records().get(&endpoint).map(|record| (endpoint, record))
}

/// # Safety
/// There is room for a `SOCKADDR_STORAGE`.
unsafe fn write_address(endpoint: &str, at: *mut u8) {
    match endpoint.parse() {
        Ok(SocketAddr::V4(four)) => {
            let (address, port) = (u32::from(*four.ip()).to_be(), four.port().to_be());
            let in_addr = IN_ADDR { S_un: IN_ADDR_0 { S_addr: address } };
            let four =
                SOCKADDR_IN { sin_family: AF_INET, sin_port: port, sin_addr: in_addr, ..Default::default() };
            // SAFETY: there is room for it, as the caller says.
            unsafe { at.cast::<SOCKADDR_IN>().write_unaligned(four) };
        }
        Ok(SocketAddr::V6(six)) => {
            let in_addr = IN6_ADDR { u: IN6_ADDR_0 { Byte: six.ip().octets() } };
            let six = SOCKADDR_IN6 {
                sin6_family: AF_INET6,
                sin6_port: six.port().to_be(),
                sin6_addr: in_addr,
                ..Default::default()
            };
            // SAFETY: as above.
            unsafe { at.cast::<SOCKADDR_IN6>().write_unaligned(six) };
        }
        // A record of a host name has none.
        Err(_) => {}
    }
}

/// Endpoint and parameters of a record that is passed.
///
/// # Safety
/// `input` points to a structure of that kind.
unsafe fn set(
    kind: HTTP_SERVICE_CONFIG_ID,
    input: *const c_void,
) -> Option<(String, HTTP_SERVICE_CONFIG_SSL_PARAM)> {
    if kind == HttpServiceConfigSSLCertInfo {
        // SAFETY: it is one, as the caller says.
        let set = unsafe { input.cast::<HTTP_SERVICE_CONFIG_SSL_SET>().read() };
        // SAFETY: its key points to an address.
        return Some((unsafe { address(set.KeyDesc.pIpPort) }, set.ParamDesc));
    }
    if kind == HttpServiceConfigSslSniCertInfo {
        // SAFETY: it is one, as the caller says.
        let set = unsafe { input.cast::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>().read() };
        // SAFETY: its host name ends with a zero.
        return Some((unsafe { host(&set.KeyDesc.IpPort, set.KeyDesc.Host) }, set.ParamDesc));
    }
    None
}

/// As in `0.0.0.0:443` and `[::1]:443`.
///
/// # Safety
/// `address` points to an address of the family that it names.
unsafe fn address(address: *const SOCKADDR) -> String {
    // SAFETY: every address has a family.
    match unsafe { (*address).sa_family } {
        AF_INET => {
            // SAFETY: it is of this family.
            let four = unsafe { address.cast::<SOCKADDR_IN>().read_unaligned() };
            // SAFETY: every part of the union is four bytes.
            let ip = Ipv4Addr::from(u32::from_be(unsafe { four.sin_addr.S_un.S_addr }));
            format!("{ip}:{}", u16::from_be(four.sin_port))
        }
        AF_INET6 => {
            // SAFETY: it is of this family.
            let six = unsafe { address.cast::<SOCKADDR_IN6>().read_unaligned() };
            // SAFETY: every part of the union is sixteen bytes.
            let ip = Ipv6Addr::from(unsafe { six.sin6_addr.u.Byte });
            format!("[{ip}]:{}", u16::from_be(six.sin6_port))
        }
        other => format!("family-{other}:0"),
    }
}

/// As in `sxa.dupont.example:443`.
///
/// # Safety
/// `name` ends with a zero.
unsafe fn host(port: &SOCKADDR_STORAGE, name: *const u16) -> String {
    // SAFETY: a storage begins with an address.
    let any = unsafe { address(std::ptr::from_ref(port).cast()) };
    // SAFETY: it ends with a zero, as the caller says.
    let name = unsafe { narrow(name) };
    format!("{name}:{}", any.rsplit(':').next().unwrap_or_default())
}

/// # Safety
/// `text` is null or ends with a zero.
unsafe fn narrow(text: *const u16) -> String {
    let text = PCWSTR(text);
    // SAFETY: it is not null, so that it ends with a zero.
    if text.is_null() { String::new() } else { String::from_utf16_lossy(unsafe { text.as_wide() }) }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn bytes(thumbprint: &str) -> Vec<u8> {
    let pairs = thumbprint.as_bytes().chunks(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn read_guid(text: &str) -> GUID {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    GUID::from_u128(u128::from_str_radix(&digits, 16).unwrap_or(0))
}

fn write_guid(id: &GUID) -> String {
    let GUID { data1, data2, data3, data4 } = id;
    let rest: String = data4.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{{data1:08x}-{data2:04x}-{data3:04x}-{}-{}}}", &rest[..4], &rest[4..])
}

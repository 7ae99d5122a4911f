//! Where a record of HTTP.SYS stands: an address and port, or a host name and port, as Windows keeps it.
//!
//! Neighbours: `http_sys` asks by it. An endpoint is named as `muster_model::binding` names it.

use std::ffi::c_void;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ptr;

use windows_sys::Win32::Networking::HttpServer::{
    HTTP_SERVICE_CONFIG_ID, HTTP_SERVICE_CONFIG_SSL_KEY, HTTP_SERVICE_CONFIG_SSL_QUERY,
    HTTP_SERVICE_CONFIG_SSL_SNI_KEY, HTTP_SERVICE_CONFIG_SSL_SNI_QUERY, HttpServiceConfigQueryExact,
    HttpServiceConfigQueryNext, HttpServiceConfigSSLCertInfo, HttpServiceConfigSslSniCertInfo,
};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_STORAGE,
};

use super::super::process::size_of_u32;
use super::super::text::wide;

/// The key of a record; what it lends points into it.
pub(super) struct Endpoint {
    address: SOCKADDR_STORAGE,
    /// The host name, for a record of SNI.
    host: Option<Vec<u16>>,
}

/// A question for one record.
pub(super) enum Question {
    Address(HTTP_SERVICE_CONFIG_SSL_QUERY),
    Host(HTTP_SERVICE_CONFIG_SSL_SNI_QUERY),
}

impl Question {
    pub(super) fn bytes(&self) -> (*const c_void, u32) {
        match self {
            Self::Address(query) => {
                (ptr::from_ref(query).cast(), size_of_u32::<HTTP_SERVICE_CONFIG_SSL_QUERY>())
            }
            Self::Host(query) => {
                (ptr::from_ref(query).cast(), size_of_u32::<HTTP_SERVICE_CONFIG_SSL_SNI_QUERY>())
            }
        }
    }
}

impl Endpoint {
    /// `0.0.0.0:443`, `[::1]:443` or `sxa.dupont.example:443`.
    pub(super) fn read(name: &str) -> Option<Self> {
        if let Ok(address) = name.parse() {
            return Some(Self { address: storage(address), host: None });
        }
        let (host, port) =
            name.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(':'))?;
        let any = SocketAddr::from(([0, 0, 0, 0], port.parse().ok()?));
        Some(Self { address: storage(any), host: Some(wide(host)) })
    }

    pub(super) fn is_host(&self) -> bool {
        self.host.is_some()
    }

    pub(super) fn kind(&self) -> HTTP_SERVICE_CONFIG_ID {
        if self.is_host() { HttpServiceConfigSslSniCertInfo } else { HttpServiceConfigSSLCertInfo }
    }

    /// It lends this endpoint's address, which Windows only reads.
    pub(super) fn address_key(&self) -> HTTP_SERVICE_CONFIG_SSL_KEY {
        HTTP_SERVICE_CONFIG_SSL_KEY { pIpPort: ptr::from_ref(&self.address).cast_mut().cast() }
    }

    /// It lends this endpoint's host name, which Windows only reads.
    pub(super) fn host_key(&self) -> HTTP_SERVICE_CONFIG_SSL_SNI_KEY {
        let host = self.host.as_ref().map_or(ptr::null(), |host| host.as_ptr());
        HTTP_SERVICE_CONFIG_SSL_SNI_KEY { IpPort: self.address, Host: host.cast_mut() }
    }

    /// The record of that number of those at an address, whichever it is.
    pub(super) fn nth(&self, number: u32) -> Question {
        Question::Address(HTTP_SERVICE_CONFIG_SSL_QUERY {
            QueryDesc: HttpServiceConfigQueryNext,
            KeyDesc: self.address_key(),
            dwToken: number,
        })
    }

    pub(super) fn question(&self) -> Question {
        let exact = HttpServiceConfigQueryExact;
        if self.is_host() {
            Question::Host(HTTP_SERVICE_CONFIG_SSL_SNI_QUERY {
                QueryDesc: exact,
                KeyDesc: self.host_key(),
                dwToken: 0,
            })
        } else {
            Question::Address(HTTP_SERVICE_CONFIG_SSL_QUERY {
                QueryDesc: exact,
                KeyDesc: self.address_key(),
                dwToken: 0,
            })
        }
    }
}

/// The address that lies there; none of another family than those of IP.
///
/// # Safety
/// `at` is null, or points to an address of the family that it names.
pub(super) unsafe fn address_at(at: *const SOCKADDR) -> Option<SocketAddr> {
    if at.is_null() {
        return None;
    }
    // SAFETY: every address begins with its family.
    match unsafe { (*at).sa_family } {
        AF_INET => {
            // SAFETY: it is one of this family, as the caller says.
            let four = unsafe { at.cast::<SOCKADDR_IN>().read_unaligned() };
            // SAFETY: each part of the union is the same four bytes.
            let ip = Ipv4Addr::from(u32::from_be(unsafe { four.sin_addr.S_un.S_addr }));
            Some((ip, u16::from_be(four.sin_port)).into())
        }
        AF_INET6 => {
            // SAFETY: as above.
            let six = unsafe { at.cast::<SOCKADDR_IN6>().read_unaligned() };
            // SAFETY: each part of the union is the same sixteen bytes.
            let ip = Ipv6Addr::from(unsafe { six.sin6_addr.u.Byte });
            Some((ip, u16::from_be(six.sin6_port)).into())
        }
        _ => None,
    }
}

/// An address as `SOCKADDR_IN` and `SOCKADDR_IN6` lie in memory: port first, then the address, or flow, address and scope.
fn storage(address: SocketAddr) -> SOCKADDR_STORAGE {
    let mut storage = SOCKADDR_STORAGE::default();
    let signed = u8::cast_signed;
    let port = address.port().to_be_bytes().map(signed);
    storage.__ss_pad1[..2].copy_from_slice(&port);
    match address {
        SocketAddr::V4(address) => {
            storage.ss_family = AF_INET;
            storage.__ss_pad1[2..].copy_from_slice(&address.ip().octets().map(signed));
        }
        SocketAddr::V6(address) => {
            storage.ss_family = AF_INET6;
            let octets = address.ip().octets();
            let (first, second) = octets.split_at(8);
            storage.__ss_align = i64::from_ne_bytes(first.try_into().unwrap_or_default());
            let second: [u8; 8] = second.try_into().unwrap_or_default();
            storage.__ss_pad2[..8].copy_from_slice(&second.map(signed));
        }
    }
    storage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_or_a_host_and_always_a_port() {
        for (name, is_host) in
            [("0.0.0.0:443", false), ("[::1]:443", false), ("sxa.dupont.example:443", true)]
        {
            assert_eq!(Endpoint::read(name).unwrap().is_host(), is_host, "{name}");
        }
        for name in ["443", ":443", "host", "host:", "host:70000", "::1:443x"] {
            assert!(Endpoint::read(name).is_none(), "{name}");
        }
    }

    #[test]
    fn an_address_is_read_as_it_was_laid() {
        for name in ["0.0.0.0:443", "10.1.2.3:258", "[::1]:443", "[fe80::1:2]:65535"] {
            let endpoint = Endpoint::read(name).unwrap();
            // SAFETY: it is an address, and alive.
            let read = unsafe { address_at(endpoint.address_key().pIpPort) };
            assert_eq!(read, Some(name.parse().unwrap()), "{name}");
        }
        // SAFETY: there is none.
        assert_eq!(unsafe { address_at(ptr::null()) }, None);
    }

    /// [RFC 3493] and Windows' headers.
    #[test]
    fn an_address_lies_in_memory_as_sockets_want_it() {
        let four = Endpoint::read("10.1.2.3:258").unwrap().address;
        assert_eq!((four.ss_family, four.__ss_pad1), (2, [1, 2, 10, 1, 2, 3]));
        let six = Endpoint::read("[1::ff]:258").unwrap().address;
        assert_eq!((six.ss_family, six.__ss_pad1), (23, [1, 2, 0, 0, 0, 0]));
        assert_eq!(six.__ss_align.to_ne_bytes(), [0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(six.__ss_pad2[..9], [0, 0, 0, 0, 0, 0, 0, -1, 0]);
    }
}

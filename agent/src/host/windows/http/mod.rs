//! HTTP requests through WinHTTP: Windows' own client, with Windows' own trust.
//!
//! A plain GET as the server itself: no proxy, no redirect, no log-on, no cookie, no certificate of its own, and one of the
//! site is judged as any program on this server would judge it. Neighbours: `resource::http_probe` repeats it. Never reads a body.

use std::ffi::c_void;
use std::io;
use std::ptr;

use windows_sys::Win32::Networking::WinHttp::{
    ERROR_WINHTTP_CANNOT_CONNECT, ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED, ERROR_WINHTTP_CONNECTION_ERROR,
    ERROR_WINHTTP_INVALID_SERVER_RESPONSE, ERROR_WINHTTP_INVALID_URL, ERROR_WINHTTP_NAME_NOT_RESOLVED,
    ERROR_WINHTTP_SECURE_CHANNEL_ERROR, ERROR_WINHTTP_SECURE_FAILURE, ERROR_WINHTTP_TIMEOUT,
    ERROR_WINHTTP_UNRECOGNIZED_SCHEME, URL_COMPONENTS, WINHTTP_ACCESS_TYPE_NO_PROXY,
    WINHTTP_DISABLE_AUTHENTICATION, WINHTTP_DISABLE_COOKIES, WINHTTP_DISABLE_KEEP_ALIVE,
    WINHTTP_DISABLE_REDIRECTS, WINHTTP_FLAG_SECURE, WINHTTP_INTERNET_SCHEME_HTTPS,
    WINHTTP_OPTION_CLIENT_CERT_CONTEXT, WINHTTP_OPTION_DISABLE_FEATURE, WINHTTP_QUERY_FLAG_NUMBER,
    WINHTTP_QUERY_STATUS_CODE, WinHttpCloseHandle, WinHttpConnect, WinHttpCrackUrl, WinHttpOpen,
    WinHttpOpenRequest, WinHttpQueryHeaders, WinHttpReceiveResponse, WinHttpSendRequest, WinHttpSetOption,
    WinHttpSetTimeouts,
};

use super::WindowsHost;
use super::process::size_of_u32;
use super::text::wide;
use crate::host::{Error, Http};

/// How long each part of a request may take. A cold IIS site compiles for half a minute before it answers.
const ANSWER_MS: i32 = 30_000;

impl Http for WindowsHost {
    fn get(&self, url: &str) -> Result<u16, Error> {
        get(url).map_err(|error| Error::Unreachable {
            what: "the web address",
            message: format!("{url}: {}", text(&error)),
        })
    }
}

/// A handle of WinHTTP.
struct Handle(*mut c_void);

impl Handle {
    fn own(handle: *mut c_void) -> io::Result<Self> {
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and this value alone closes it.
        let closed = unsafe { WinHttpCloseHandle(self.0) };
        debug_assert!(closed != 0, "a handle of WinHTTP was not closed");
    }
}

/// The parts of an address that a request needs.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
    path: String,
    secure: bool,
}

impl Address {
    fn read(url: &str) -> io::Result<Self> {
        let wide_url = wide(url);
        // A length that is not zero asks for a part as a piece of the address itself.
        let mut parts = URL_COMPONENTS {
            dwStructSize: size_of_u32::<URL_COMPONENTS>(),
            dwHostNameLength: u32::MAX,
            dwUrlPathLength: u32::MAX,
            dwExtraInfoLength: u32::MAX,
            ..Default::default()
        };
        // SAFETY: the address ends with a zero, and the structure says its own size.
        if unsafe { WinHttpCrackUrl(wide_url.as_ptr(), 0, 0, &mut parts) } == 0 {
            return Err(io::Error::last_os_error());
        }
        let piece = |start: *mut u16, units: u32| {
            // The pieces lie in the address; where they begin is worked out without looking at them.
            let begin = (start.addr()).saturating_sub(wide_url.as_ptr().addr()) / 2;
            let piece = wide_url.get(begin..begin + units as usize).unwrap_or_default();
            String::from_utf16_lossy(piece)
        };
        let path = piece(parts.lpszUrlPath, parts.dwUrlPathLength);
        let query = piece(parts.lpszExtraInfo, parts.dwExtraInfoLength);
        // What follows # is for browsers.
        let query = query.split('#').next().unwrap_or_default();
        Ok(Self {
            host: piece(parts.lpszHostName, parts.dwHostNameLength),
            port: parts.nPort,
            path: if path.is_empty() { format!("/{query}") } else { format!("{path}{query}") },
            secure: parts.nScheme == WINHTTP_INTERNET_SCHEME_HTTPS,
        })
    }
}

fn get(url: &str) -> io::Result<u16> {
    let address = Address::read(url)?;
    let (host, path, verb) = (wide(&address.host), wide(&address.path), wide("GET"));
    let program = wide(concat!("muster-agent/", env!("CARGO_PKG_VERSION")));
    // SAFETY: the program's name ends with a zero; no proxy is named.
    let session =
        unsafe { WinHttpOpen(program.as_ptr(), WINHTTP_ACCESS_TYPE_NO_PROXY, ptr::null(), ptr::null(), 0) };
    let session = Handle::own(session)?;
    // SAFETY: the session is open.
    done(unsafe { WinHttpSetTimeouts(session.0, ANSWER_MS, ANSWER_MS, ANSWER_MS, ANSWER_MS) })?;
    // SAFETY: the session is open and outlives the connection; the host's name ends with a zero.
    let connection = Handle::own(unsafe { WinHttpConnect(session.0, host.as_ptr(), address.port, 0) })?;
    let secure = if address.secure { WINHTTP_FLAG_SECURE } else { 0 };
    let (none, all) = (ptr::null(), ptr::null());
    // SAFETY: the connection is open and outlives the request; verb and path end with a zero, the rest is left out.
    let request =
        unsafe { WinHttpOpenRequest(connection.0, verb.as_ptr(), path.as_ptr(), none, none, all, secure) };
    let request = Handle::own(request)?;
    refrain(&request)?;
    if address.secure {
        show_no_certificate(&request)?;
    }
    // SAFETY: the request is open; neither headers nor a body are sent.
    done(unsafe { WinHttpSendRequest(request.0, ptr::null(), 0, ptr::null(), 0, 0, 0) })?;
    // SAFETY: the request was sent; the second argument is reserved.
    done(unsafe { WinHttpReceiveResponse(request.0, ptr::null_mut()) })?;
    status(&request)
}

/// Has a request do nothing by itself.
fn refrain(request: &Handle) -> io::Result<()> {
    let features: u32 = WINHTTP_DISABLE_REDIRECTS
        | WINHTTP_DISABLE_AUTHENTICATION
        | WINHTTP_DISABLE_COOKIES
        | WINHTTP_DISABLE_KEEP_ALIVE;
    // SAFETY: the request is open, and this option takes a number of this size.
    done(unsafe {
        WinHttpSetOption(
            request.0,
            WINHTTP_OPTION_DISABLE_FEATURE,
            ptr::from_ref(&features).cast(),
            size_of_u32::<u32>(),
        )
    })
}

/// Where nothing is said of it, WinHTTP gives up at a site that asks for a client's certificate and can do without.
fn show_no_certificate(request: &Handle) -> io::Result<()> {
    // SAFETY: the request is open; null and no length say that there is none (`WINHTTP_NO_CLIENT_CERT_CONTEXT`).
    done(unsafe { WinHttpSetOption(request.0, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, ptr::null(), 0) })
}

fn status(request: &Handle) -> io::Result<u16> {
    let (mut status, mut bytes) = (0_u32, size_of_u32::<u32>());
    // SAFETY: the request was answered, and a number of this size is asked for.
    done(unsafe {
        WinHttpQueryHeaders(
            request.0,
            WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER,
            ptr::null(),
            ptr::from_mut(&mut status).cast(),
            &mut bytes,
            ptr::null_mut(),
        )
    })?;
    u16::try_from(status).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// WinHTTP's errors have words in a file of its own and not in Windows' table; these are the ones that are met.
fn text(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else { return error.to_string() };
    let words = match code.cast_unsigned() {
        ERROR_WINHTTP_TIMEOUT => "no answer in time",
        ERROR_WINHTTP_INVALID_URL | ERROR_WINHTTP_UNRECOGNIZED_SCHEME => "it is no http or https address",
        ERROR_WINHTTP_NAME_NOT_RESOLVED => "the name has no address",
        ERROR_WINHTTP_CANNOT_CONNECT => "the connection was refused, or nobody is there",
        ERROR_WINHTTP_CONNECTION_ERROR => "the connection was cut",
        ERROR_WINHTTP_INVALID_SERVER_RESPONSE => "the answer is no HTTP",
        ERROR_WINHTTP_SECURE_FAILURE => {
            "the certificate is not trusted on this server, has ended, or is for another name"
        }
        ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED => {
            "the site answers only to clients with a certificate; probe an address that does not ask for one"
        }
        // Wine says this of a certificate, too.
        ERROR_WINHTTP_SECURE_CHANNEL_ERROR => {
            "TLS did not come about: no protocol or cipher in common, or a certificate that is not trusted"
        }
        _ => return super::text::error_text(error),
    };
    format!("error {code}: {words}")
}

#[cfg(test)]
mod secure;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::path::Path;

    use super::*;

    /// Answers one request; gives the address and what was asked.
    fn answering(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/SCPS/?a=b#c", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut byte = [0];
            while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                asked.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (url, thread)
    }

    fn host() -> WindowsHost {
        WindowsHost::new(Path::new(r"C:\logs"))
    }

    #[test]
    fn the_status_is_what_the_address_answers_and_nothing_is_done_about_it() {
        for (answer, status) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
            ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302),
            ("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n", 401),
            ("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503),
        ] {
            let (url, thread) = answering(answer);
            assert_eq!(host().get(&url).unwrap(), status);
            let asked = thread.join().unwrap();
            assert!(asked.starts_with("GET /SCPS/?a=b HTTP/1.1\r\n"), "{asked}");
        }
    }

    #[test]
    fn an_address_where_nobody_listens_says_so_with_its_code() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = host().get(&format!("http://127.0.0.1:{port}/")).unwrap_err().to_string();
        assert!(error.contains("error 12029: the connection was refused"), "{error}");
    }

    /// Wine shows none whatever it is told, and never asks for one.
    #[test]
    fn a_site_that_wants_a_certificate_of_its_clients_is_told_in_words() {
        let told = text(&io::Error::from_raw_os_error(12_044));
        assert!(
            told.starts_with("error 12044: the site answers only to clients with a certificate"),
            "{told}"
        );
    }

    #[test]
    fn an_address_is_taken_apart_and_what_is_none_is_refused() {
        let address = Address::read("https://server.example/a/b?c#d").unwrap();
        let wanted =
            Address { host: "server.example".to_owned(), port: 443, path: "/a/b?c".to_owned(), secure: true };
        assert_eq!(address, wanted);
        assert_eq!(Address::read("http://localhost:1025").unwrap().path, "/");
        let error = host().get("ftp://localhost/").unwrap_err().to_string();
        assert!(error.contains("it is no http or https address"), "{error}");
    }
}

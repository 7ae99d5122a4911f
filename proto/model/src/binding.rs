//! A binding of an IIS site, as documents name it: `Sage.XRT.Advanced/https/*:1025:sxa.dupont.example`.
//!
//! Neighbours: `document` checks names by it, `resolve` finds the site by it, the agent's ports find binding and HTTP.SYS
//! record by it. What follows the site is what IIS itself shows: protocol, then address, port and host name.

use core::net::IpAddr;
use std::fmt;

use std::str::FromStr;

use crate::name::{HostName, IisName, InvalidName};

/// A binding of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingName {
    /// The site.
    pub site: IisName,
    /// Which of the site's bindings.
    pub key: BindingKey,
}

/// What tells a site's bindings apart: protocol and `bindingInformation`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BindingKey {
    /// Whether it is `https`, and not `http`.
    pub is_https: bool,
    /// The address, or `*` for all.
    pub ip: String,
    /// The port.
    pub port: u16,
    /// The host name; empty for any.
    pub host: String,
}

impl BindingKey {
    /// A binding as IIS has it, also one that no document names: of a wildcard (`*.dupont.example`), of a host that is no name, or
    /// without an address, which is every one. None for what is not HTTP.
    pub fn seen(text: &str) -> Option<Self> {
        let (is_https, ip, port, host) = parts(text)?;
        Some(Self { is_https, ip: ip.to_owned(), port, host: host.to_ascii_lowercase() })
    }

    /// The key of its HTTP.SYS record: `host:port` where the client names the host first (SNI), else `address:port`.
    pub fn endpoint(&self, sni: bool) -> String {
        match (sni, self.ip.as_str()) {
            (true, _) => format!("{}:{}", self.host, self.port),
            (false, "*" | "") => format!("0.0.0.0:{}", self.port),
            (false, ip) => format!("{ip}:{}", self.port),
        }
    }
}

const RULE: &str =
    "SITE/https/*:PORT:HOST, as in Sage/https/*:1025:sxa.dupont.example; http and an empty HOST are possible";

fn wrong(text: &str) -> InvalidName {
    InvalidName { what: "IIS binding", rule: RULE, text: text.to_owned() }
}

/// Whether it is HTTPS, its address, port and host.
fn parts(text: &str) -> Option<(bool, &str, u16, &str)> {
    let (protocol, information) = text.split_once('/')?;
    let is_https = match protocol {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    // From the right: an IPv6 address has colons of its own.
    let (rest, host) = information.rsplit_once(':')?;
    let (ip, port) = rest.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    Some((is_https, ip, port, host))
}

impl FromStr for BindingKey {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (is_https, ip, port, host) = parts(text).ok_or_else(|| wrong(text))?;
        let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
        let host_fits = host.is_empty() || host.parse::<HostName>().is_ok();
        if !host_fits || (ip != "*" && bare.parse::<IpAddr>().is_err()) {
            return Err(wrong(text));
        }
        Ok(Self { is_https, ip: ip.to_owned(), port, host: host.to_ascii_lowercase() })
    }
}

impl fmt::Display for BindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_https, ip, port, host } = self;
        write!(f, "{}/{ip}:{port}:{host}", if *is_https { "https" } else { "http" })
    }
}

impl FromStr for BindingName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (site, key) = text.split_once('/').ok_or_else(|| wrong(text))?;
        Ok(Self { site: site.parse().map_err(|_| wrong(text))?, key: key.parse().map_err(|_| wrong(text))? })
    }
}

impl fmt::Display for BindingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.site, self.key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_binding_is_named_as_iis_shows_it() {
        let name: BindingName = "Sage/https/*:1025:SXA.dupont.example".parse().unwrap();
        assert_eq!(name.to_string(), "Sage/https/*:1025:sxa.dupont.example");
        assert_eq!(name.key.endpoint(true), "sxa.dupont.example:1025");
        assert_eq!(name.key.endpoint(false), "0.0.0.0:1025");
        let name: BindingName = "Sage/http/[::1]:80:".parse().unwrap();
        assert_eq!((name.key.is_https, name.key.endpoint(false).as_str()), (false, "[::1]:80"));
    }

    #[test]
    fn what_names_no_binding_is_refused() {
        for text in [
            "Sage",
            "Sage/ftp/*:21:",
            "Sage/https/*:0:",
            "Sage/https/*:70000:",
            "Sage/http/x:80:",
            "S age/http/*:80:",
            "Sage/http/*:80",
            "Sage/http/*:80:a b",
        ] {
            assert!(text.parse::<BindingName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_binding_that_iis_has_and_no_document_names_is_seen() {
        for (text, endpoint) in [
            ("https/*:1025:*.Dupont.example", "*.dupont.example:1025"),
            ("https/*:1025:my_host.local", "my_host.local:1025"),
            ("https/:1025:sxa.example", "sxa.example:1025"),
        ] {
            assert!(text.parse::<BindingKey>().is_err(), "{text}");
            let seen = BindingKey::seen(text).unwrap();
            assert_eq!(
                (seen.endpoint(true).as_str(), seen.endpoint(false).as_str()),
                (endpoint, "0.0.0.0:1025")
            );
        }
        for text in ["net.tcp/808:*", "net.pipe/*", "https/*:0:", "https/*"] {
            assert_eq!(BindingKey::seen(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_it_reads_it_writes(text in "[A-Z/htps*:.0-9a-c\\[\\]]{0,40}") {
            if let Ok(name) = text.parse::<BindingName>() {
                let seen = BindingKey::seen(&name.key.to_string());
                prop_assert_eq!(seen.as_ref(), Some(&name.key));
                prop_assert_eq!(name.to_string().parse::<BindingName>().unwrap(), name);
            }
        }
    }
}

//! The kinds Ring, Client and Site: values for parameters, and the servers that stand behind a site.
//!
//! Neighbours: `resolve` lays their values over the product's defaults. Whether a value fits is known only together with
//! the product, and is not asked here.

use std::collections::BTreeMap;

use jiff::tz::TimeZoneDatabase;

use super::shape::{self, Fields};
use super::tree::{Entry, Yaml};
use super::{Place, Placed, Raw, raw, table};
use crate::authority::{CertificateAuthority, InvalidAuthority};
use crate::diagnostic::Report;
use crate::expression::{Problem, Template};
use crate::limits::SQL_LOGIN_CHARACTERS;
use crate::name::{HostName, ParameterName, ProductId, Recipient, Role, Slug};
use crate::sql_address::{SqlAddress, SqlWay};

/// Values that a layer gives, by parameter.
pub type Values = BTreeMap<ParameterName, Given>;

/// One value of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Where its key is written.
    pub key: Placed<()>,
    /// The value, perhaps with expressions.
    pub value: Placed<Raw>,
}

/// A ring: what holds for all its sites, whoever their clients are. New versions and values go from ring to ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// Its name.
    pub name: Slug,
    /// Values for every site of the ring.
    pub parameters: Values,
}

/// A client: what holds for all its sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name.
    pub name: Slug,
    /// Values for every site of the client.
    pub parameters: Values,
    /// The client's own age key: secrets are sealed to it as well.
    pub secret_recipient: Option<Recipient>,
}

/// A site: one installation of one product for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: Slug,
    /// Where `name` is written.
    pub name_key: Placed<()>,
    /// The name of its ring, where it has one.
    pub ring: Option<Placed<Slug>>,
    /// The name of its client.
    pub client: Placed<Slug>,
    /// Its product.
    pub product: Placed<ProductId>,
    /// An IANA time zone.
    pub time_zone: String,
    /// Its servers.
    pub servers: BTreeMap<Role, SiteServer>,
    /// Where `servers` is written.
    pub servers_key: Placed<()>,
    /// SQL Server instances, by the names that the product's nodes use.
    pub endpoints: BTreeMap<Slug, SiteEndpoint>,
    /// Where `endpoints` is written, or the document itself.
    pub endpoints_key: Placed<()>,
    /// Values for the site.
    pub parameters: Values,
    /// Where `parameters` is written, or the document itself.
    pub parameters_key: Placed<()>,
    /// The client's own age key, in place of the one in its document.
    pub secret_recipient: Option<Recipient>,
}

/// A SQL Server instance of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteEndpoint {
    /// Where it is.
    pub address: Placed<SqlAddress>,
    /// A login of its own and the secret that is its password; none where computers log on as themselves.
    pub login: Option<(String, Placed<ParameterName>)>,
    /// Whether its certificate is taken as it is.
    pub trust_certificate: bool,
    /// Who alone may have signed its certificate; none where Windows' own store says who.
    pub authority: Option<CertificateAuthority>,
}

/// A server of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteServer {
    /// Where its role is written.
    pub role: Placed<()>,
    /// Its computer name.
    pub host: Placed<HostName>,
    /// Values for this server alone.
    pub parameters: Values,
}

pub(super) fn read_ring(yaml: &Yaml, report: &mut Report<'_>) -> Option<Ring> {
    let fields = Fields::read(yaml, "the Ring", &table::RING, report)?;
    let name = fields.name("name", report);
    let parameters = values(&fields, report);
    Some(Ring { name: name?.value, parameters })
}

pub(super) fn read_client(yaml: &Yaml, report: &mut Report<'_>) -> Option<Client> {
    let fields = Fields::read(yaml, "the Client", &table::CLIENT, report)?;
    let name = fields.name("name", report);
    let parameters = values(&fields, report);
    let secret_recipient = fields.name("secret_recipient", report).map(|recipient| recipient.value);
    Some(Client { name: name?.value, parameters, secret_recipient })
}

pub(super) fn read_site(yaml: &Yaml, report: &mut Report<'_>) -> Option<Site> {
    let fields = Fields::read(yaml, "the Site", &table::SITE, report)?;
    let name = fields.name("name", report);
    let ring = fields.name("ring", report);
    let client = fields.name("client", report);
    let product = fields.name("product", report);
    let time_zone = fields.text("time_zone").and_then(|text| time_zone(text, report));
    let servers = servers(&fields, report);
    let endpoints = endpoints(&fields, report);
    let parameters = values(&fields, report);
    let secret_recipient = fields.name("secret_recipient", report).map(|recipient| recipient.value);
    Some(Site {
        name_key: Placed::new((), fields.place_of("name")),
        name: name?.value,
        ring,
        client: client?,
        product: product?,
        time_zone: time_zone?,
        servers,
        servers_key: Placed::new((), fields.place_of("servers")),
        endpoints,
        endpoints_key: Placed::new((), fields.place_of("endpoints")),
        parameters,
        parameters_key: Placed::new((), fields.place_of("parameters")),
        secret_recipient,
    })
}

/// A name of the IANA database, in its own spelling. The database is the one that is built in.
fn time_zone(text: Placed<&str>, report: &mut Report<'_>) -> Option<String> {
    let found = TimeZoneDatabase::bundled().get(text.value).ok();
    let name = found.as_ref().and_then(|zone| zone.iana_name()).unwrap_or_default();
    if !name.is_empty() && name == text.value {
        return Some(name.to_owned());
    }
    let advice = if name.is_empty() {
        "write an IANA name, as in Europe/Paris; Windows names such as Romance Standard Time are not known"
            .to_owned()
    } else {
        format!("did you mean `{name}`?")
    };
    report.push(text.place, "unknown-time-zone", format!("there is no time zone `{}`", text.value), advice);
    None
}

fn servers(fields: &Fields<'_>, report: &mut Report<'_>) -> BTreeMap<Role, SiteServer> {
    let mut servers: BTreeMap<Role, SiteServer> = BTreeMap::new();
    let entries = fields.map("servers").unwrap_or_default();
    if fields.map("servers").is_some_and(<[Entry]>::is_empty) {
        let advice = "name at least one, as in web: {name: DUP-WEB01}";
        report.push(fields.place_of("servers"), "no-value", "the Site has no server", advice);
    }
    for entry in entries {
        let role = shape::parse::<Role>(Placed::new(&entry.key, entry.place), report);
        let what = format!("the server `{}`", entry.key);
        let Some(server) = Fields::read(&entry.value, &what, &table::SERVER, report) else {
            continue;
        };
        let host = server.name::<HostName>("name", report);
        let parameters = values(&server, report);
        let (Some(role), Some(host)) = (role, host) else {
            continue;
        };
        if let Some((first, _)) = servers.iter().find(|(_, other)| same_host(&other.host.value, &host.value))
        {
            let problem = format!("{} plays the role `{first}` of this site already", host.value);
            report.push(
                host.place,
                "duplicate-host",
                problem,
                "name another computer; one computer has one role",
            );
        }
        servers.insert(role.value, SiteServer { role: Placed::new((), role.place), host, parameters });
    }
    servers
}

fn endpoints(fields: &Fields<'_>, report: &mut Report<'_>) -> BTreeMap<Slug, SiteEndpoint> {
    let mut endpoints = BTreeMap::new();
    for entry in fields.map("endpoints").unwrap_or_default() {
        let name = shape::parse::<Slug>(Placed::new(&entry.key, entry.place), report);
        let what = format!("the endpoint `{}`", entry.key);
        let endpoint = Fields::read(&entry.value, &what, &table::ENDPOINT, report);
        let endpoint = endpoint.and_then(|fields| {
            let login = login(&fields, &what, report);
            let trust_certificate = fields.boolean("trust_certificate").unwrap_or_default();
            let address = fields.name("address", report);
            let authority = authority(&fields, &what, address.as_ref(), report);
            Some(SiteEndpoint { address: address?, login, trust_certificate, authority })
        });
        if let (Some(name), Some(endpoint)) = (name, endpoint) {
            endpoints.insert(name.value, endpoint);
        }
    }
    endpoints
}

/// Who signed the server's certificate. Whoever is judged by it is reached in one way, and is not trusted blindly besides.
fn authority(
    endpoint: &Fields<'_>,
    what: &str,
    address: Option<&Placed<SqlAddress>>,
    report: &mut Report<'_>,
) -> Option<CertificateAuthority> {
    let text = endpoint.text("certificate_authority")?;
    let authority = match text.value.parse::<CertificateAuthority>() {
        Ok(authority) => authority,
        Err(error) => {
            let rule = if error == InvalidAuthority::Key { "secret-in-document" } else { "wrong-value" };
            let advice = "write the authority's certificates in PEM under certificate_authority: |, from -----BEGIN CERTIFICATE----- to \
                          -----END CERTIFICATE-----";
            report.push(text.place, rule, format!("the certificate_authority of {what} {error}"), advice);
            return None;
        }
    };
    if endpoint.boolean("trust_certificate") == Some(true) {
        let problem = format!("{what} has a certificate_authority and takes any certificate");
        let advice = "take trust_certificate out, so that the authority decides, or certificate_authority, so that nobody does";
        report.push(endpoint.place_of("trust_certificate"), "wrong-value", problem, advice);
    }
    if let Some(address) = address.filter(|address| matches!(address.value.way(), SqlWay::Instance { .. })) {
        let problem = format!(
            "{} may be reached in several ways, and {what} has a certificate_authority",
            address.value
        );
        let advice = r"write HOST,PORT, or np:HOST\INSTANCE for its named pipe, so that who is judged is who is reached";
        report.push(address.place, "wrong-value", problem, advice);
    }
    Some(authority)
}

/// A login has a password, and a password belongs to a login.
fn login(
    endpoint: &Fields<'_>,
    what: &str,
    report: &mut Report<'_>,
) -> Option<(String, Placed<ParameterName>)> {
    let password = endpoint.yaml("password");
    let password = password.map(|yaml| raw::secret_name(yaml, &format!("`password` of {what}"), report));
    let login = endpoint.text("login");
    let is_line = |text: &str| {
        let characters = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        (1..=SQL_LOGIN_CHARACTERS).contains(&characters) && !text.contains(char::is_control)
    };
    if let Some(login) = login.filter(|login| !is_line(login.value)) {
        let problem = format!("the login of {what} is no name of a login");
        let advice = format!("write 1 to {SQL_LOGIN_CHARACTERS} characters in one line, as in login: muster");
        report.push(login.place, "wrong-value", problem, advice);
    }
    let (key, problem, advice) = match (login, password) {
        (None, None) => return None,
        (Some(login), Some(password)) => return Some((login.value.to_owned(), password?)),
        (Some(_), None) => (
            "login",
            "a login and no password",
            "add password: \"{{ sql_password }}\", a secret of the product",
        ),
        (None, Some(_)) => {
            ("password", "a password and no login", "add login: NAME, a login of SQL Server's own")
        }
    };
    report.push(endpoint.place_of(key), "no-value", format!("{what} has {problem}"), advice);
    None
}

/// Windows takes capital and small letters for the same name.
pub(crate) fn same_host(one: &HostName, other: &HostName) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

fn values(fields: &Fields<'_>, report: &mut Report<'_>) -> Values {
    let mut values = Values::new();
    for entry in fields.map("parameters").unwrap_or_default() {
        let name = shape::parse::<ParameterName>(Placed::new(&entry.key, entry.place), report);
        let value = raw::value(&entry.value, &format!("the parameter `{}`", entry.key), report);
        if let Some(value) = &value {
            expressions_can_be_read(value, report);
        }
        if let (Some(name), Some(value)) = (name, value) {
            values.insert(name.value, Given { key: Placed::new((), name.place), value });
        }
    }
    values
}

fn expressions_can_be_read(value: &Placed<Raw>, report: &mut Report<'_>) {
    let mut texts: Vec<Placed<&str>> = Vec::new();
    super::product::collect(value, &mut texts);
    for text in texts {
        if let Err(Problem { rule, problem, advice }) = Template::parse(text.value) {
            report.push(text.place, rule, problem, advice);
        }
    }
}

/// The place of a document's first key, for what concerns the document as a whole.
pub(crate) const START: Place = Place { line: 1, column: 1 };

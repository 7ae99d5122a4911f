//! The table of `twin show`: what the modelled server is, thing by thing.
//!
//! Neighbours: `hand` changes what is shown here. Calls no port, so that no fault strikes whoever looks.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::host::clock::SystemClock;
use crate::host::recovery::{self, Recovery};
use crate::host::twin::sql::state::SqlState;
use crate::host::twin::state::{Computer, Service, State, find};
use crate::host::{Clock, ServiceState};

/// Writes the server as a table.
pub(in crate::host::twin) fn show(state: &State, out: &mut dyn Write) -> io::Result<()> {
    let now = SystemClock.now();
    writeln!(
        out,
        "SIMULATED  {}  started {} time(s), clock {:+} ms",
        state.host_name, state.boots, state.clock_offset_ms
    )?;
    computer(&state.computer, out)?;
    for (name, version) in &state.packages {
        line(out, "package", name, version)?;
    }
    for (name, service) in &state.services {
        line(out, "service", name, words(service, now))?;
    }
    for (name, pool) in &state.app_pools {
        let pool = pool.facts(&state.app_pool_defaults);
        let settings = format!(
            "enable_32bit={} load_user_profile={} idle_timeout_minutes={} managed_runtime_version={}",
            pool.enable_32bit,
            pool.load_user_profile,
            pool.idle_timeout_minutes,
            pool.managed_runtime_version
        );
        line(out, "app_pool", name, settings)?;
    }
    for (path, file) in &state.files {
        line(out, "file", path, format!("{} bytes", file.content.bytes().len()))?;
        rights(out, &file.rights)?;
    }
    iis(state, out)?;
    system(state, out)?;
    for (url, answer) in &state.http {
        let idle = |name: &&String| {
            find(&state.services, name).is_none_or(|service| service.at(now) != ServiceState::Running)
        };
        let waits: Vec<&str> = answer.while_running.iter().filter(idle).map(String::as_str).collect();
        let refused = format!("refused: {} does not run", waits.join(", "));
        line(out, "http", url, if waits.is_empty() { answer.status.to_string() } else { refused })?;
    }
    Ok(())
}

fn computer(computer: &Computer, out: &mut dyn Write) -> io::Result<()> {
    let bits = if computer.bits_64 { "64-bit" } else { "32-bit" };
    let rights = if computer.elevated { "elevated" } else { "not elevated" };
    let (version, memory) = (&computer.windows, computer.memory_gib);
    line(out, "computer", "facts", format!("Windows {version}, {bits}, {memory} GiB of memory, {rights}"))?;
    for (drive, free) in &computer.free_gib {
        line(out, "drive", drive, format!("{free} GiB free"))?;
    }
    for reason in &computer.pending_reboot {
        line(out, "restart", "pending", reason)?;
    }
    for account in &computer.administrators {
        line(out, "administrator", account, "")?;
    }
    for (account, programs) in &computer.sessions {
        let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
        line(out, "session", account, programs.join(", "))?;
    }
    for (port, program) in &computer.listeners {
        line(out, "listener", &port.to_string(), program)?;
    }
    Ok(())
}

fn iis(state: &State, out: &mut dyn Write) -> io::Result<()> {
    for (name, site) in &state.sites {
        let facts = site.facts(&state.site_defaults);
        line(
            out,
            "site",
            name,
            format!("{}, pool {}, {}", facts.state(), facts.app_pool, facts.physical_path),
        )?;
        for (path, application) in &facts.applications {
            writeln!(
                out,
                "             application {path}: {}, pool {}",
                application.physical_path, application.app_pool
            )?;
        }
        for (path, folder) in &facts.virtual_directories {
            writeln!(out, "             virtual directory {path}: {folder}")?;
        }
        for (key, sni) in &facts.bindings {
            writeln!(out, "             binding {key}{}", if *sni { ", SNI" } else { "" })?;
        }
    }
    for (endpoint, record) in &state.http_sys {
        let key = record.store.name_of(&record.certificate);
        line(out, "http_sys", endpoint, format!("certificate {key}"))?;
    }
    for (thumbprint, found) in &state.certificates {
        let key = if found.has_key { "" } else { ", no key" };
        line(out, "certificate", thumbprint, format!("{}, ends {}{key}", found.subject, found.not_after))?;
        rights(out, &found.rights)?;
    }
    Ok(())
}

fn system(state: &State, out: &mut dyn Write) -> io::Result<()> {
    for (path, folder) in &state.folders {
        line(out, "folder", path, "")?;
        rights(out, &folder.rights)?;
    }
    for (name, value) in &state.registry {
        line(out, "registry", name, serde_json::to_string(&value.data).map_err(io::Error::from)?)?;
    }
    for (name, feature) in &state.features {
        line(out, "feature", name, in_words(&feature.state))?;
    }
    Ok(())
}

fn rights<T: serde::Serialize>(out: &mut dyn Write, rights: &BTreeMap<String, T>) -> io::Result<()> {
    for (account, access) in rights {
        writeln!(out, "             {account}: {}", in_words(access))?;
    }
    Ok(())
}

/// Writes the databases of a SQL Server that the twin reaches.
pub(in crate::host::twin) fn show_sql(
    address: &str,
    server: &SqlState,
    out: &mut dyn Write,
) -> io::Result<()> {
    line(out, "sql_server", address, format!("{} {}", server.version, server.edition))?;
    for (login, rights) in &server.logins {
        let rights: Vec<String> = rights.iter().map(in_words).collect();
        line(out, "login", &format!("{login} on {address}"), rights.join(", "))?;
    }
    for (name, database) in &server.databases {
        let (status, tables, marks) = (&database.status, database.tables.len(), database.properties.len());
        let what = format!("{status}, {tables} tables, {marks} marks of scripts");
        line(out, "database", &format!("{name} on {address}"), what)?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, thing: &str, name: &str, what: impl Display) -> io::Result<()> {
    writeln!(out, "{thing:<10} {name:<34} {what}")
}

fn words(service: &Service, now: Timestamp) -> String {
    let password = if service.password.is_some() { ", with a password" } else { "" };
    let (state, start) = (in_words(&service.at(now)), in_words(&service.start));
    let starts = if service.command_line.is_empty() { "" } else { ", starts " };
    let line = &service.command_line;
    let recovery = recovery_words(&service.recovery);
    let depends = if service.depends_on.is_empty() { "" } else { ", depends on " };
    let on = service.depends_on.join(", ");
    let account = &service.account;
    format!("{state}, start {start}, logs on as {account}{password}{starts}{line}{depends}{on}{recovery}")
}

/// What differs from a service for which nothing was set.
fn recovery_words(recovery: &Recovery) -> String {
    let word =
        |name: &str| recovery.word(name).filter(|word| Recovery::default().word(name).as_ref() != Some(word));
    recovery::ATTRIBUTES.iter().filter_map(|name| Some(format!(", {name}={}", word(name)?))).collect()
}

fn in_words<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

//! The kinds of Internet Information Services.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// `iis_app_pool`: an application pool's settings (G12). One that a package provides is adjusted, never created.
pub(in crate::node) static IIS_APP_POOL: KindSpec = KindSpec {
    kind: NodeKind::IisAppPool,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the pool's name (G5)",
    attributes: &[
        state("enable_32bit", AttributeType::Boolean, false, "whether 32-bit applications are enabled"),
        state("load_user_profile", AttributeType::Boolean, false, "whether the identity's profile is loaded"),
        state(
            "idle_timeout_minutes",
            AttributeType::Integer(0, 43_200),
            false,
            "idle minutes before a worker is stopped; 0 is never",
        ),
        state(
            "managed_runtime_version",
            AttributeType::OneOf(&["v4.0", "v2.0", "none"]),
            false,
            "the .NET CLR that it loads",
        ),
    ],
};

/// `iis_site`: a site, its root, its applications and virtual directories (G12). One that a package provides is adjusted,
/// never created.
pub(in crate::node) static IIS_SITE: KindSpec = KindSpec {
    kind: NodeKind::IisSite,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the site's name (G5)",
    attributes: &[
        state("physical_path", AttributeType::Line, false, "the folder of its root"),
        state("app_pool", AttributeType::Line, false, "the application pool of its root"),
        state(
            "applications",
            AttributeType::Entries,
            false,
            "applications by path, as in /SCPS, with the folder of each; others are left alone",
        ),
        state(
            "application_pools",
            AttributeType::Entries,
            false,
            "the application pool of applications by path, where it is not the site's",
        ),
        state(
            "virtual_directories",
            AttributeType::Entries,
            false,
            "virtual directories by path, with the folder of each; others are left alone",
        ),
        state(
            "state",
            AttributeType::OneOf(&["started", "stopped"]),
            false,
            "whether it answers, now and after the next start of IIS; one without a binding starts with its first",
        ),
    ],
};

/// `iis_binding`: one binding of a site, and the HTTP.SYS record of its certificate (G7, G10). What tells it apart is its
/// name; other bindings, and records that they share, are left alone.
pub(in crate::node) static IIS_BINDING: KindSpec = KindSpec {
    kind: NodeKind::IisBinding,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "SITE/https/*:PORT:HOST, as IIS shows it",
    attributes: &[
        state(
            "sni",
            AttributeType::Boolean,
            false,
            "whether the client names the host first, so that several certificates share a port",
        ),
        state(
            "certificate",
            AttributeType::Line,
            false,
            "the certificate's thumbprint, subject or common name, as its node has it, with `web_hosting/` before it where it lies there",
        ),
    ],
};

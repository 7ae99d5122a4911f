//! The kinds of certificates and their keys.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, input, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// `certificate`: one that is in the computer's own store with its key, valid now. One that is there is never imported again
/// and never replaced; without `pfx` it is only looked up (G16).
pub(in crate::node) static CERTIFICATE: KindSpec = KindSpec {
    kind: NodeKind::Certificate,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the certificate's thumbprint, subject or common name",
    attributes: &[
        input(
            "pfx",
            AttributeType::Line,
            false,
            "the PFX file on the server to import it from where it is not there",
        ),
        input(
            "pfx_password",
            AttributeType::Secret("pfx"),
            false,
            "a secret: the password that opens that file, by a row of its own when it is imported; left out where it has none",
        ),
    ],
};

/// `private_key_access`: accounts that may use the certificate's private key. A wider grant that exists is in sync (G16).
pub(in crate::node) static PRIVATE_KEY_ACCESS: KindSpec = KindSpec {
    kind: NodeKind::PrivateKeyAccess,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the certificate's thumbprint, subject or common name",
    attributes: &[state(
        "rights",
        AttributeType::Members(&["read", "full"]),
        true,
        r"what each named account may do with the key, as in 'IIS APPPOOL\Sage': read; other accounts are left alone",
    )],
};

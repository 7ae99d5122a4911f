//! The kinds of certificates and their keys.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, input, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// How certificates are named, where they have a key.
const NAME_IS: &str = "the certificate's thumbprint, subject or common name. `web_hosting/` before it says that it lies in Web Hosting instead of \
     the computer's own store, Personal";

/// `certificate`: one that is in its store, valid now, and with its key where the store keeps keys. One that is there is never
/// imported again and never replaced; without `pfx` or `cer` it is only looked up (G16).
pub(in crate::node) static CERTIFICATE: KindSpec = KindSpec {
    kind: NodeKind::Certificate,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the certificate's thumbprint, subject or common name. Another store than the computer's own, Personal, is written before \
              it: `root/`, `ca/`, `trusted_people/` or `web_hosting/`",
    attributes: &[
        input(
            "pfx",
            AttributeType::Line,
            false,
            "the PFX file on the server to import it with its key from where it is not there, in Personal and `web_hosting/`",
        ),
        input(
            "pfx_password",
            AttributeType::Secret("pfx"),
            false,
            "a secret: the password that opens that file, by a row of its own when it is imported; left out where it has none",
        ),
        input(
            "cer",
            AttributeType::Line,
            false,
            "the file on the server (.cer, .crt or PEM) to import it without a key from where it is not there, in the other stores. Of \
             what lies in the file only the certificate that is named is taken; where the whole computer trusts it then, in `root/` \
             and `trusted_people/`, it is named by its thumbprint, and the plan has a row that says so",
        ),
    ],
};

/// `private_key_access`: accounts that may use the certificate's private key. A wider grant that exists is in sync (G16).
pub(in crate::node) static PRIVATE_KEY_ACCESS: KindSpec = KindSpec {
    kind: NodeKind::PrivateKeyAccess,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: NAME_IS,
    attributes: &[state(
        "rights",
        AttributeType::Members(&["read", "full"]),
        true,
        r"what each named account may do with the key, as in 'IIS APPPOOL\Sage': read; other accounts are left alone",
    )],
};

//! Rights of accounts as members: what folders, files and keys have in common.
//!
//! Neighbours: `folder` and `file` name the words. Accounts that no row names are never touched.

use muster_model::manifest::Node;
use muster_model::value::Value;

use crate::host::{Access, Host};

/// What was seen, as members: an account that the document names is shown as the document spells it, because one account
/// has many names on Windows.
pub(super) fn members(
    node: &Node,
    host: &dyn Host,
    seen: impl IntoIterator<Item = (String, &'static str)>,
) -> Value {
    let spelt = seen.into_iter().map(|(account, word)| (spelling(node, host, account), word.to_owned()));
    Value::Members(spelt.collect())
}

/// The account as the document's `rights` spell it.
pub(super) fn spelling(node: &Node, host: &dyn Host, account: String) -> String {
    let Some(Value::Members(wanted)) = node.attributes.get("rights") else { return account };
    let same = wanted.keys().find(|name| host.files().is_same_account(name, &account));
    same.cloned().unwrap_or(account)
}

/// The word for an access to files and folders.
pub(super) fn word(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Modify => "modify",
        Access::Full => "full",
        Access::Special => "special",
    }
}

/// The access that a word stands for.
pub(super) fn access(word: &str) -> Option<Access> {
    [Access::Read, Access::Modify, Access::Full].into_iter().find(|access| self::word(*access) == word)
}

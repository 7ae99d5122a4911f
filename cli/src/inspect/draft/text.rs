//! A package's own texts as YAML reads them, and the name of a node made of them.
//!
//! Neighbours: the draft writes them down. Every text comes out on one line, and quoted where YAML would read something else.

use super::super::found::Inspection;

/// From the product's name, or the file's: lower-case letters, digits and hyphens. Without the version, because the next one is
/// the same node.
pub(super) fn node_name(found: &Inspection) -> String {
    let package = found.package.as_ref();
    let version = package.and_then(|package| package.version.as_deref()).unwrap_or_default();
    let product = package.and_then(|package| package.product.as_deref());
    let product = product.map(|product| without_version(product, version));
    let product = product.as_deref();
    let stem = found.file.rsplit_once('.').map_or(found.file.as_str(), |(stem, _)| stem);
    [product.unwrap_or_default(), stem]
        .into_iter()
        .map(slug)
        .find(|slug| !slug.is_empty())
        .unwrap_or_else(|| "package".to_owned())
}

/// A name without the words that are the version, or as much of it as people write: `pyOpenSSL-0.12` of 0.12.0.
fn without_version(name: &str, version: &str) -> String {
    let mut shorter = version;
    loop {
        // 4 alone may be a part of the name.
        if shorter.contains('.')
            && let Some((before, after)) = name.split_once(shorter)
            && !after.starts_with(|c: char| c == '.' || c.is_ascii_digit())
            && !before.ends_with(|c: char| c == '.' || c.is_ascii_digit())
        {
            return format!("{before} {after}");
        }
        match shorter.strip_suffix(".0") {
            Some(shorter_still) => shorter = shorter_still,
            None => return name.to_owned(),
        }
    }
}

fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(48);
    slug.trim_end_matches('-').to_owned()
}

/// On one line, of characters that YAML allows.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// In single quotes, which YAML reads as it stands.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", one_line(text).replace('\'', "''"))
}

/// As it stands, where YAML reads a text in it; otherwise quoted. A version of two numbers would be a fraction, and a hash of
/// digits alone a number.
pub(super) fn scalar(text: &str) -> String {
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    let is_version = text.matches('.').count() > 1;
    let is_word = text.len() == 64 && text.bytes().filter(|b| b.is_ascii_alphabetic()).count() > 1;
    if is_plain && (is_version || is_word) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_out_as_it_went_in() {
        assert_eq!(scalar("4.3.005"), "4.3.005");
        assert_eq!(scalar("4.30"), "'4.30'");
        assert_eq!(scalar("it's: #1"), "'it''s: #1'");
        assert_eq!(quoted("a\nb\u{7}"), "'a\u{fffd}b\u{fffd}'");
    }

    #[test]
    fn a_name_has_no_version_in_it() {
        assert_eq!(without_version("Python 3.2 pyOpenSSL-0.12", "0.12.0"), "Python 3.2 pyOpenSSL- ");
        assert_eq!(without_version("Python 2.7 pyscard-1.7.0", "1.7.0"), "Python 2.7 pyscard- ");
        for (name, version) in
            [("XRT 4.3.005", "4.3.00"), ("XRT 14.3", "4.3"), ("SQL 2019", "2019"), ("XRT", "")]
        {
            assert_eq!(without_version(name, version), name);
        }
    }

    #[test]
    fn a_name_is_made_of_what_names_may_have() {
        assert_eq!(slug("Sage XRT Trésorerie 4.3"), "sage-xrt-tr-sorerie-4-3");
        assert_eq!(slug("日本"), "");
    }
}

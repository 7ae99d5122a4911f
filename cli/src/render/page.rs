//! A preflight as one page of HTML: to print, or to send to the client whose servers they are.
//!
//! Everything that came from elsewhere is escaped, and a browser that obeys the page's own policy runs and loads nothing.
//! Neighbours: `preflight` is the same as a table. No script, no picture, no style but the page's own.

use muster_model::preflight::{PreflightItem, PreflightView, ServerPreflight, Verdict};

use super::{clean, preflight};

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
"#;

const STYLE: &str = r"<style>
body { font: 11pt/1.4 Segoe UI, Arial, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; border-bottom: 1px solid #999; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .35em .6em; border-bottom: 1px solid #ccc; }
td.v { white-space: nowrap; font-weight: bold; } tr.missing td.v { color: #a40000; } tr.unknown td.v { color: #8a5a00; } tr.passed td.v { color: #1d6b1d; }
tr { break-inside: avoid; } p.sum { font-weight: bold; } p.twin { border: 2px solid #8a5a00; padding: .5em; }
@media print { body { margin: 0; max-width: none; font-size: 9.5pt; } }
</style>
";

/// The whole page.
pub(crate) fn html(view: &PreflightView) -> String {
    let (site, product) = (escape(view.site.as_str()), escape(&view.product.to_string()));
    let mut page = String::from(HEAD);
    page.push_str(&format!("<title>Preflight {site}</title>\n{STYLE}</head>\n<body>\n"));
    page.push_str(&format!("<h1>Preflight of {site}</h1>\n"));
    page.push_str(&format!(
        "<p>{product}, documents of revision {}, looked at {}.</p>\n",
        view.revision,
        escape(&view.at.to_string())
    ));
    if view.simulated {
        page.push_str(
            "<p class=\"twin\">SIMULATED: a twin stands in for a server; nothing real was looked at.</p>\n",
        );
    }
    page.push_str(&format!("<p class=\"sum\">{}</p>\n", escape(&preflight::summary(view))));
    view.servers.iter().for_each(|server| page.push_str(&of(server)));
    page.push_str("</body>\n</html>\n");
    page
}

/// A server's part: what is missing first.
fn of(server: &ServerPreflight) -> String {
    let (host, id) = (escape(server.host.as_str()), escape(&server.server.to_string()));
    let mut part = format!("<h2>{host} <small>({id})</small></h2>\n");
    if server.items.is_empty() {
        part.push_str("<p>The documents ask for nothing on this server.</p>\n");
        return part;
    }
    part.push_str(
        "<table>\n<tr><th></th><th>Found</th><th>Wanted</th><th>What to do</th><th>Guide</th></tr>\n",
    );
    let first =
        |passed: bool| server.items.iter().filter(move |item| (item.verdict == Verdict::Passed) == passed);
    first(false).chain(first(true)).for_each(|item| part.push_str(&row(item)));
    part.push_str("</table>\n");
    part
}

fn row(item: &PreflightItem) -> String {
    let class = match item.verdict {
        Verdict::Passed => "passed",
        Verdict::Missing => "missing",
        Verdict::Unknown => "unknown",
    };
    let guide = item.guide.as_ref().map(ToString::to_string).unwrap_or_default();
    let cells =
        [&item.found, &item.wanted, &item.advice, &guide].map(|text| format!("<td>{}</td>", escape(text)));
    format!(
        "<tr class=\"{class}\"><td class=\"v\">{}</td>{}</tr>\n",
        preflight::word(item.verdict),
        cells.concat()
    )
}

/// Text as HTML shows it, in an element or in a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("<br>"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says is text: it makes no element, no attribute and no entity of its own.
    #[test]
    fn text_from_a_server_makes_nothing_of_a_page() {
        let hostile = "<script>alert(\"x\")</script>&amp;'\u{202e}\u{1b}[2J";
        let escaped = escape(hostile);
        assert!(!escaped.contains(['<', '>', '"', '\'', '\u{202e}', '\u{1b}']), "{escaped}");
        assert!(escaped.starts_with("&lt;script&gt;alert(&quot;x&quot;)"), "{escaped}");
        assert!(escaped.contains("&amp;amp;&#39;"), "{escaped}");
    }
}

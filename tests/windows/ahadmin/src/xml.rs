//! As much of XML as `applicationHost.config` has: elements, attributes, comments. Text between elements is white space.
//!
//! Neighbours: `config` works on the tree. Attributes stay in their order and comments in their places, so that an edit by hand
//! looks as it did after a commit; white space does not.

/// An element, or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Element(Element),
    Comment(String),
}

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) tag: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) items: Vec<Item>,
}

/// The root element of a document; none where it is not well formed.
pub(crate) fn read(text: &str) -> Option<Element> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    if rest.starts_with("<?") {
        rest = rest.split_once("?>")?.1;
    }
    loop {
        match item(&mut rest)? {
            Item::Element(root) => return rest_is_comments(rest).then_some(root),
            Item::Comment(_) => {}
        }
    }
}

fn rest_is_comments(mut rest: &str) -> bool {
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return true;
        }
        if !matches!(item(&mut rest), Some(Item::Comment(_))) {
            return false;
        }
    }
}

/// Reads one item and moves behind it.
fn item(rest: &mut &str) -> Option<Item> {
    *rest = rest.trim_start();
    if let Some(comment) = rest.strip_prefix("<!--") {
        let (comment, after) = comment.split_once("-->")?;
        *rest = after;
        return Some(Item::Comment(comment.to_owned()));
    }
    *rest = rest.strip_prefix('<')?;
    let mut element = Element { tag: name(rest)?, ..Element::default() };
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            *rest = after;
            return Some(Item::Element(element));
        }
        if let Some(after) = rest.strip_prefix('>') {
            *rest = after;
            break;
        }
        element.attributes.push(attribute(rest)?);
    }
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("</") {
            *rest = after.strip_prefix(element.tag.as_str())?.trim_start().strip_prefix('>')?;
            return Some(Item::Element(element));
        }
        element.items.push(item(rest)?);
    }
}

fn name(rest: &mut &str) -> Option<String> {
    let end = rest.find(|c: char| c.is_whitespace() || "=/><\"'".contains(c))?;
    let (name, after) = rest.split_at(end);
    *rest = after;
    (!name.is_empty()).then(|| name.to_owned())
}

fn attribute(rest: &mut &str) -> Option<(String, String)> {
    let name = name(rest)?;
    *rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| "\"'".contains(*quote))?;
    let (value, after) = rest[1..].split_once(quote)?;
    *rest = after;
    Some((name, unescaped(value)?))
}

const ESCAPES: [(&str, char); 5] =
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&apos;", '\'')];

fn unescaped(mut text: &str) -> Option<String> {
    let mut whole = String::new();
    while let Some(at) = text.find('&') {
        whole.push_str(&text[..at]);
        let (escape, meant) = ESCAPES.iter().find(|(escape, _)| text[at..].starts_with(escape))?;
        whole.push(*meant);
        text = &text[at + escape.len()..];
    }
    whole.push_str(text);
    Some(whole)
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match ESCAPES.iter().find(|(_, meant)| *meant == c && c != '\'') {
        Some((escape, _)) => (*escape).to_owned(),
        None => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// The document of a root element, as IIS lays it out.
pub(crate) fn write(root: &Element) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n".to_owned();
    write_element(root, 0, &mut text);
    text
}

fn write_element(element: &Element, depth: usize, text: &mut String) {
    let margin = "    ".repeat(depth);
    *text += &format!("{margin}<{}", element.tag);
    for (name, value) in &element.attributes {
        *text += &format!(" {name}=\"{}\"", escaped(value));
    }
    if element.items.is_empty() {
        *text += " />\r\n";
        return;
    }
    *text += ">\r\n";
    for item in &element.items {
        match item {
            Item::Element(element) => write_element(element, depth + 1, text),
            Item::Comment(comment) => *text += &format!("{margin}    <!--{comment}-->\r\n"),
        }
    }
    *text += &format!("{margin}</{}>\r\n", element.tag);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_as_it_was_comments_and_quotes_included() {
        let text = include_str!("../applicationHost.config");
        let root = read(text).unwrap();
        assert_eq!(root.tag, "configuration");
        assert_eq!(read(&write(&root)).unwrap(), root);
        let odd = r#"<a b='1 &lt; "2" &amp; 3' ><!-- c --><d/></a>"#;
        let root = read(odd).unwrap();
        assert_eq!(root.attributes, [("b".to_owned(), "1 < \"2\" & 3".to_owned())]);
        assert_eq!(read(&write(&root)).unwrap(), root);
    }

    #[test]
    fn half_a_file_is_none() {
        let text = include_str!("../applicationHost.config").trim_end();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert_eq!(read(&text[..end]), None, "{end} bytes");
        }
    }
}

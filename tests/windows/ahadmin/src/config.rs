//! The file in memory, held against the schema: what an element says itself, what it inherits, and what may be changed.
//!
//! Neighbours: `xml` reads and writes the text, `store` commits it, `com` hands elements out. Elements are places in one list, so
//! that whoever holds one sees what others change.

use crate::schema::{Kind, List, SECTIONS, Schema, Setting};
use crate::xml::{self, Item};

/// An answer that is no success, as an HRESULT and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: u32,
    pub(crate) words: String,
}

pub(crate) fn answer<T>(code: u32, words: impl Into<String>) -> Result<T, Answer> {
    Err(Answer { code, words: words.into() })
}

/// `ERROR_ALREADY_EXISTS`.
pub(crate) const ALREADY_EXISTS: u32 = 0x8007_00b7;
/// `ERROR_INVALID_INDEX`.
pub(crate) const INVALID_INDEX: u32 = 0x8007_0585;
/// `ERROR_INVALID_DATA`.
pub(crate) const INVALID_DATA: u32 = 0x8007_000d;

/// A place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Id(usize);

#[derive(Debug)]
enum Child {
    Element(Id),
    Comment(String),
}

#[derive(Debug)]
struct Node {
    tag: String,
    attributes: Vec<(String, String)>,
    children: Vec<Child>,
    /// Not in the file, and stays out of it while it says nothing.
    implied: bool,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Config {
    nodes: Vec<Node>,
    root: Id,
}

/// An element that somebody holds.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    id: Id,
    pub(crate) schema: &'static Schema,
    /// The section that it is in.
    pub(crate) section: &'static str,
    /// What it inherits from, nearest first.
    inherits: Vec<Id>,
    /// What it is in, nearest first.
    above: Vec<Id>,
}

impl Config {
    /// None where the text is not well formed.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut config = Self { nodes: Vec::new(), root: Id(0) };
        let root = xml::read(text)?;
        config.root = config.take(root);
        Some(config)
    }

    fn take(&mut self, element: xml::Element) -> Id {
        let id = self.new_node(element.tag, false);
        self.nodes[id.0].attributes = element.attributes;
        for item in element.items {
            let child = match item {
                Item::Element(element) => Child::Element(self.take(element)),
                Item::Comment(comment) => Child::Comment(comment),
            };
            self.nodes[id.0].children.push(child);
        }
        id
    }

    fn new_node(&mut self, tag: String, implied: bool) -> Id {
        self.nodes.push(Node { tag, attributes: Vec::new(), children: Vec::new(), implied });
        Id(self.nodes.len() - 1)
    }

    pub(crate) fn write(&self) -> String {
        xml::write(&self.element(self.root))
    }

    fn element(&self, id: Id) -> xml::Element {
        let node = self.node(id);
        let items = node.children.iter().filter_map(|child| match child {
            Child::Element(id) => {
                let element = self.element(*id);
                let says_nothing = element.attributes.is_empty() && element.items.is_empty();
                (!self.node(*id).implied || !says_nothing).then_some(Item::Element(element))
            }
            Child::Comment(comment) => Some(Item::Comment(comment.clone())),
        });
        xml::Element { tag: node.tag.clone(), attributes: node.attributes.clone(), items: items.collect() }
    }

    fn node(&self, id: Id) -> &Node {
        &self.nodes[id.0]
    }

    fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        self.node(id).children.iter().filter_map(|child| match child {
            Child::Element(id) => Some(*id),
            Child::Comment(_) => None,
        })
    }

    fn child(&self, id: Id, tag: &str) -> Option<Id> {
        self.children(id).find(|child| self.node(*child).tag == tag)
    }

    fn child_or_implied(&mut self, id: Id, tag: &str) -> Id {
        if let Some(child) = self.child(id, tag) {
            return child;
        }
        let child = self.new_node(tag.to_owned(), true);
        self.nodes[id.0].children.push(Child::Element(child));
        child
    }

    /// A section, as in `system.applicationHost/sites`.
    pub(crate) fn section(&mut self, name: &str) -> Result<Handle, Answer> {
        let Some((section, schema)) = SECTIONS.iter().find(|(own, _)| *own == name) else {
            return answer(INVALID_INDEX, format!("there is no section {name}"));
        };
        let id = name.split('/').fold(self.root, |id, tag| self.child_or_implied(id, tag));
        Ok(Handle { id, schema, section, inherits: Vec::new(), above: Vec::new() })
    }

    /// The tag.
    pub(crate) fn tag(&self, handle: &Handle) -> String {
        self.node(handle.id).tag.clone()
    }

    /// A setting as it takes effect.
    pub(crate) fn value(&self, handle: &Handle, name: &str) -> Result<String, Answer> {
        let setting = setting(handle, name)?;
        let own = |id: &Id| {
            let mut attributes = self.node(*id).attributes.iter();
            attributes.find(|(own, _)| own == name).map(|(_, value)| value.clone())
        };
        let said = std::iter::once(&handle.id).chain(&handle.inherits).find_map(own);
        Ok(said.unwrap_or_else(|| setting.default.to_owned()))
    }

    /// Says a setting on the element itself.
    pub(crate) fn set(&mut self, handle: &Handle, name: &str, value: &str) -> Result<(), Answer> {
        let Some(kept) = setting(handle, name)?.kind.kept(value) else {
            return answer(INVALID_DATA, format!("{value:?} is no value for {name}"));
        };
        let attributes = &mut self.nodes[handle.id.0].attributes;
        match attributes.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = kept,
            None => attributes.push((name.to_owned(), kept)),
        }
        Ok(())
    }

    /// A part of an element, also one that the file does not have.
    pub(crate) fn part(&mut self, handle: &Handle, name: &str) -> Result<Handle, Answer> {
        let Some((_, schema)) = handle.schema.parts.iter().find(|(own, _)| *own == name) else {
            return answer(INVALID_INDEX, format!("there is no element {name}"));
        };
        let inherits = handle.inherits.iter().filter_map(|id| self.child(*id, name)).collect();
        let id = self.child_or_implied(handle.id, name);
        Ok(Handle { id, schema, section: handle.section, inherits, above: above(handle) })
    }

    /// What is in an element's list.
    pub(crate) fn items(&self, handle: &Handle) -> Result<Vec<Handle>, Answer> {
        let list = list(handle)?;
        let own = self.children(handle.id).filter(|id| self.node(*id).tag == list.tag);
        Ok(own.map(|id| self.in_list(handle, list, id)).collect())
    }

    fn in_list(&self, handle: &Handle, list: &'static List, id: Id) -> Handle {
        let above = above(handle);
        let defaults = |holder: &Id| list.defaults.and_then(|tag| self.child(*holder, tag));
        let inherits = above.iter().filter_map(defaults).collect();
        Handle { id, schema: list.of, section: handle.section, inherits, above }
    }

    /// As in `applicationPools/DefaultAppPool`.
    pub(crate) fn run_name(&self, handle: &Handle) -> Result<String, Answer> {
        let section = handle.section.rsplit('/').next().unwrap_or_default();
        Ok(format!("{section}/{}", self.value(handle, "name")?))
    }

    /// Of all that may run.
    pub(crate) fn names(&mut self) -> Vec<String> {
        let sections: Vec<Handle> = SECTIONS.iter().filter_map(|(name, _)| self.section(name).ok()).collect();
        let all = sections.iter().filter_map(|section| self.items(section).ok()).flatten();
        all.filter_map(|handle| self.run_name(&handle).ok()).collect()
    }

    /// A new element that is in no list yet.
    pub(crate) fn make(&mut self, handle: &Handle, tag: &str) -> Result<Handle, Answer> {
        let list = list(handle)?;
        if tag != list.tag {
            return answer(INVALID_INDEX, format!("there is no element {tag} in this list"));
        }
        let id = self.new_node(tag.to_owned(), false);
        Ok(self.in_list(handle, list, id))
    }

    /// Takes a new element into the list, before what they all inherit from.
    pub(crate) fn add(&mut self, handle: &Handle, element: &Handle) -> Result<(), Answer> {
        let list = list(handle)?;
        let key = |own: &Handle| -> Result<Vec<String>, Answer> {
            list.key.iter().map(|name| Ok(self.value(own, name)?.to_lowercase())).collect()
        };
        let new = key(element)?;
        for own in self.items(handle)? {
            if key(&own)? == new {
                let words =
                    format!("Cannot add duplicate collection entry of type '{}' with unique key", list.tag);
                return answer(ALREADY_EXISTS, format!("{words} '{}'", new.join("', '")));
            }
        }
        let children = &self.node(handle.id).children;
        let is_own = |child: &Child| matches!(child, Child::Element(id) if self.node(*id).tag == list.tag);
        let at = children.iter().rposition(is_own).map_or(0, |last| last + 1);
        self.nodes[handle.id.0].children.insert(at, Child::Element(element.id));
        Ok(())
    }

    /// Takes the element at that place out of the list.
    pub(crate) fn remove(&mut self, handle: &Handle, index: usize) -> Result<(), Answer> {
        let items = self.items(handle)?;
        let Some(gone) = items.get(index) else {
            return answer(INVALID_INDEX, format!("the list has no element {index}"));
        };
        let is_it = |child: &Child| matches!(child, Child::Element(id) if *id == gone.id);
        self.nodes[handle.id.0].children.retain(|child| !is_it(child));
        Ok(())
    }
}

fn above(handle: &Handle) -> Vec<Id> {
    std::iter::once(handle.id).chain(handle.above.iter().copied()).collect()
}

fn list(handle: &Handle) -> Result<&'static List, Answer> {
    handle.schema.list.map_or_else(|| answer(INVALID_INDEX, "the element is no list"), Ok)
}

fn setting(handle: &Handle, name: &str) -> Result<&'static Setting, Answer> {
    let found = handle.schema.settings.iter().find(|setting| setting.name == name);
    found.map_or_else(|| answer(INVALID_INDEX, format!("there is no attribute {name}")), Ok)
}

/// Whether a setting is not in the file.
pub(crate) fn is_state(handle: &Handle, name: &str) -> bool {
    setting(handle, name).is_ok_and(|setting| matches!(setting.kind, Kind::State))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOLS: &str = "system.applicationHost/applicationPools";
    const SITES: &str = "system.applicationHost/sites";

    fn shipped() -> Config {
        Config::read(include_str!("../applicationHost.config")).unwrap()
    }

    #[test]
    fn a_setting_comes_from_the_pool_then_its_defaults_then_the_schema() {
        let mut config = shipped();
        let section = config.section(POOLS).unwrap();
        let pool = config.items(&section).unwrap().remove(0);
        let process = config.part(&pool, "processModel").unwrap();
        assert_eq!(config.value(&pool, "managedRuntimeVersion").unwrap(), "v4.0");
        assert_eq!(config.value(&pool, "enable32BitAppOnWin64").unwrap(), "false");
        assert_eq!(config.value(&process, "loadUserProfile").unwrap(), "true");
        assert_eq!(config.value(&process, "idleTimeout").unwrap(), "00:20:00");
        let before = config.write();
        config.set(&process, "loadUserProfile", "False").unwrap();
        assert_eq!(config.value(&process, "loadUserProfile").unwrap(), "false");
        let own = "<processModel loadUserProfile=\"false\" />";
        assert!(config.write().contains(own) && !before.contains(own), "{}", config.write());
        assert_eq!(config.set(&process, "idleTimeout", "20").unwrap_err().code, INVALID_DATA);
        assert_eq!(config.value(&pool, "nothing").unwrap_err().code, INVALID_INDEX);
    }

    #[test]
    fn an_application_inherits_its_pool_from_above_its_site() {
        let mut config = shipped();
        let section = config.section(SITES).unwrap();
        let site = config.items(&section).unwrap().remove(0);
        let root = config.items(&site).unwrap().remove(0);
        assert_eq!(config.value(&root, "applicationPool").unwrap(), "DefaultAppPool");
    }

    #[test]
    fn a_list_takes_no_second_of_a_name_and_keeps_the_rest_in_its_place() {
        let mut config = shipped();
        let section = config.section(POOLS).unwrap();
        for (name, taken) in [("Sage", true), ("sage", false), ("defaultapppool", false)] {
            let pool = config.make(&section, "add").unwrap();
            config.set(&pool, "name", name).unwrap();
            let told = config.add(&section, &pool);
            assert_eq!(told.is_ok(), taken, "{name}");
            assert!(taken || told.unwrap_err().code == ALREADY_EXISTS);
        }
        let text = config.write();
        assert!(text.find("Sage") < text.find("applicationPoolDefaults"), "{text}");
        config.remove(&section, 1).unwrap();
        assert_eq!(config.write(), shipped().write());
        assert_eq!(config.remove(&section, 1).unwrap_err().code, INVALID_INDEX);
    }
}

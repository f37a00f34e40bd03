//! The XML of bodies: a writer of elements, and a reader into a small tree.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::Error;

/// How deep the elements of a body may lie in each other.
const DEEPEST: usize = 16;

/// Writes a document, element by element.
#[derive(Debug, Default)]
pub struct Xml(String);

impl Xml {
    /// The declaration and the root element with S3's namespace; what `inside` writes stands in it.
    pub fn document(root: &str, inside: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned());
        xml.0.push_str(&format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
        inside(&mut xml);
        xml.close(root);
        xml.0
    }

    /// The same without a namespace, as errors have it.
    pub fn bare(root: &str, inside: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned());
        xml.group(root, inside);
        xml.0
    }

    /// An element with a text.
    pub fn text(&mut self, name: &str, text: impl AsRef<str>) -> &mut Self {
        self.open(name);
        escape(&mut self.0, text.as_ref());
        self.close(name);
        self
    }

    /// An element with whatever is shown as text without characters to escape: a number, a truth value.
    pub fn value(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.text(name, value.to_string())
    }

    pub fn text_opt(&mut self, name: &str, text: Option<impl AsRef<str>>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// An element with others.
    pub fn group(&mut self, name: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name);
        inside(self);
        self.close(name);
        self
    }

    fn open(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }
}

/// Control characters become references, as S3 writes them, although XML 1.0 knows none of most of them: clients that
/// want to be safe ask for encoded keys.
fn escape(to: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            c if c < ' ' || c == '\u{7f}' => to.push_str(&format!("&#x{:X};", u32::from(c))),
            c => to.push(c),
        }
    }
}

/// An element that was read, without its namespace and attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub text: String,
    pub children: Vec<Node>,
}

impl Node {
    /// The root element. Errors: `Xml`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |what: &dyn std::fmt::Display| Error::Xml(what.to_string());
        let text = std::str::from_utf8(bytes).map_err(|_| bad(&"it is not UTF-8"))?;
        let mut reader = Reader::from_str(text);
        let mut open = vec![Node::default()];
        loop {
            let event = reader.read_event().map_err(|e| bad(&e))?;
            match event {
                Event::Start(start) => {
                    if open.len() > DEEPEST {
                        return Err(bad(&"its elements lie too deep"));
                    }
                    open.push(Node { name: local(start.local_name().as_ref()), ..Node::default() });
                }
                Event::Empty(empty) => {
                    let node = Node { name: local(empty.local_name().as_ref()), ..Node::default() };
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(node);
                    }
                }
                Event::End(_) => {
                    let node = open.pop().unwrap_or_default();
                    match open.last_mut() {
                        Some(parent) => parent.children.push(node),
                        None => return Err(bad(&"an element is closed twice")),
                    }
                }
                Event::Text(piece) => {
                    let piece = piece.decode().map_err(|e| bad(&e))?;
                    if let Some(node) = open.last_mut() {
                        node.text.push_str(&piece);
                    }
                }
                Event::CData(piece) => {
                    let piece = piece.decode().map_err(|e| bad(&e))?;
                    if let Some(node) = open.last_mut() {
                        node.text.push_str(&piece);
                    }
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref().map_err(|e| bad(&e))? {
                        Some(character) => character,
                        None => named(&reference.decode().map_err(|e| bad(&e))?)
                            .ok_or_else(|| bad(&"it refers to an unknown entity"))?,
                    };
                    if let Some(node) = open.last_mut() {
                        node.text.push(character);
                    }
                }
                Event::DocType(_) => return Err(bad(&"it has a document type")),
                Event::Eof => break,
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            }
        }
        if open.len() != 1 {
            return Err(bad(&"an element is not closed"));
        }
        let root = open.pop().and_then(|document| document.children.into_iter().next());
        root.ok_or_else(|| bad(&"it has no element"))
    }

    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|node| node.name == name)
    }

    /// The text of an element in this one.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|node| node.text.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |node| node.name == name)
    }
}

fn local(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn named(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let key = "a&b<c>\"d\u{1}\u{7f} ü'\r\n";
        let text = Xml::document("Delete", |xml| {
            xml.value("Quiet", true).group("Object", |xml| {
                xml.text("Key", key);
            });
        });
        let node = Node::parse(text.as_bytes()).unwrap();
        assert_eq!((node.name.as_str(), node.text_of("Quiet")), ("Delete", Some("true")));
        assert_eq!(node.child("Object").unwrap().text_of("Key").unwrap(), key);
    }

    #[test]
    fn namespaces_comments_and_empty_elements_are_read() {
        let text = "<?xml version=\"1.0\"?>\n<s:A xmlns:s=\"x\"><!-- c --><B/><B>1&#x20;&amp;<![CDATA[<]]></B></s:A>";
        let node = Node::parse(text.as_bytes()).unwrap();
        let texts: Vec<&str> = node.all("B").map(|b| b.text.as_str()).collect();
        assert_eq!((node.name.as_str(), texts), ("A", vec!["", "1 &<"]));
    }

    #[test]
    fn bad_documents_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(20), "</a>".repeat(20));
        for text in
            ["", "x", "<a>", "<a></b>", "<a>&nope;</a>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", &deep]
        {
            assert!(Node::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}

//! Entries: the manifest of a folder, with its small files.
//!
//! ```text
//! guardhouse last-good 1
//! sha256:…
//! inline "policy.toml" 12
//! version = 1
//!
//! content "plugin.wasm" sha256:…
//! ```

use guardhouse::Digest;

use crate::policy::folder::Bytes;

const FORMAT: &str = "guardhouse last-good 1";

/// The description of a folder.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    /// The digest of the folder.
    pub(super) digest: Digest,
    /// Its files, by path.
    pub(super) parts: Vec<(String, Part)>,
}

/// One file of a folder.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// Its content.
    Inline(Bytes),
    /// The digest of its content, which is a file of its own.
    Content(Digest),
}

impl Entry {
    /// The digests of the contents that are files of their own.
    pub(super) fn contents(&self) -> impl Iterator<Item = Digest> {
        self.parts.iter().filter_map(|(_, part)| match part {
            Part::Content(digest) => Some(*digest),
            Part::Inline(_) => None,
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{FORMAT}\n{}\n", self.digest).into_bytes();
        for (name, part) in &self.parts {
            // A name may contain a line break.
            let name = serde_json::Value::from(name.as_str());
            match part {
                Part::Inline(content) => {
                    bytes.extend(format!("inline {name} {}\n", content.len()).into_bytes());
                    bytes.extend_from_slice(content);
                    bytes.push(b'\n');
                }
                Part::Content(digest) => bytes.extend(format!("content {name} {digest}\n").into_bytes()),
            }
        }
        bytes
    }

    /// Reads an entry; none if it is damaged.
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let mut rest = Bytes::from(bytes);
        if line(&mut rest)? != FORMAT {
            return None;
        }
        let digest = line(&mut rest)?.parse().ok()?;
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let line = line(&mut rest)?;
            let (kind, named) = line.split_once(' ')?;
            let (name, value) = named.rsplit_once(' ')?;
            let name: String = serde_json::from_str(name).ok()?;
            let part = match kind {
                "inline" => {
                    let length: usize = value.parse().ok()?;
                    if length >= rest.len() || rest.get(length) != Some(&b'\n') {
                        return None;
                    }
                    let content = rest.split_to(length);
                    let _newline = rest.split_to(1);
                    Part::Inline(content)
                }
                "content" => Part::Content(value.parse().ok()?),
                _ => return None,
            };
            parts.push((name, part));
        }
        Some(Self { digest, parts })
    }
}

/// Takes the next line.
fn line(rest: &mut Bytes) -> Option<String> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = rest.split_to(end);
    let _newline = rest.split_to(1);
    String::from_utf8(line.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let inline = |text: &'static str| Part::Inline(Bytes::from_static(text.as_bytes()));
        let parts = vec![
            ("a \"b\"\nc 7".to_owned(), inline("")),
            ("policy.toml".to_owned(), inline("version = 1\ninline \"x\" 3\n")),
            ("plugin.wasm".to_owned(), Part::Content(Digest::of("plugin"))),
        ];
        Entry { digest: Digest::of("folder"), parts }
    }

    #[test]
    fn an_entry_is_the_same_after_writing_and_reading_it() {
        assert_eq!(Entry::parse(entry().to_bytes()), Some(entry()));
        let empty = Entry { digest: Digest::of("folder"), parts: Vec::new() };
        assert_eq!(Entry::parse(empty.to_bytes()), Some(empty));
    }

    #[test]
    fn no_part_of_an_entry_is_another_entry_of_the_same_folder() {
        let bytes = entry().to_bytes();
        for end in 0..bytes.len() {
            assert_ne!(Entry::parse(bytes[..end].to_vec()), Some(entry()), "{end}");
        }
        for text in ["", "guardhouse last-good 2\n", "guardhouse last-good 1\nsha256:0\n"] {
            assert_eq!(Entry::parse(text.as_bytes().to_vec()), None);
        }
    }
}

//! Documents that are read when a check first needs them.

use std::sync::{Arc, OnceLock};

use crate::digest::Digest;
use crate::reads::Document;
use crate::request::json::{Json, JsonError};

/// The documents of one request that nobody has read yet, and the parts of documents that nobody can read. A clone is
/// shallow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UnreadDocuments {
    documents: [Option<Arc<UnreadDocument>>; 4],
    unreadable: Vec<Arc<UnreadablePart>>,
}

/// A part of a document that exists, and cannot be read.
#[derive(Debug, PartialEq, Eq)]
struct UnreadablePart {
    document: Document,
    pointer: String,
    error: JsonError,
}

impl UnreadDocuments {
    /// The error of a value under a JSON pointer of which a part cannot be read, or which is inside of such a part.
    pub(crate) fn unreadable(&self, document: Document, pointer: &str) -> Option<&JsonError> {
        let is_inside = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let meets = |part: &&Arc<UnreadablePart>| {
            part.document == document && (is_inside(pointer, &part.pointer) || is_inside(&part.pointer, pointer))
        };
        self.unreadable.iter().find(meets).map(|part| &part.error)
    }

    pub(super) fn set_unreadable(&mut self, document: Document, pointer: &str, reason: &str) {
        let error = JsonError::new(pointer, reason);
        self.unreadable.push(Arc::new(UnreadablePart { document, pointer: pointer.to_owned(), error }));
    }

    pub(crate) fn get(&self, document: Document) -> Option<&Arc<UnreadDocument>> {
        let [claims, detail, arguments, attributes] = &self.documents;
        let found = match document {
            Document::Claim => claims,
            Document::Detail => detail,
            Document::Argument => arguments,
            Document::Attribute => attributes,
        };
        found.as_ref()
    }

    /// The digest of all of them.
    pub(crate) fn digest(&self) -> Digest {
        let documents = self.documents.iter().map(|unread| match unread.as_deref().map(UnreadDocument::content) {
            None => vec![0],
            Some(Ok(text)) => [&[1], text].concat(),
            Some(Err(error)) => [&[2], error.to_string().as_bytes()].concat(),
        });
        let unreadable = self.unreadable.iter().flat_map(|part| {
            let texts = [part.document.as_str(), &part.pointer, part.error.reason()];
            texts.map(|text| text.as_bytes().to_vec())
        });
        let parts = documents.chain(unreadable);
        Digest::of_parts(parts.collect::<Vec<_>>().iter().map(Vec::as_slice))
    }

    pub(super) fn set(&mut self, document: Document, unread: UnreadDocument) {
        let [claims, detail, arguments, attributes] = &mut self.documents;
        let place = match document {
            Document::Claim => claims,
            Document::Detail => detail,
            Document::Argument => arguments,
            Document::Attribute => attributes,
        };
        *place = Some(Arc::new(unread));
    }
}

/// A document as JSON text, or the reason why it cannot be read.
#[derive(Debug)]
pub(crate) enum UnreadDocument {
    Text { text: Vec<u8>, read: OnceLock<Result<Json, JsonError>> },
    Unreadable(JsonError),
}

impl UnreadDocument {
    pub(super) fn text(text: Vec<u8>) -> Self {
        Self::Text { text, read: OnceLock::new() }
    }

    pub(super) fn unreadable(reason: &str) -> Self {
        Self::Unreadable(JsonError::new(".", reason))
    }

    /// The length of its text, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text { text, .. } => text.len(),
            Self::Unreadable(_) => 0,
        }
    }

    /// Reads it, the first time that it is called.
    pub(crate) fn read(&self) -> Result<&Json, &JsonError> {
        match self {
            Self::Text { text, read } => read.get_or_init(|| Json::from_slice(text)).as_ref(),
            Self::Unreadable(error) => Err(error),
        }
    }

    /// The text, or the reason.
    fn content(&self) -> Result<&[u8], &JsonError> {
        match self {
            Self::Text { text, .. } => Ok(text),
            Self::Unreadable(error) => Err(error),
        }
    }
}

impl PartialEq for UnreadDocument {
    fn eq(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}

impl Eq for UnreadDocument {}

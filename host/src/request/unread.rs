//! Documents that are read when a check first needs them.

use std::sync::{Arc, OnceLock};

use crate::digest::Digest;
use crate::reads::Document;
use crate::request::json::{Json, JsonError};

/// The documents of one request that nobody has read yet. A clone is shallow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UnreadDocuments([Option<Arc<UnreadDocument>>; 4]);

impl UnreadDocuments {
    pub(crate) fn get(&self, document: Document) -> Option<&Arc<UnreadDocument>> {
        let [claims, detail, arguments, attributes] = &self.0;
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
        let parts = self.0.iter().map(|unread| match unread.as_deref().map(UnreadDocument::content) {
            None => vec![0],
            Some(Ok(text)) => [&[1], text].concat(),
            Some(Err(error)) => [&[2], error.to_string().as_bytes()].concat(),
        });
        Digest::of_parts(parts.collect::<Vec<_>>().iter().map(Vec::as_slice))
    }

    pub(super) fn set(&mut self, document: Document, unread: UnreadDocument) {
        let [claims, detail, arguments, attributes] = &mut self.0;
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

//! The part of a request that one instance may read.

use std::sync::Arc;

use crate::decision::DecisionId;
use crate::fault::{Cause, Fault};
use crate::guest::clock::Clock;
use crate::guest::fault::HostFault;
use crate::reads::{Document, DocumentRead, DocumentReads};
use crate::request::AuthContext;
use crate::request::json::Json;
use crate::request::token::RawToken;
use crate::request::unread::UnreadDocuments;
use crate::util::text::clip;

/// The request as one instance sees it. Its documents stay sealed while the plugin starts and is configured, so that
/// its state before `check` cannot depend on the request.
pub(crate) struct GuestRequest {
    now: i64,
    seed: Seed,
    /// The documents that the plugin may read now.
    opened: Documents,
    /// The documents that the plugin may read once `check` is called.
    sealed: Documents,
    bytes_cap: usize,
    bytes_left: usize,
    reads: DocumentReads,
}

/// The seed of the random numbers of one check in one decision. It is unpredictable before the decision is made, and
/// the same when the decision is replayed.
pub(crate) struct Seed {
    pub(crate) decision: DecisionId,
    pub(crate) check: Arc<str>,
}

/// The documents of a request, in the order of the contract's `request` interface.
#[derive(Default)]
struct Documents {
    claims: Option<Json>,
    detail: Option<Json>,
    arguments: Option<Json>,
    attributes: Option<Json>,
    /// These take the place of those above.
    unread: UnreadDocuments,
    raw_token: Option<RawToken>,
}

impl Documents {
    /// A document, which is read now if nobody has read it, unless it is larger than `cap`.
    fn get(&self, document: Document, cap: usize) -> Result<Option<&Json>, Fault> {
        let found = match document {
            Document::Claim => &self.claims,
            Document::Detail => &self.detail,
            Document::Argument => &self.arguments,
            Document::Attribute => &self.attributes,
        };
        // Without a token there are no claims.
        let is_absent = document == Document::Claim && found.is_none();
        let Some(unread) = self.unread.get(document).filter(|_| !is_absent) else { return Ok(found.as_ref()) };
        let name = document.as_str();
        if unread.len() > cap {
            let detail = format!("the document of `{name}` has {} bytes, over the cap of {cap} bytes", unread.len());
            return Err(Fault::new(Cause::ContextLimit, detail));
        }
        let unreadable = |error| Fault::new(Cause::UnreadableDocument, format!("the document of `{name}`: {error}"));
        unread.read().map(Some).map_err(unreadable)
    }
}

impl GuestRequest {
    /// An empty request, for a plugin that is asked for its schema or configured on trial.
    pub(crate) fn none(seed: Seed) -> Self {
        Self {
            now: 0,
            seed,
            opened: Documents::default(),
            sealed: Documents::default(),
            bytes_cap: 0,
            bytes_left: 0,
            reads: DocumentReads::default(),
        }
    }

    /// The record part of `context`. The plugin may read up to `bytes_cap` bytes, including the record.
    ///
    /// # Errors
    /// A fault if the record alone is larger.
    pub(crate) fn new(context: &AuthContext, seed: Seed, bytes_cap: usize) -> Result<Self, Fault> {
        let record = context.record_bytes();
        let Some(bytes_left) = bytes_cap.checked_sub(record) else {
            let detail = format!("a context of {record} bytes, over the cap of {bytes_cap} bytes");
            return Err(Fault::new(Cause::ContextLimit, detail));
        };
        Ok(Self { now: context.now, bytes_cap, bytes_left, ..Self::none(seed) })
    }

    /// Adds the documents of `context`.
    pub(crate) fn with_documents(mut self, context: &AuthContext) -> Self {
        self.sealed = Documents {
            claims: context.token.as_ref().map(|token| token.claims.clone()),
            detail: Some(context.component.detail.clone()),
            arguments: context.arguments.clone(),
            attributes: Some(context.attributes.clone()),
            unread: context.unread.clone(),
            ..self.sealed
        };
        self
    }

    /// Adds the bearer secret of `context`, for a check with the grant.
    pub(crate) fn with_raw_token(mut self, context: &AuthContext) -> Self {
        self.sealed.raw_token = context.token.as_ref().and_then(|token| token.raw.clone());
        self
    }

    /// Unseals the documents: from now on the plugin may read them.
    pub(super) fn open(&mut self) {
        self.opened = std::mem::take(&mut self.sealed);
    }

    /// A clock that starts at the time of the request.
    pub(super) fn clock(&self) -> Clock {
        Clock::at(self.now)
    }

    pub(super) fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The JSON text under a pointer of one document, or `None` if the document has no value there.
    ///
    /// # Errors
    /// A fault if `pointer` is invalid. Answering it like an absent value would turn a list of forbidden values into
    /// one that forbids nothing.
    pub(super) fn read(&mut self, document: Document, pointer: String) -> wasmtime::Result<Option<String>> {
        if !Json::is_pointer(&pointer) {
            let detail = format!("asked for `{}`, which is not a JSON pointer (RFC 6901)", clip(&pointer));
            return Err(HostFault(Fault::new(Cause::Trap, detail)).into());
        }
        let found = self.opened.get(document, self.bytes_cap).map_err(HostFault)?;
        if let Some(error) = self.opened.unread.unreadable(document, &pointer).filter(|_| found.is_some()) {
            let detail = format!("the document of `{}`: {error}", document.as_str());
            return Err(HostFault(Fault::new(Cause::UnreadableDocument, detail)).into());
        }
        let text = found.and_then(|document| document.text_at(&pointer));
        self.reads.push(DocumentRead { document, pointer, found: text.is_some() });
        let Some(text) = text else { return Ok(None) };
        self.spend(text.len())?;
        Ok(Some(text))
    }

    /// The reads so far, which are taken out.
    pub(crate) fn take_reads(&mut self) -> DocumentReads {
        std::mem::take(&mut self.reads)
    }

    /// The bearer secret, or `None` without a token or without the grant.
    pub(super) fn read_raw_token(&mut self) -> wasmtime::Result<Option<String>> {
        let Some(token) = self.opened.raw_token.as_ref().map(|token| token.expose().to_owned()) else {
            return Ok(None);
        };
        self.spend(token.len())?;
        Ok(Some(token))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), HostFault> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or_else(|| {
            let detail = format!("read more than the cap of {} bytes of context", self.bytes_cap);
            HostFault(Fault::new(Cause::ContextLimit, detail))
        })?;
        Ok(())
    }
}

//! The reads of the documents of a request, for the operator.

use serde::Serialize;

/// The reads of the documents of a request, in order, up to [`MAX`](Self::MAX). In JSON, `reads` and `reads_left_out`
/// are fields of the evaluation, and absent if there is nothing in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DocumentReads {
    /// The first reads.
    #[serde(rename = "reads", skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<DocumentRead>,
    /// The number of further reads.
    #[serde(rename = "reads_left_out", skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

impl DocumentReads {
    /// The number of reads that are recorded.
    pub const MAX: usize = 64;

    /// Records a read. The text of its pointer is kept and not copied, so that recording costs as good as nothing.
    pub(crate) fn push(&mut self, mut read: DocumentRead) {
        if self.first.len() >= Self::MAX {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        if read.pointer.len() > DocumentRead::MAX_POINTER_BYTES {
            read.pointer.truncate(read.pointer.floor_char_boundary(DocumentRead::MAX_POINTER_BYTES));
            read.pointer.push('…');
            read.pointer.shrink_to_fit();
        }
        self.first.push(read);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One read of a document of the request, without the value. It shows a pointer that matches nothing, which a check
/// cannot tell from a value that the request does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DocumentRead {
    /// The document.
    pub document: Document,
    /// The JSON pointer (RFC 6901) as the plugin gave it, which is untrusted. A long one is cut, and ends in `…`.
    pub pointer: String,
    /// Whether the document has a value there.
    pub found: bool,
}

impl DocumentRead {
    /// The length from which a pointer is cut, in bytes.
    pub const MAX_POINTER_BYTES: usize = 256;
}

/// A document of the request, by the function of the contract's `request` interface that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Document {
    /// The claims of the token.
    Claim,
    /// The detail of the component.
    Detail,
    /// The arguments of the call.
    Argument,
    /// The attributes of the request.
    Attribute,
}

impl Document {
    /// Every document.
    pub const ALL: &'static [Self] = &[Self::Claim, Self::Detail, Self::Argument, Self::Attribute];

    /// The name of the function: `claim`, `detail`, `argument` or `attribute`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Detail => "detail",
            Self::Argument => "argument",
            Self::Attribute => "attribute",
        }
    }
}

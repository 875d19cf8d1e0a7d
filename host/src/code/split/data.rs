//! The data of a module: how it comes into the memory of each instance.

use wasm_encoder::ConstExpr;
use wasmparser::{DataKind, Operator, Parser, Payload};

use crate::guest::reason::Reason;
use crate::tuning::{MAX_JOINED_ZEROS, MAX_SEGMENT_GAP};

/// The origin of a component that is split.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SplitOf {
    /// A plugin, whose instances initialize their memory as they would if it was not split: that takes no fuel.
    Plugin,
    /// The snapshot of a configured instance. The first `resident_bytes` of the memory of its instances are written over
    /// in any case, and its data is copied into them if at most `copied_bytes` of it lie beyond these.
    Image { resident_bytes: usize, copied_bytes: usize },
}

/// The method by which the memory of an instance is initialized from a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemoryInit {
    /// The state is mapped (copy-on-write): its cost does not grow with the state.
    Mapped,
    /// The state is copied into every instance, in few segments. This is cheaper for a small one, and for one that lies where
    /// memory is written over.
    Copied,
}

impl MemoryInit {
    /// The method for the states of all modules together. Copying takes no fuel of an image.
    pub(super) fn of(modules: &[&[u8]], of: SplitOf) -> Result<Self, Reason> {
        let SplitOf::Image { resident_bytes, copied_bytes } = of else { return Ok(Self::Mapped) };
        let mut bytes = 0;
        for module in modules {
            bytes += bytes_beyond(resident_bytes, module)?;
        }
        Ok(if bytes > copied_bytes { Self::Mapped } else { Self::Copied })
    }

    /// The offset of a segment. The runtime maps segments whose offset is a plain constant.
    pub(super) fn offset(self, offset: u32) -> ConstExpr {
        let offset = ConstExpr::i32_const(offset.cast_signed());
        match self {
            Self::Mapped => offset,
            Self::Copied => offset.with_i32_const(0).with_i32_add(),
        }
    }
}

/// Bytes that initialize a memory from an offset on.
pub(super) struct Segment {
    pub(super) memory: u32,
    pub(super) offset: u32,
    pub(super) bytes: Vec<u8>,
}

impl Segment {
    fn end(&self) -> usize {
        (self.offset as usize).saturating_add(self.bytes.len())
    }
}

/// Joins segments with small gaps between them, which are zero. Segments that are not ordered by offset, as in every
/// snapshot, stay as they are: a gap may be where an earlier segment is.
pub(super) fn joined(segments: Vec<Segment>) -> Vec<Segment> {
    let is_ordered = segments.iter().zip(segments.iter().skip(1)).all(|(first, second)| {
        let is_after = first.memory == second.memory && first.end() <= second.offset as usize;
        is_after || first.memory < second.memory
    });
    if !is_ordered {
        return segments;
    }
    let mut joined: Vec<Segment> = Vec::new();
    // A plugin with many small segments must not make the host write thousands of times as many zeros.
    let mut zeros = MAX_JOINED_ZEROS;
    for segment in segments {
        let last = joined.last_mut().filter(|last| last.memory == segment.memory);
        let gap = last.as_ref().and_then(|last| {
            let gap = (segment.offset as usize).checked_sub(last.end())?;
            (gap < MAX_SEGMENT_GAP && gap <= zeros).then_some(gap)
        });
        match (last, gap) {
            (Some(last), Some(gap)) => {
                zeros -= gap;
                last.bytes.resize(last.bytes.len() + gap, 0);
                last.bytes.extend(segment.bytes);
            }
            _ => joined.push(segment),
        }
    }
    joined
}

/// The bytes of the segments of a module that lie beyond the first `resident_bytes` of their memories.
fn bytes_beyond(resident_bytes: usize, module: &[u8]) -> Result<usize, Reason> {
    let mut bytes = 0;
    for payload in Parser::new(0).parse_all(module) {
        let Payload::DataSection(section) = payload? else { continue };
        for segment in section {
            let segment = segment?;
            if let DataKind::Active { offset_expr, .. } = segment.kind {
                let begins = offset(&offset_expr)? as usize;
                let end = begins.saturating_add(segment.data.len());
                bytes += end.saturating_sub(begins.max(resident_bytes));
            }
        }
    }
    Ok(bytes)
}

/// The offset of a segment of a 32-bit memory.
pub(super) fn offset(expression: &wasmparser::ConstExpr<'_>) -> Result<u32, Reason> {
    let mut operators = expression.get_operators_reader();
    match (operators.read()?, operators.read()?) {
        (Operator::I32Const { value }, Operator::End) => Ok(value.cast_unsigned()),
        _ => Err("a segment of a 64-bit memory, or one that depends on the instance".into()),
    }
}

//! WebAssembly files as trees of sections, so that the lengths stay correct when a section changes.

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The identifier and the bytes of a section, or the body of one function.
    Leaf(u8, Vec<u8>),
    /// The identifier, the header of eight bytes, and the sections of a module or component; or the functions of a module.
    Node(u8, Vec<u8>, Vec<Piece>),
}

const HEADER_BYTES: usize = 8;
const MODULE: u8 = 1;
const COMPONENT: u8 = 4;
/// The identifier of the code section of a module.
const CODE: u8 = 10;

/// The sections of a file; `None` if the file does not consist of sections.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Piece> {
    let (header, mut rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let is_component = header[6] == 1;
    let mut sections = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let (body, after) = sized(after)?;
        let piece = match (*id, is_component) {
            (MODULE | COMPONENT, true) => parse(body).map(|piece| piece.with_id(*id)),
            (CODE, false) => functions(body),
            _ => None,
        };
        sections.push(piece.unwrap_or_else(|| Piece::Leaf(*id, body.to_vec())));
        rest = after;
    }
    Some(Piece::Node(COMPONENT, header.to_vec(), sections))
}

fn functions(body: &[u8]) -> Option<Piece> {
    let (count, mut rest) = number(body)?;
    let mut bodies = Vec::new();
    for _ in 0..count {
        let (body, after) = sized(rest)?;
        bodies.push(Piece::Leaf(0, body.to_vec()));
        rest = after;
    }
    rest.is_empty().then_some(Piece::Node(CODE, Vec::new(), bodies))
}

impl Piece {
    fn with_id(self, id: u8) -> Self {
        match self {
            Self::Leaf(_, bytes) => Self::Leaf(id, bytes),
            Self::Node(_, header, pieces) => Self::Node(id, header, pieces),
        }
    }

    /// The bytes of a whole file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Leaf(_, bytes) => bytes.clone(),
            Self::Node(CODE, _, bodies) => {
                let mut bytes = Vec::new();
                push_number(&mut bytes, bodies.len());
                for body in bodies.iter().map(Self::to_bytes) {
                    push_number(&mut bytes, body.len());
                    bytes.extend(body);
                }
                bytes
            }
            Self::Node(_, header, sections) => {
                let mut bytes = header.clone();
                for section in sections {
                    let body = section.to_bytes();
                    let (Self::Leaf(id, _) | Self::Node(id, ..)) = section;
                    bytes.push(*id);
                    push_number(&mut bytes, body.len());
                    bytes.extend(body);
                }
                bytes
            }
        }
    }

    /// The number of pieces inside it.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Leaf(..) => 0,
            Self::Node(_, _, pieces) => pieces.iter().map(|piece| 1 + piece.count()).sum(),
        }
    }

    /// The list that contains the piece with an index among all pieces, and the index in that list.
    pub fn place(&mut self, mut index: usize) -> Option<(&mut Vec<Piece>, usize)> {
        let Self::Node(_, _, pieces) = self else { return None };
        let at = pieces.iter().position(|piece| {
            let count = 1 + piece.count();
            let is_there = index < count;
            index -= if is_there { 0 } else { count };
            is_there
        })?;
        if index == 0 { Some((pieces, at)) } else { pieces[at].place(index - 1) }
    }
}

/// Splits off bytes that follow their length.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(length)
}

/// Splits off a number in LEB128.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(5).position(|byte| *byte < 128)? + 1;
    let (digits, rest) = bytes.split_at(end);
    let number = digits.iter().rev().fold(0, |number, digit| number << 7 | usize::from(digit & 127));
    Some((number, rest))
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

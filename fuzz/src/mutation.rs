//! Changes of inputs that leave most of an input as it was.

use crate::dice::Dice;
use crate::sections::{Piece, parse};

/// Settings after a schema: a plugin is compiled for every new schema, so that most changes are of the settings.
pub fn mutate_settings(input: &[u8], dice: &mut Dice, change: impl Fn(&[u8], usize) -> Vec<u8>) -> Vec<u8> {
    let end = input.iter().position(|byte| *byte == 0).filter(|_| input[0] == b'7').map(|end| end + 1);
    let Some(end) = end.filter(|_| dice.below(32) > 0) else { return change(input, input.len() + SLACK) };
    let (schema, settings) = input.split_at(end);
    [schema, &change(settings, settings.len() + SLACK)].concat()
}

/// How much longer a piece may get at once.
const SLACK: usize = 64;

/// A file with one piece changed, doubled, moved or taken out. `change` changes bytes, up to a length; it is given the
/// whole of a file that is not WebAssembly.
pub fn mutate(file: &[u8], dice: &mut Dice, change: impl Fn(&[u8], usize) -> Vec<u8>) -> Vec<u8> {
    let whole = || change(file, file.len() + SLACK);
    let Some(mut tree) = parse(file).filter(|tree| tree.count() > 0) else { return whole() };
    let what = dice.below(16);
    let index = dice.below(tree.count());
    let Some((pieces, at)) = tree.place(index).filter(|_| what > 0) else { return whole() };
    let other = dice.below(pieces.len());
    match (what, &mut pieces[at]) {
        (4.., Piece::Leaf(_, bytes)) => *bytes = change(bytes, bytes.len() + SLACK),
        (1, _) => drop(pieces.remove(at)),
        (2, piece) => {
            let piece = piece.clone();
            pieces.insert(other, piece);
        }
        _ => pieces.swap(at, other),
    }
    tree.to_bytes()
}

/// A file with one piece of another in the place of one of its own of the same kind.
#[must_use]
pub fn cross(file: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let (Some(mut tree), Some(mut other)) = (parse(file), parse(other)) else { return file.to_vec() };
    if tree.count() == 0 || other.count() == 0 {
        return file.to_vec();
    }
    let index = dice.below(other.count());
    let Some(piece) = other.place(index).map(|(pieces, at)| pieces[at].clone()) else { return file.to_vec() };
    let fits = |found: &Piece| match (found, &piece) {
        (Piece::Leaf(found, _), Piece::Leaf(id, _)) => found == id,
        (Piece::Node(found, ..), Piece::Node(id, ..)) => found == id,
        _ => false,
    };
    let start = dice.below(tree.count());
    for index in (start..tree.count()).chain(0..start) {
        if let Some((pieces, at)) = tree.place(index)
            && fits(&pieces[at])
        {
            pieces[at] = piece;
            break;
        }
    }
    tree.to_bytes()
}

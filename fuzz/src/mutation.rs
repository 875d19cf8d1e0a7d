//! Mutations that keep most of an input.

use crate::dice::Dice;
use crate::sections::{Piece, parse};

/// Mutates settings that follow a schema. Most mutations change only the settings, because a new schema needs a new
/// plugin, which has to be compiled.
pub fn mutate_settings(input: &[u8], dice: &mut Dice, change: impl Fn(&[u8], usize) -> Vec<u8>) -> Vec<u8> {
    let end = input.iter().position(|byte| *byte == 0).filter(|_| input[0] == b'7').map(|end| end + 1);
    let Some(end) = end.filter(|_| dice.below(32) > 0) else { return change(input, input.len() + SLACK) };
    let (schema, settings) = input.split_at(end);
    [schema, &change(settings, settings.len() + SLACK)].concat()
}

/// The number of bytes by which one mutation may lengthen a piece.
const SLACK: usize = 64;

/// Changes, duplicates, moves or removes one piece of a file. `change` mutates bytes, up to a length. A file that is not
/// WebAssembly is one piece.
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

/// Replaces one piece of a file with a piece of the same kind from another file.
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

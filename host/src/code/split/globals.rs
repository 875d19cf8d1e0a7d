//! The globals of a module that stay in its code.
//!
//! Those behind the last mutable one stay, with their indices: linkers put addresses there, which are the same in every
//! instance. Every other global is an import of the code, which each instance looks up by name.

use wasm_encoder::GlobalSection;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasmparser::{GlobalSectionReader, Parser, Payload};

use crate::guest::reason::Reason;

/// The number of a module's globals that become state: those up to the last mutable one.
pub(super) fn in_state(module: &[u8]) -> Result<usize, Reason> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(module) {
        let Payload::GlobalSection(section) = payload? else { continue };
        for (position, global) in (1..).zip(section) {
            if global?.ty.mutable {
                count = position;
            }
        }
    }
    Ok(count)
}

/// The globals that stay in the code, of which there may be none.
pub(super) fn in_code(section: GlobalSectionReader<'_>, in_state: usize) -> Result<GlobalSection, Reason> {
    let mut globals = GlobalSection::new();
    for global in section.into_iter().skip(in_state) {
        RoundtripReencoder.parse_global(&mut globals, global?).map_err(|error| error.to_string())?;
    }
    Ok(globals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globals_up_to_the_last_mutable_one_become_state() {
        for (globals, state) in [
            (&[][..], 0),
            (&["i32"], 0),
            (&["(mut i32)"], 1),
            (&["(mut i32)", "i32", "i32"], 1),
            (&["i32", "(mut i32)", "i32"], 2),
            (&["i32", "i32", "(mut i32)"], 3),
        ] {
            let fields: String = globals.iter().map(|ty| format!("(global {ty} (i32.const 1))")).collect();
            let module = wat::parse_str(format!("(module {fields})")).unwrap();
            assert_eq!(in_state(&module).unwrap(), state, "{fields}");
            for payload in Parser::new(0).parse_all(&module) {
                if let Payload::GlobalSection(section) = payload.unwrap() {
                    let stay = in_code(section, state).unwrap().len();
                    assert_eq!(stay as usize, globals.len() - state, "{fields}");
                }
            }
        }
    }
}

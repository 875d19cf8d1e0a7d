//! The section of a component that has its origin.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

use super::document::{FORMAT, Origin};

/// The name of the section.
const NAME: &str = "guardhouse.origin";

/// The maximum size of an origin, in bytes.
const MAX_BYTES: usize = 256 << 10;

/// The format alone: an origin of another one may have other members.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

pub(super) fn add(mut origin: Origin, mut component: Vec<u8>) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(&origin).context("cannot write the origin of the component")?;
    if text.len() > MAX_BYTES {
        // Without the single files, it has a few hundred bytes.
        if let Some(sources) = &mut origin.sources {
            sources.files.clear();
        }
        text = serde_json::to_vec(&origin).context("cannot write the origin of the component")?;
    }
    ensure!(text.len() <= MAX_BYTES, "the origin of the component has {} bytes, over {MAX_BYTES}", text.len());
    CustomSection { name: NAME.into(), data: text.into() }.append_to_component(&mut component);
    Ok(component)
}

pub(super) fn read(component: &[u8]) -> Result<Option<Origin>> {
    let mut depth = 0_usize;
    let mut found = None;
    for payload in Parser::new(0).parse_all(component) {
        match payload.context("the component is invalid")? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == NAME => {
                ensure!(found.is_none(), "the component has two sections `{NAME}`");
                found = Some(section.data());
            }
            _ => {}
        }
    }
    let Some(text) = found else { return Ok(None) };
    ensure!(text.len() <= MAX_BYTES, "the section `{NAME}` has {} bytes, over {MAX_BYTES}", text.len());
    let read = || -> Result<Origin> {
        let Format { format } = serde_json::from_slice(text)?;
        ensure!(format == FORMAT, "its format is {format}, and this command reads {FORMAT}");
        Ok(serde_json::from_slice(text)?)
    };
    read().map(Some).with_context(|| format!("the section `{NAME}` is not an origin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn origin() -> Origin {
        serde_json::from_str(
            r#"{"format": 1, "sources": {"digest": "sha256:00", "files": {"a": "sha256:00"}},
                "sdk": {"version": "1.2.3"}, "tools": {"guardhouse": "1.2.3"}}"#,
        )
        .unwrap()
    }

    fn with_section(data: &[u8]) -> Vec<u8> {
        let mut component = EMPTY.to_vec();
        CustomSection { name: NAME.into(), data: data.into() }.append_to_component(&mut component);
        component
    }

    #[test]
    fn an_origin_is_read_as_it_was_written_and_changes_nothing_else() {
        let component = add(origin(), EMPTY.to_vec()).unwrap();
        assert!(component.starts_with(EMPTY));
        assert_eq!(read(&component).unwrap(), Some(origin()));
        assert_eq!(read(EMPTY).unwrap(), None);
    }

    #[test]
    fn an_origin_inside_of_a_part_is_not_that_of_the_component() {
        let mut outer = EMPTY.to_vec();
        wasm_encoder::NestedComponentSection(&wasm_encoder::Component::new()).append_to_component(&mut outer);
        let inner = add(origin(), EMPTY.to_vec()).unwrap();
        let mut section = outer[..EMPTY.len()].to_vec();
        section.push(4);
        section.push(u8::try_from(inner.len() & 0x7f).unwrap() | 0x80);
        section.push(u8::try_from(inner.len() >> 7).unwrap());
        section.extend(inner);
        assert_eq!(read(&section).unwrap(), None);
        assert_eq!(read(&add(origin(), section).unwrap()).unwrap(), Some(origin()));
    }

    #[test]
    fn an_origin_that_is_not_one_is_an_error() {
        for (component, error) in [
            (b"\0asm".to_vec(), "the component is invalid"),
            (with_section(b"{"), "is not an origin"),
            (with_section(b"{\"format\": 2, \"new\": 1}"), "its format is 2, and this command reads 1"),
            (with_section(b"{\"format\": 1, \"new\": 1}"), "unknown field `new`"),
            (with_section(&vec![b' '; MAX_BYTES + 1]), "over 262144"),
            (add(origin(), add(origin(), EMPTY.to_vec()).unwrap()).unwrap(), "two sections"),
        ] {
            let found = format!("{:#}", read(&component).unwrap_err());
            assert!(found.contains(error), "{found}");
        }
    }

    #[test]
    fn a_large_origin_leaves_out_the_single_files() {
        let mut large = origin();
        let digest = "sha256:".to_owned() + &"0".repeat(64);
        large.sources.as_mut().unwrap().files =
            (0..4_000).map(|number| (format!("{number}"), digest.clone())).collect();
        let read = read(&add(large, EMPTY.to_vec()).unwrap()).unwrap().unwrap();
        assert!(read.sources.unwrap().files.is_empty());
    }
}

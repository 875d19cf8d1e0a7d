//! Normal forms: one spelling of each path and of each URI. What has none is denied, because the server behind the
//! enforcement point could read it in another way than the rules do.

mod host;

use std::borrow::Cow;
use std::fmt::Write as _;

/// The schemes whose host is that of the internet, with their default ports (URL Standard, "special schemes").
const SPECIAL: [(&str, &str); 5] = [("http", "80"), ("https", "443"), ("ws", "80"), ("wss", "443"), ("ftp", "21")];

/// Characters whose compatible forms (Unicode, NFKC) are `.`, `/`, `\\`, `;` or `%`, or have them.
const LIKE_SYNTAX: [char; 16] = [
    '\u{2024}', '\u{2025}', '\u{2100}', '\u{2101}', '\u{2105}', '\u{2106}', '\u{fe52}', '\u{fe54}', '\u{fe68}',
    '\u{fe6a}', '\u{ff05}', '\u{ff0e}', '\u{ff0f}', '\u{ff1b}', '\u{ff3c}', '\u{ff61}',
];

/// How the escapes begin of characters in more bytes than they need. Their bytes are not UTF-8, so they stay escaped.
const OVERLONG: [&str; 7] = ["%C0", "%C1", "%E0%8", "%E0%9", "%F0%8", "%F8%8", "%FC%8"];

/// Where a text stands in a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// An escape stands for its character, whatever it is.
    Path,
    /// An escape stands for its character only where that has no meaning in the syntax.
    Other,
}

/// What a URI stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UriKind {
    /// A resource, or whatever else a component is.
    Resource,
    /// All resources of a template (RFC 6570).
    Template,
    /// A route of an HTTP server. Its normal form has neither a query nor a fragment.
    Route,
}

/// The normal form of a path without a query.
pub(super) fn route(path: &str) -> Result<Cow<'_, str>, &'static str> {
    check_characters(path)?;
    if !path.starts_with('/') {
        return Err("it does not begin with `/`");
    }
    if path.contains(['?', '#']) {
        return Err("it has a query or a fragment");
    }
    route_path(path)
}

/// The normal form of a URI.
pub(super) fn uri(uri: &str, kind: UriKind) -> Result<Cow<'_, str>, &'static str> {
    check_characters(uri)?;
    let (scheme, rest) = uri.split_once(':').ok_or("it has no scheme")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
        return Err("it has no scheme");
    }
    let scheme = scheme.to_ascii_lowercase();
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (hierarchy, query) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if kind == UriKind::Route && !query.is_empty() {
        return Err("it has a query or a fragment");
    }
    // A fragment is not sent to the host: with and without it, the same is read. In a template, it may be a variable.
    if kind != UriKind::Template && is_special(&scheme) && query.contains('#') {
        return Err("it has a fragment");
    }
    let mut normal = format!("{scheme}:");
    let path = match hierarchy.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
            normal.push_str("//");
            normal.push_str(&self::authority(&scheme, authority, kind)?);
            if path.is_empty() && is_special(&scheme) { "/" } else { path }
        }
        None if is_special(&scheme) || scheme == "file" && !hierarchy.starts_with('/') => {
            return Err("it has no host");
        }
        None if hierarchy.is_empty() => return Err("it is empty behind its scheme"),
        None => {
            // `file:/x` and `file:///x` are the same.
            normal.push_str(if scheme == "file" { "//" } else { "" });
            hierarchy
        }
    };
    normal.push_str(&if kind == UriKind::Route { route_path(path)? } else { self::path(path)? });
    normal.push_str(&escapes(query, Part::Other)?);
    Ok(if normal == uri { Cow::Borrowed(uri) } else { Cow::Owned(normal) })
}

fn is_special(scheme: &str) -> bool {
    SPECIAL.iter().any(|(special, _)| *special == scheme)
}

fn check_characters(text: &str) -> Result<(), &'static str> {
    if text.contains(char::is_control) {
        return Err("it has a control character");
    }
    if text.contains('\\') { Err("it has a `\\`, which some servers read as `/`") } else { Ok(()) }
}

/// The path of a route. Some servers cut each segment at its `;`, ignore blanks in it, or make ASCII of what looks like
/// it.
fn route_path(path: &str) -> Result<Cow<'_, str>, &'static str> {
    let normal = self::path(path)?;
    if normal.contains(';') {
        return Err("it has a `;`, behind which some servers do not read");
    }
    if normal.contains(LIKE_SYNTAX) {
        return Err("it has a character that some servers read as `.`, `/`, `\\`, `;` or `%`");
    }
    let is_dots = |segment: &str| {
        let mut characters = segment.chars().filter(|character| !character.is_whitespace());
        characters.next() == Some('.') && matches!(characters.next(), None | Some('.')) && characters.next().is_none()
    };
    if normal.split('/').any(is_dots) {
        return Err("it has a segment `.` or `..` with blanks");
    }
    if OVERLONG.iter().any(|beginning| normal.contains(beginning)) {
        return Err("it has an overlong form of UTF-8, which some servers read as ASCII");
    }
    Ok(normal)
}

fn path(path: &str) -> Result<Cow<'_, str>, &'static str> {
    let normal = escapes(path, Part::Path)?;
    let segments = normal.strip_prefix('/').unwrap_or(&normal);
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(';').next().unwrap_or_default();
        if matches!(name, "." | "..") {
            return Err("it has a segment `.` or `..`");
        }
        if segment.is_empty() && segments.peek().is_some() {
            return Err("it has an empty segment: `//`");
        }
    }
    Ok(normal)
}

/// The user, the host and the port.
fn authority<'a>(scheme: &str, authority: &'a str, kind: UriKind) -> Result<Cow<'a, str>, &'static str> {
    let is_template = kind == UriKind::Template;
    if scheme == "file" {
        // `file://localhost/x` and `file:///x` are the same.
        let host = if authority.is_empty() { String::new() } else { host::normal(authority, is_template)? };
        return Ok(Cow::Owned(if host == "localhost" { String::new() } else { host }));
    }
    let Some((_, default_port)) = SPECIAL.iter().find(|(special, _)| *special == scheme) else {
        return escapes(authority, Part::Other);
    };
    if authority.contains('@') {
        return Err("it has a user before its host");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let host = host::normal(host, is_template)?;
    // `u16` would accept a sign.
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    let is_port = port.is_empty() || is_number && port.parse::<u16>().is_ok() || is_template && host::is_variable(port);
    if !is_port {
        return Err("its port is not a number from 1 to 65535");
    }
    Ok(Cow::Owned(if port.is_empty() || port == *default_port { host } else { format!("{host}:{port}") }))
}

/// The text with one spelling of each escape.
fn escapes(text: &str, part: Part) -> Result<Cow<'_, str>, &'static str> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        normal.push_str(before);
        // Escapes in a row may be one character.
        let mut bytes = vec![byte(behind)?];
        rest = behind.get(2..).unwrap_or_default();
        while let Some(behind) = rest.strip_prefix('%') {
            bytes.push(byte(behind)?);
            rest = behind.get(2..).unwrap_or_default();
        }
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                push(&mut normal, character, part)?;
            }
            for byte in chunk.invalid() {
                escape(&mut normal, *byte);
            }
        }
    }
    normal.push_str(rest);
    let is_escape = |behind: &str| byte(behind).is_ok() || behind.starts_with(['u', 'U']);
    if part == Part::Path && normal.split("%25").skip(1).any(is_escape) {
        return Err("it is escaped twice");
    }
    Ok(if normal == text { Cow::Borrowed(text) } else { Cow::Owned(normal) })
}

/// Adds the normal form of an escaped character.
fn push(normal: &mut String, character: char, part: Part) -> Result<(), &'static str> {
    let stays_escaped = match part {
        Part::Path if character.is_control() => return Err("it has an escaped control character"),
        Part::Path if matches!(character, '/' | '\\') => return Err("it has an escaped `/` or `\\`"),
        Part::Path => matches!(character, '%' | '?' | '#'),
        Part::Other if character.is_ascii() => {
            !character.is_ascii_alphanumeric() && !matches!(character, '-' | '.' | '_' | '~')
        }
        Part::Other => character.is_control(),
    };
    if stays_escaped {
        let mut buffer = [0; 4];
        character.encode_utf8(&mut buffer).bytes().for_each(|byte| escape(normal, byte));
    } else {
        normal.push(character);
    }
    Ok(())
}

fn escape(normal: &mut String, byte: u8) {
    // Writing to a string does not fail.
    let _ = write!(normal, "%{byte:02X}");
}

/// The byte of the two hexadecimal digits at the beginning of `text`.
fn byte(text: &str) -> Result<u8, &'static str> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    byte.ok_or("it has a `%` that is not followed by two hexadecimal digits")
}

#[cfg(test)]
mod tests;

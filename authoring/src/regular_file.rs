//! Files of projects that somebody else may have written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Reads a regular file of at most `cap` bytes. A symbolic link is an error, and a named pipe does not block.
pub(crate) fn read(path: &Path, cap: u64) -> io::Result<Vec<u8>> {
    read_opened(&open(path, OFlags::NOFOLLOW)?, cap)
}

/// Like [`read`], but follows a symbolic link, as the tools of the languages do.
pub(crate) fn read_linked(path: &Path, cap: u64) -> io::Result<Vec<u8>> {
    read_opened(&open(path, OFlags::empty())?, cap)
}

/// Like [`read`], but the file must be UTF-8. A byte order mark is kept.
pub(crate) fn read_text(path: &Path, cap: u64) -> io::Result<String> {
    text(read(path, cap)?)
}

/// Like [`read_linked`], but the file must be UTF-8. A byte order mark is left out.
pub(crate) fn read_linked_text(path: &Path, cap: u64) -> io::Result<String> {
    let text = text(read_linked(path, cap)?)?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    // Editors that write UTF-16 begin it with a byte order mark.
    let encoding = match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "is UTF-16",
        _ => "is not UTF-8",
    };
    String::from_utf8(bytes).map_err(|_| io::Error::other(format!("{encoding}; save it as UTF-8")))
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let is_link = |error: &io::Error| {
        flags.contains(OFlags::NOFOLLOW) && error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
    };
    let file = file.map_err(|error| if is_link(&error) { io::Error::other("is a symbolic link") } else { error })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("is not a regular file")) }
}

fn read_opened(file: &File, cap: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(cap.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        return Err(io::Error::other(format!("has more than {cap} bytes")));
    }
    Ok(bytes)
}

/// Removes what an earlier build wrote, so that it cannot pass for the output of this one.
pub(crate) fn remove_output(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`, which an earlier build wrote", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_small_regular_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "four").unwrap();
        assert_eq!(read(&path("file"), 4).unwrap(), b"four");
        symlink(path("file"), path("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).unwrap();
        for (name, cap, error) in [
            ("file", 3, "has more than 3 bytes"),
            ("link", 4, "is a symbolic link"),
            ("pipe", 4, "is not a regular file"),
            (".", 4, "is not a regular file"),
            ("none", 4, "No such file"),
        ] {
            let found = read(&path(name), cap).unwrap_err().to_string();
            assert!(found.contains(error), "{name}: {found}");
        }
        assert_eq!(read_linked(&path("link"), 4).unwrap(), b"four");
        for name in ["pipe", "."] {
            assert_eq!(read_linked(&path(name), 4).unwrap_err().to_string(), "is not a regular file", "{name}");
        }
    }

    #[test]
    fn a_text_may_begin_with_a_byte_order_mark_and_another_encoding_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"\xef\xbb\xbfname").unwrap();
        assert_eq!(read_linked_text(&path, 10).unwrap(), "name");
        assert_eq!(read_text(&path, 10).unwrap(), "\u{feff}name", "an upgrade keeps what it does not change");
        for (bytes, error) in [
            (&b"\xff\xfen\0"[..], "is UTF-16; save it as UTF-8"),
            (b"\xfe\xff\0n", "is UTF-16; save it as UTF-8"),
            (b"n\xe4me", "is not UTF-8; save it as UTF-8"),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read_linked_text(&path, 10).unwrap_err().to_string(), error);
        }
    }
}

//! Files of projects that somebody else may have written.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Reads a regular file of at most `cap` bytes. A symbolic link is an error, and a named pipe does not block.
pub(crate) fn read(path: &Path, cap: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(cap.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        return Err(io::Error::other(format!("has more than {cap} bytes")));
    }
    Ok(bytes)
}

/// Reads a regular file of at most `cap` bytes, which must be UTF-8.
pub(crate) fn read_text(path: &Path, cap: u64) -> io::Result<String> {
    String::from_utf8(read(path, cap)?).map_err(|_| io::Error::other("is not UTF-8"))
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let is_link = |error: &io::Error| error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    let file = file.map_err(|error| if is_link(&error) { io::Error::other("is a symbolic link") } else { error })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("is not a regular file")) }
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
    }
}

//! Destinations: where the lines of the decision log go.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// Where the lines of the decision log go.
#[derive(Debug)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A regular file, to which lines are appended. It is made with mode 0600 if it does not exist. Its folder must exist.
    File(PathBuf),
    /// A file, a pipe or a socket that is open already.
    Open(File),
}

/// An open destination.
pub(super) struct Sink {
    file: File,
    path: Option<PathBuf>,
}

impl Sink {
    /// Opens a destination.
    ///
    /// # Errors
    /// The error of the system; or [`io::ErrorKind::InvalidInput`] if the path is neither a regular file nor a device.
    pub(super) fn open(destination: Destination) -> io::Result<Self> {
        match destination {
            Destination::Stdout => Ok(Self { file: rustix::io::dup(io::stdout())?.into(), path: None }),
            Destination::File(path) => {
                let mut file = open(&path)?;
                // Without it, only the first line of this server may be unreadable.
                let _ = end_last_line(&mut file, &path);
                Ok(Self { file, path: Some(path) })
            }
            Destination::Open(file) => Ok(Self { file, path: None }),
        }
    }

    /// Opens the path again, because the file was renamed, and says whether it is another file now. The old file stays if
    /// that fails. Nothing happens to a destination without a path.
    pub(super) fn reopen(&mut self) -> io::Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        let file = open(path)?;
        let (old, new) = (self.file.metadata()?, file.metadata()?);
        self.file = file;
        Ok((old.dev(), old.ino()) != (new.dev(), new.ino()))
    }

    /// Writes the beginning of `bytes`, and returns its length. It waits for a pipe with room as long as that takes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process may have opened standard output so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
                    poll(&mut [PollFd::new(&self.file.as_fd(), PollFlags::OUT)], Some(&second))?;
                }
                result => return result,
            }
        }
    }
}

/// Ends the line that another server began, and did not write as a whole before it was killed.
fn end_last_line(file: &mut File, path: &Path) -> io::Result<()> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(()) };
    let mut byte = [0];
    File::open(path)?.read_exact_at(&mut byte, last)?;
    if byte == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe without a reader is an error, and not a wait.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_char_device() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file; for a pipe, use standard output"))
}

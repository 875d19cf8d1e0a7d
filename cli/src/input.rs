//! Documents and files from outside. Each has a cap, and nothing beyond it is read.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use guardhouse::JsonError;
use rustix::fs::OFlags;

/// A JSON document on the command line: its text, `@FILE`, or `@-` for standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Document {
    Text(String),
    File(PathBuf),
    Stdin,
}

/// The reason why a file or a document was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("over the cap of {cap} bytes")]
    TooLarge { found: usize, cap: usize },
    #[error("is a directory")]
    Directory,
    #[error("is not a regular file; to read a pipe, use `@-`")]
    NotRegular,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FromStr for Document {
    type Err = Infallible;

    fn from_str(argument: &str) -> Result<Self, Infallible> {
        // No JSON text starts with `@`.
        Ok(match argument.strip_prefix('@') {
            None => Self::Text(argument.to_owned()),
            Some("-") => Self::Stdin,
            Some(path) => Self::File(path.into()),
        })
    }
}

impl Document {
    /// Reads and parses the document, which has at most `cap` bytes. `what` names it in errors.
    pub(crate) fn parse<T>(
        &self,
        what: &str,
        cap: usize,
        parse: impl FnOnce(&[u8]) -> Result<T, JsonError>,
    ) -> Result<T> {
        let parsed = || -> Result<T> { Ok(parse(&self.read(cap)?)?) };
        parsed().with_context(|| format!("cannot read {what}{}", self.origin()))
    }

    fn read(&self, cap: usize) -> Result<Cow<'_, [u8]>, ReadError> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text.as_bytes())),
            Self::File(path) => read_file(path, cap).map(Cow::Owned),
            Self::Stdin => read_capped(io::stdin().lock(), cap).map(Cow::Owned),
        }
    }

    fn origin(&self) -> String {
        match self {
            Self::Text(text) if Path::new(text).is_file() => format!(" (for the file of that name, write `@{text}`)"),
            Self::Text(_) => String::new(),
            Self::File(path) => format!(" from `{}`", path.display()),
            Self::Stdin => " from standard input".to_owned(),
        }
    }
}

/// Reads a regular file of at most `cap` bytes. A pipe is read only if this process has it open already, as a shell
/// passes the output of a command: any other pipe might never have a writer.
pub(crate) fn read_file(path: &Path, cap: usize) -> Result<Vec<u8>, ReadError> {
    let is_own = ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|own| path.starts_with(own));
    let flags = if is_own { OFlags::empty() } else { OFlags::NONBLOCK };
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(ReadError::Directory);
    }
    if !metadata.is_file() && !is_own {
        return Err(ReadError::NotRegular);
    }
    let found = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if found > cap {
        return Err(ReadError::TooLarge { found, cap });
    }
    read_capped(file, cap)
}

/// Reads at most `cap` bytes; more are an error.
pub(crate) fn read_capped(reader: impl Read, cap: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    // One byte more than the cap distinguishes a document of exactly that size from a longer one.
    let most = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    let found = reader.take(most).read_to_end(&mut bytes)?;
    if found > cap { Err(ReadError::TooLarge { found, cap }) } else { Ok(bytes) }
}

//! The source of a plugin: the bytes of its component, kept as long as they may have to be compiled again.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::code::cache::Cache;
use crate::digest::Digest;

/// The bytes of a component, with their digest.
pub(crate) struct Source<'a> {
    digest: Digest,
    size: usize,
    storage: Storage<'a>,
}

enum Storage<'a> {
    Borrowed(&'a [u8]),
    Memory(Arc<[u8]>),
    /// An open file of the cache, which can be read even after it is removed.
    File(File),
}

impl<'a> Source<'a> {
    pub(crate) fn borrowed(bytes: &'a [u8]) -> Self {
        Self { digest: Digest::of(bytes), size: bytes.len(), storage: Storage::Borrowed(bytes) }
    }

    /// Returns an owned copy: on disk if there is a cache, or else in memory.
    pub(super) fn keep(&self, cache: Option<&Cache>) -> io::Result<Source<'static>> {
        let bytes = self.read()?;
        // The digest of the file is verified whenever it is read.
        let file = cache.and_then(|cache| {
            let key = Digest::of_parts([b"source".as_slice(), self.digest.as_bytes()]);
            let entry = cache.find(key).or_else(|| cache.store(key, &[&bytes], "").ok())?;
            entry.into_files().into_iter().next()
        });
        let storage = file.map_or_else(|| Storage::Memory(bytes.as_ref().into()), Storage::File);
        Ok(Source { digest: self.digest, size: self.size, storage })
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The bytes.
    ///
    /// # Errors
    /// An error of reading the file, or an error if its content was changed.
    pub(crate) fn read(&self) -> io::Result<Cow<'_, [u8]>> {
        match &self.storage {
            Storage::Borrowed(bytes) => Ok(Cow::Borrowed(bytes)),
            Storage::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            Storage::File(file) => {
                let mut bytes = vec![0; self.size];
                file.read_exact_at(&mut bytes, 0)?;
                if Digest::of(&bytes) != self.digest {
                    return Err(io::Error::other("the plugin's file in the cache was changed"));
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

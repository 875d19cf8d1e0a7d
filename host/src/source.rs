//! The bytes of a component, for as long as something may have to be made of them again.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::digest::Digest;
use crate::host::Host;

/// The bytes of a component, and what they are known by.
pub(crate) struct Source<'a> {
    digest: Digest,
    size: usize,
    place: Place<'a>,
}

enum Place<'a> {
    Borrowed(&'a [u8]),
    Memory(Arc<[u8]>),
    /// A file of the cache, open: it can be read even after it was removed.
    File(File),
}

impl<'a> Source<'a> {
    pub(crate) fn borrowed(bytes: &'a [u8]) -> Self {
        Self { digest: Digest::of(bytes), size: bytes.len(), place: Place::Borrowed(bytes) }
    }

    /// The same to keep: on disk if `host` has a cache, or else in memory.
    pub(crate) fn keep(&self, host: &Host) -> io::Result<Source<'static>> {
        let bytes = self.read()?;
        let in_cache = || {
            let cache = host.compilation().cache.as_ref()?;
            let key = Digest::of_parts([b"source".as_slice(), self.digest.as_bytes()]);
            let entry = cache.find(key).or_else(|| cache.store(key, &[&bytes], "").ok())?;
            // Whoever reads it holds it against its digest again.
            Some(Place::File(entry.open()?.into_iter().next()?))
        };
        let place = in_cache().unwrap_or_else(|| Place::Memory(bytes.as_ref().into()));
        Ok(Source { digest: self.digest, size: self.size, place })
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// In bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The bytes, as they were.
    pub(crate) fn read(&self) -> io::Result<Cow<'_, [u8]>> {
        match &self.place {
            Place::Borrowed(bytes) => Ok(Cow::Borrowed(bytes)),
            Place::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            Place::File(file) => {
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

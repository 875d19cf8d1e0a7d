//! The folder of a policy: everything that a policy is read from, as bytes in memory.

use std::collections::BTreeMap;
use std::fmt;

use guardhouse::Digest;

/// The content of a file. A clone is shallow.
pub type Bytes = bytes::Bytes;

/// The files of one policy, by their paths in the folder, with `/` between the parts.
#[derive(Clone, PartialEq, Eq)]
pub struct Folder {
    files: BTreeMap<String, Bytes>,
    digest: Digest,
}

impl Folder {
    /// The name of the file that every folder has.
    pub const POLICY: &str = "policy.toml";

    /// The name of the file of cases, which a folder may have.
    pub const CASES: &str = "cases.toml";

    /// A folder with these files.
    #[must_use]
    pub fn new(files: BTreeMap<String, Bytes>) -> Self {
        let digest = Self::digest_of(&files);
        Self { files, digest }
    }

    /// The content of a file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// All files, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes))
    }

    /// The digest of all paths and contents.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Each path and each content is a digest of its own, so that no two folders are written alike.
    fn digest_of(files: &BTreeMap<String, Bytes>) -> Digest {
        let lines =
            files.iter().map(|(path, bytes)| format!("{} {}\n", Digest::of(path.as_bytes()), Digest::of(bytes)));
        Digest::of(lines.collect::<String>().as_bytes())
    }
}

/// Shows the paths and the digest, and not the contents.
impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("files", &self.files.keys()).field("digest", &self.digest).finish()
    }
}

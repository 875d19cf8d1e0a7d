//! The first policy of a new user: it shows an allow, a silent denial, a denial with a message, and a masked fault.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::policy::folder::Folder;

/// The files of the first policy.
pub const FILES: [(&str, &str); 2] = [
    (Folder::POLICY, include_str!("../../first-policy/policy.toml")),
    (Folder::CASES, include_str!("../../first-policy/cases.toml")),
];

/// Writes the first policy into a folder, which is made if it does not exist. No file is overwritten.
///
/// # Errors
/// That of the file system; [`io::ErrorKind::AlreadyExists`] if the folder has one of the files.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // Either may be there, and then neither is written.
    if FILES.iter().any(|(name, _)| folder.join(name).symlink_metadata().is_ok()) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // The cases come first: a server that looks meanwhile must not see a policy without them.
    for (name, text) in FILES.iter().rev() {
        File::create_new(folder.join(name))?.write_all(text.as_bytes())?;
    }
    Ok(())
}

//! The SDKs and the reference plugins: copies in the program, made by the build script.

// The constants `SDKS` and `PLUGINS`: the files of all SDKs and of all reference plugins, by their paths.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The files of the SDK in the folder `name` of `guest-sdk/`, with their paths in it.
pub(crate) fn sdk(name: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    below(SDKS, name)
}

/// The files of the reference plugin in the folder `name` of `plugins/spending-limit/`, with their paths in it.
pub(crate) fn plugin(name: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    below(PLUGINS, name)
}

/// The files of one folder, with their paths in it.
fn below(files: &'static [(&str, &[u8])], folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    files.iter().filter_map(move |(file, bytes)| Some((file.strip_prefix(folder)?.strip_prefix('/')?, *bytes)))
}

//! The sources of plugins on the command line.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::builder::{OsStringValueParser, TypedValueParser};
use guardhouse::{Digest, Host, HostLimits, LoadError, Plugin, builtin};

/// A file, or a plugin that ships with Guardhouse.
#[derive(Debug, Clone)]
pub(crate) enum PluginSource {
    File(PathBuf),
    Builtin { name: String, bytes: &'static [u8] },
}

const BUILTIN: &str = "builtin:";

impl PluginSource {
    /// The parser of an argument of the command line.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().try_map(Self::parse)
    }

    fn parse(argument: OsString) -> Result<Self, String> {
        let Some(name) = argument.to_str().and_then(|text| text.strip_prefix(BUILTIN)) else {
            return Ok(Self::File(argument.into()));
        };
        match builtin::bytes(name) {
            Some(bytes) => Ok(Self::Builtin { name: name.to_owned(), bytes }),
            None => {
                let names: Vec<String> = builtin::ALL.iter().map(|known| format!("`{}`", known.name)).collect();
                Err(format!("unknown built-in plugin `{name}`: use one of {}", names.join(", ")))
            }
        }
    }

    /// Whether the argument is not a plugin, but a folder, or nothing that exists.
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self, Self::File(path) if !path.is_file())
    }

    /// Reads the plugin. Nothing beyond [`HostLimits::plugin_bytes`] is read.
    pub(crate) fn read(&self, limits: &HostLimits) -> Result<Cow<'static, [u8]>, LoadError> {
        match self {
            Self::Builtin { bytes, .. } => Ok(Cow::Borrowed(bytes)),
            Self::File(path) => Plugin::read_file(path, limits).map(Cow::Owned),
        }
    }

    /// Loads the plugin.
    pub(crate) fn load(&self, host: &Host) -> Result<Plugin> {
        self.load_unless_same(host, None)
    }

    /// Loads the plugin, unless `loaded` was loaded from the same bytes.
    pub(crate) fn load_unless_same(&self, host: &Host, loaded: Option<&Plugin>) -> Result<Plugin> {
        let load = |bytes: Cow<'static, [u8]>| match loaded {
            Some(plugin) if plugin.digest() == Digest::of(&bytes) => Ok(plugin.clone()),
            _ => Plugin::load(host, &bytes),
        };
        match self.read(host.limits()).and_then(load) {
            // This error names the file itself.
            Err(error @ LoadError::Unreadable { .. }) => Err(error.into()),
            loaded => loaded.with_context(|| format!("cannot load `{self}`")),
        }
    }
}

impl fmt::Display for PluginSource {
    /// Writes the plugin as it was written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Builtin { name, .. } => write!(f, "{BUILTIN}{name}"),
        }
    }
}

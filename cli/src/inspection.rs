//! The description of a plugin, whether it loads or not.

use std::fmt;

use anyhow::{Context, Result};
use guardhouse::{
    Check, CheckConfig, Digest, Grant, Host, ImagePolicy, Json, Limits, LoadError, Plugin, Shape, StartMode,
};
use serde::Serialize;

use crate::exit::Exit;
use crate::input::Document;
use crate::source::PluginSource;
use crate::text::{Fields, byte_count, grouped};

/// Everything that is known about a plugin, whether it loads or not.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    /// The plugin as it was written on the command line.
    plugin: String,
    /// Absent if the file is too large to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    /// Absent if the file is not a component.
    #[serde(flatten)]
    contents: Option<Contents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_schema: Option<Json>,
    /// The machine code so far: `baseline` or `optimized`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The start mode of a check with the given settings. Absent if no image was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_mode: Option<StartMode>,
    #[serde(skip)]
    left_out: Option<&'static str>,
    loads: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The contents of a component.
#[derive(Debug, Serialize)]
struct Contents {
    /// The versions of the contract that it was built for. A plugin that loads has exactly one.
    contract: Vec<String>,
    /// The optional interfaces of the contract that it exports.
    interfaces: Vec<String>,
    imports: Vec<Import>,
    exports: Vec<String>,
    producers: Vec<String>,
    functions: usize,
    types: usize,
    modules: usize,
}

#[derive(Debug, Serialize)]
struct Import {
    name: String,
    /// The grant that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<Grant>,
    /// True if a plugin may import it here: the host has the interface, or it consists of types only.
    offered: bool,
}

/// The configuration of a check that is made of the plugin.
#[derive(Debug)]
pub(crate) struct Configuration<'a> {
    pub(crate) settings: &'a Document,
    pub(crate) limits: Limits,
    /// Whether an image of a large plugin is made too.
    pub(crate) has_image: bool,
}

/// An image of a plugin from this size on, in bytes, is made only on request: its two compilations take as long as
/// everything else together.
const LARGE: usize = 256 << 10;

impl Inspection {
    /// Reads and loads a plugin. A plugin that does not load is a result and not an error.
    pub(crate) fn new(source: &PluginSource, host: &Host) -> Result<Self> {
        Self::with_settings(source, None, host)
    }

    /// Like [`new`](Self::new), and makes a check with a configuration, if there is one.
    pub(crate) fn with_settings(
        source: &PluginSource,
        configuration: Option<Configuration<'_>>,
        host: &Host,
    ) -> Result<Self> {
        let bytes = match source.read(host.limits()) {
            Ok(bytes) => bytes,
            Err(error @ LoadError::Unreadable { .. }) => return Err(error.into()),
            Err(error) => return Ok(Self::of(source, None, None, Err(error))),
        };
        let shape = Shape::read(&bytes, host.limits()).ok();
        let loaded = Plugin::load(host, &bytes);
        let (mut start_mode, mut left_out) = (None, None);
        if let (Ok(plugin), Some(configuration)) = (&loaded, configuration) {
            let has_image = configuration.has_image || plugin.size() < LARGE;
            let found = self::start_mode(source, plugin, configuration, has_image)?;
            if has_image {
                start_mode = Some(found);
            } else {
                left_out = Some("no image was made of this large plugin; `--image` makes one");
            }
        }
        Ok(Self { start_mode, left_out, ..Self::of(source, Some(&bytes), shape, loaded) })
    }

    fn of(
        source: &PluginSource,
        bytes: Option<&[u8]>,
        shape: Option<Shape>,
        loaded: Result<Plugin, LoadError>,
    ) -> Self {
        let error = loaded.as_ref().err();
        Self {
            plugin: source.to_string(),
            digest: bytes.map(Digest::of),
            size: bytes.map(<[u8]>::len),
            contents: shape.map(|shape| Contents::new(shape, &loaded)),
            error: error.map(ToString::to_string),
            code: loaded.as_ref().ok().map(|plugin| if plugin.is_optimized() { "optimized" } else { "baseline" }),
            start_mode: None,
            left_out: None,
            loads: error.is_none(),
            settings_schema: loaded.ok().and_then(|plugin| plugin.settings_schema().cloned()),
        }
    }
}

impl Inspection {
    /// The same description, with another name for the plugin.
    pub(crate) fn named(self, plugin: &str) -> Self {
        Self { plugin: plugin.to_owned(), ..self }
    }

    /// The exit code: whether the plugin loads.
    pub(crate) fn exit(&self) -> Exit {
        if self.loads { Exit::Success } else { Exit::DoesNotLoad }
    }

    /// The text form for the author of a plugin that was just built.
    pub(crate) fn summary(&self) -> String {
        let mut fields = Fields::indented(0);
        fields.add("plugin", &self.plugin);
        fields.add_optional("size", self.size.map(byte_count));
        if let Some(contents) = &self.contents {
            fields.add("interfaces", &contents.interfaces.join(", "));
            contents.add_imports_to(&mut fields);
        }
        self.add_status_to(&mut fields);
        fields.into_text()
    }

    fn add_status_to(&self, fields: &mut Fields) {
        match &self.error {
            None => fields.add("status", "loads here"),
            Some(error) => fields.add("status", &format!("does not load: {error}")),
        }
    }
}

/// The start mode of a check of `plugin` with these settings.
fn start_mode(
    source: &PluginSource,
    plugin: &Plugin,
    configuration: Configuration<'_>,
    has_image: bool,
) -> Result<StartMode> {
    let Configuration { settings, limits, .. } = configuration;
    let settings = settings.parse(&format!("the settings of `{source}`"), limits.settings_bytes, Json::from_slice)?;
    let grants = plugin.shape().imports.iter().filter_map(|import| Grant::needed_by(import)).collect();
    let image = if has_image { ImagePolicy::Eager } else { ImagePolicy::WhenHot };
    let config = CheckConfig { settings: Some(settings), grants, limits, image, ..CheckConfig::default() };
    let check = Check::new(plugin, config).with_context(|| format!("cannot make a check of `{source}`"))?;
    Ok(check.start_mode())
}

impl Contents {
    fn new(shape: Shape, loaded: &Result<Plugin, LoadError>) -> Self {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        Self {
            contract: owned(shape.contract_versions()),
            interfaces: owned(shape.optional_interfaces()),
            imports: shape.imports.into_iter().map(|name| Import::new(name, loaded)).collect(),
            exports: shape.exports,
            producers: shape.producers,
            functions: shape.functions,
            types: shape.types,
            modules: shape.modules,
        }
    }
}

impl Import {
    fn new(name: String, loaded: &Result<Plugin, LoadError>) -> Self {
        let offered = match loaded {
            // It has what it imports. An import that is not offered by its name has types only.
            Ok(_) => true,
            Err(LoadError::UnknownImports { imports, .. }) => !imports.contains(&name),
            Err(_) => Host::offers(&name),
        };
        Self { grant: Grant::needed_by(&name), offered, name }
    }

    fn remark(&self) -> String {
        match (self.offered, self.grant) {
            (false, _) => "not offered".to_owned(),
            (_, Some(grant)) => format!("needs `--grant {grant}`"),
            _ => String::new(),
        }
    }
}

/// The text form.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields::indented(0);
        fields.add("plugin", &self.plugin);
        fields.add_optional("digest", self.digest);
        fields.add_optional("size", self.size.map(byte_count));
        if let Some(contents) = &self.contents {
            contents.add_to(&mut fields);
        }
        if let Some(schema) = &self.settings_schema {
            fields.add("settings", &format!("{:#}", **schema));
        }
        fields.add_optional("code", self.code);
        fields.add_optional("start", self.start_mode.as_ref());
        fields.add_optional("start", self.left_out);
        self.add_status_to(&mut fields);
        f.write_str(&fields.into_text())
    }
}

impl Contents {
    fn add_to(&self, fields: &mut Fields) {
        fields.add("contract", &self.contract.join(", "));
        fields.add("interfaces", &self.interfaces.join(", "));
        self.add_imports_to(fields);
        fields.add_each("exports", &self.exports);
        fields.add_each("producers", &self.producers);
        fields.add("modules", &grouped(self.modules));
        fields.add("functions", &grouped(self.functions));
        fields.add("types", &grouped(self.types));
    }

    fn add_imports_to(&self, fields: &mut Fields) {
        let width = self.imports.iter().map(|import| import.name.chars().count()).max().unwrap_or_default();
        // A very long name does not pad all other lines to its length.
        let width = width.min(60);
        let imports = self.imports.iter().map(|import| format!("{:width$}  {}", import.name, import.remark()));
        fields.add_each("imports", imports);
    }
}

//! What can be said about a plugin before any check is made of it.

use std::fmt;

use anyhow::{Context, Result};
use guardhouse::{
    Check, CheckConfig, Digest, Grants, Host, ImagePolicy, Json, Limits, LoadError, Plugin, Shape, StartMode,
};
use serde::Serialize;

use crate::input::Document;
use crate::source::PluginSource;
use crate::text::{Fields, grouped};

/// All that is known of a plugin, whether it loads or not.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    /// As it was written on the command line.
    plugin: String,
    /// None of a file that is too large to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    /// None of bytes that are not a component.
    #[serde(flatten)]
    contents: Option<Contents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_schema: Option<Json>,
    /// How its machine code was made so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Where the instances of a check with the given settings start.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_mode: Option<String>,
    pub(crate) loads: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What is inside a component.
#[derive(Debug, Serialize)]
struct Contents {
    /// The versions of the contract that it was built against: one, if all is well.
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
    /// What the operator must grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'static str>,
    /// Whether hosts of this version have it.
    offered: bool,
}

impl Inspection {
    /// Reads and loads a plugin. That it does not load is an answer, and no error.
    pub(crate) fn new(source: &PluginSource, settings: Option<&Document>, host: &Host) -> Result<Self> {
        let bytes = match source.read(host.limits()) {
            Ok(bytes) => bytes,
            Err(error) => match error.downcast::<LoadError>() {
                Ok(error) => return Ok(Self::of(source, None, None, Err(error))),
                Err(error) => return Err(error.context(format!("cannot read `{source}`"))),
            },
        };
        let shape = Shape::read(&bytes, host.limits()).ok();
        let loaded = Plugin::load(host, &bytes);
        let start_mode = match (&loaded, settings) {
            (Ok(plugin), Some(settings)) => Some(start_mode(source, plugin, settings)?),
            _ => None,
        };
        Ok(Self { start_mode, ..Self::of(source, Some(&bytes), shape, loaded) })
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
            contents: shape.map(Contents::new),
            error: error.map(ToString::to_string),
            code: loaded.as_ref().ok().map(|plugin| if plugin.is_optimized() { "optimized" } else { "baseline" }),
            start_mode: None,
            loads: error.is_none(),
            settings_schema: loaded.ok().and_then(|plugin| plugin.settings_schema().cloned()),
        }
    }
}

impl Inspection {
    /// What its author wants to see of a plugin that was just built, for people.
    pub(crate) fn summary(&self) -> String {
        let mut fields = Fields::indented(0);
        fields.add("plugin", &self.plugin);
        fields.add("size", &self.size.map_or_else(String::new, |size| format!("{} bytes", grouped(size))));
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

/// Where the instances of a check of `plugin` start, and why.
fn start_mode(source: &PluginSource, plugin: &Plugin, settings: &Document) -> Result<String> {
    let cap = Limits::default().settings_bytes;
    let settings = settings.parse(&format!("the settings of `{source}`"), cap, Json::parse)?;
    let grants = plugin.shape().imports.iter().filter_map(|import| Grants::needed_by(import));
    let grants = grants.fold(Grants::default(), |grants, grant| grants.with(grant).unwrap_or(grants));
    let config = CheckConfig { settings: Some(settings), grants, image: ImagePolicy::Eager, ..CheckConfig::default() };
    let check = Check::new(plugin, config).with_context(|| format!("cannot make a check of `{source}`"))?;
    Ok(match check.start_mode() {
        StartMode::Image => "starts from an image".to_owned(),
        StartMode::Configure { reason } => format!("configures itself: {reason}"),
    })
}

impl Contents {
    fn new(shape: Shape) -> Self {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        Self {
            contract: owned(shape.contract_versions()),
            interfaces: owned(shape.optional_interfaces()),
            imports: shape.imports.into_iter().map(Import::new).collect(),
            exports: shape.exports,
            producers: shape.producers,
            functions: shape.functions,
            types: shape.types,
            modules: shape.modules,
        }
    }
}

impl Import {
    fn new(name: String) -> Self {
        Self { grant: Grants::needed_by(&name), offered: Host::offers(&name), name }
    }

    fn remark(&self) -> String {
        match (self.offered, self.grant) {
            (false, _) => "not offered".to_owned(),
            (_, Some(grant)) => format!("needs `--grant {grant}`"),
            _ => String::new(),
        }
    }
}

/// For people.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields::indented(0);
        fields.add("plugin", &self.plugin);
        fields.add("digest", &self.digest.map_or_else(String::new, |digest| digest.to_string()));
        fields.add("size", &self.size.map_or_else(String::new, |size| format!("{} bytes", grouped(size))));
        if let Some(contents) = &self.contents {
            contents.add_to(&mut fields);
        }
        if let Some(schema) = &self.settings_schema {
            fields.add("settings", &format!("{:#}", **schema));
        }
        fields.add("code", self.code.unwrap_or_default());
        fields.add("start", self.start_mode.as_deref().unwrap_or_default());
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
        // One long name must not make all lines as long.
        let width = width.min(60);
        let imports = self.imports.iter().map(|import| format!("{:width$}  {}", import.name, import.remark()));
        fields.add_each("imports", imports);
    }
}

//! The option `--plugin`, and the options that apply to it.

use anyhow::{Context, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueHint};
use guardhouse::{Check, CheckConfig, Grant, Grants, Host, Json, Limits};

use crate::input::Document;
use crate::source::PluginSource;

/// The plugins in order, each with the options between its `--plugin` and the next.
#[derive(Debug)]
pub(crate) struct PluginList(pub(crate) Vec<PluginOption>);

/// A plugin with its options.
#[derive(Debug)]
pub(crate) struct PluginOption {
    pub(crate) settings: Option<Document>,
    source: PluginSource,
    grants: Grants,
    id: Option<String>,
}

impl PluginOption {
    fn new(source: PluginSource) -> Self {
        Self { source, settings: None, grants: Grants::default(), id: None }
    }

    /// The id of its check.
    fn id(&self) -> String {
        self.id.clone().unwrap_or_else(|| self.source.to_string())
    }

    /// Loads the plugin and makes a check of it.
    pub(crate) fn check(&self, host: &Host, limits: &Limits) -> Result<Check> {
        let what = format!("the settings of `{}`", self.source);
        let read = |document: &Document| document.parse(&what, limits.settings_bytes, Json::from_slice);
        let settings = self.settings.as_ref().map(read).transpose()?;
        let plugin = self.source.load(host)?;
        let config = CheckConfig {
            id: Some(self.id()),
            settings,
            grants: self.grants,
            limits: limits.clone(),
            ..CheckConfig::default()
        };
        Check::new(&plugin, config).with_context(|| format!("cannot make a check of `{}`", self.source))
    }
}

/// The options as clap reads them: a list for each, without regard to their order.
#[derive(Debug, Args)]
#[group(skip)]
struct Options {
    /// A plugin to evaluate: the path of a component, or `builtin:NAME`. May be repeated: the plugins are evaluated in
    /// order until one does not allow
    #[arg(long = "plugin", value_name = "PLUGIN", required = true)]
    #[arg(value_parser = PluginSource::parser(), value_hint = ValueHint::FilePath)]
    plugins: Vec<PluginSource>,

    /// Settings for the preceding `--plugin`
    #[arg(long, value_name = "JSON|@FILE|@-")]
    settings: Vec<Document>,

    /// A capability for the preceding `--plugin`, beyond reading the request
    #[arg(long = "grant", value_name = "GRANT")]
    #[arg(value_parser = grant_parser())]
    grants: Vec<Grant>,

    /// The id of the preceding `--plugin` in explanations and logs [default: the value of `--plugin`]
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
}

impl Args for PluginList {
    fn augment_args(command: Command) -> Command {
        Options::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Options::augment_args_for_update(command)
    }
}

impl FromArgMatches for PluginList {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let options = Options::from_arg_matches(matches)?;
        let mut list = Self(options.plugins.into_iter().map(PluginOption::new).collect());
        list.assign(matches, "settings", options.settings, |plugin, settings| {
            match plugin.settings.replace(settings) {
                None => Ok(()),
                Some(_) => Err(format!("`--settings` is given twice for `{}`", plugin.source)),
            }
        })?;
        list.assign(matches, "grants", options.grants, |plugin, grant| {
            plugin.grants = plugin.grants.with(grant);
            Ok(())
        })?;
        list.assign(matches, "ids", options.ids, |plugin, id| match plugin.id.replace(id) {
            None => Ok(()),
            Some(_) => Err(format!("`--id` is given twice for `{}`", plugin.source)),
        })?;
        Ok(list)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl PluginList {
    /// Sets each value of an option for the plugin that precedes it.
    fn assign<T>(
        &mut self,
        matches: &ArgMatches,
        option: &str,
        values: Vec<T>,
        set: impl Fn(&mut PluginOption, T) -> Result<(), String>,
    ) -> Result<(), clap::Error> {
        let positions = |option| matches.indices_of(option).into_iter().flatten();
        for (position, value) in positions(option).zip(values) {
            let before = positions("plugins").filter(|plugin| *plugin < position).count();
            let result = match before.checked_sub(1).and_then(|index| self.0.get_mut(index)) {
                Some(plugin) => set(plugin, value),
                None => Err("`--settings`, `--grant` and `--id` must follow a `--plugin`".to_owned()),
            };
            result.map_err(|text| clap::Error::raw(ErrorKind::ArgumentConflict, text))?;
        }
        Ok(())
    }
}

fn grant_parser() -> impl TypedValueParser<Value = Grant> {
    PossibleValuesParser::new(Grant::ALL.iter().map(|grant| grant.as_str())).try_map(|name| name.parse::<Grant>())
}

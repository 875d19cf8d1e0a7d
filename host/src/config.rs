//! How a check is made of a plugin, and whether it may be.

use serde_json::Value;

use crate::context::AuthContext;
use crate::error::ConfigError;
use crate::grants::Grants;
use crate::json::Json;
use crate::limits::Limits;
use crate::plugin::Plugin;

/// How a [`Check`](crate::Check) is made of a plugin. The default has no settings, no grants, and every limit's default.
#[derive(Debug, Clone, Default)]
pub struct CheckConfig {
    /// The name that the operator knows it by; the plugin's digest if none.
    pub id: Option<String>,
    /// Whose check it is, for the record of decisions.
    pub tenant: Option<String>,
    /// The settings; none is the same as `{}` for a plugin that takes settings.
    pub settings: Option<Json>,
    /// What it may do beyond reading its request.
    pub grants: Grants,
    /// What bounds it.
    pub limits: Limits,
    /// Whether its instances start from an image of a configured one.
    pub image: ImagePolicy,
    /// A request, made up and not a real one, that is put to the plugin before its image is taken, so that what it
    /// builds at its first request is in the image. Whatever else it leaves in memory is in the image as well.
    pub warm_up: Option<AuthContext>,
}

/// Whether a check makes an image of its memory as `configure` left it, for its instances to start from. They are as
/// fresh as before, and no longer configure themselves, which is worth it if `configure` is slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ImagePolicy {
    /// Never: every instance configures itself.
    Never,
    /// In the background, once the check has been asked often. Not with [`Limits::fuel`], which would suddenly be
    /// worth more.
    #[default]
    WhenHot,
    /// Before [`Check::new`](crate::Check::new) returns.
    Eager,
}

impl From<Value> for CheckConfig {
    /// Settings, and every default.
    fn from(settings: Value) -> Self {
        Self { settings: Some(settings.into()), ..Self::default() }
    }
}

pub(crate) fn check_limits(plugin: &Plugin, limits: &Limits) -> Result<(), ConfigError> {
    let host = plugin.host().limits();
    let sizes = [
        ("memory_bytes", limits.memory_bytes, host.memory_bytes),
        ("table_elements", limits.table_elements, host.table_elements),
        ("core_instances", limits.core_instances, host.core_instances),
    ];
    for (limit, found, allowed) in sizes {
        if found > allowed {
            let allowed = format!("at most {allowed} (`HostLimits::{limit}`)");
            return Err(ConfigError::Limit { limit, found: found.to_string(), allowed });
        }
    }
    if limits.instances == 0 {
        let allowed = "at least 1".to_owned();
        return Err(ConfigError::Limit { limit: "instances", found: "0".to_owned(), allowed });
    }
    // A deadline that the clock cannot express would panic at every request.
    for (limit, found) in [("deadline", limits.deadline), ("configure_deadline", limits.configure_deadline)] {
        let longest = std::time::Duration::from_secs(3_600);
        if found > longest {
            let allowed = "at most one hour".to_owned();
            return Err(ConfigError::Limit { limit, found: format!("{found:?}"), allowed });
        }
    }
    Ok(())
}

pub(crate) fn check_grants(plugin: &Plugin, grants: Grants) -> Result<(), ConfigError> {
    for import in &plugin.shape().imports {
        if let Some(grant) = Grants::needed_by(import).filter(|grant| !grants.has(grant)) {
            return Err(ConfigError::NotGranted { import: import.clone(), grant });
        }
    }
    Ok(())
}

/// The text of the settings as the plugin will read it; none for a plugin that takes none.
pub(crate) fn check_settings(
    plugin: &Plugin,
    settings: Option<Json>,
    limits: &Limits,
) -> Result<Option<String>, ConfigError> {
    let settings = settings.filter(|settings| !settings.is_null());
    let Some(schema) = plugin.schema() else {
        return settings.map_or(Ok(None), |_| Err(ConfigError::NoSettings));
    };
    let settings = settings.unwrap_or_default();
    let text = settings.to_string();
    if text.len() > limits.settings_bytes {
        return Err(ConfigError::SettingsTooLarge { found: text.len(), cap: limits.settings_bytes });
    }
    schema.check(&settings).map_err(ConfigError::Schema)?;
    Ok(Some(text))
}

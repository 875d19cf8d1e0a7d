//! One configured rule: a plugin with its settings, grants and limits.

use std::sync::Arc;
use std::time::Instant;

use crate::ahead::Ahead;
use crate::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest, Identity, Session};
use crate::blocking::block_on;
use crate::capabilities::{Request, Seed};
use crate::config::{CheckConfig, ImagePolicy, check_grants, check_limits, check_settings};
use crate::context::AuthContext;
use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::engine::Pool;
use crate::error::ConfigError;
use crate::evaluation;
use crate::grants::Grants;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::room::Room;
use crate::snapshot::Recipe;
use crate::store::Terms;
use crate::tenant::Membership;
use crate::tier::{ImageSlot, StartMode};

/// A plugin, configured. Every evaluation makes a fresh instance of it, and no instance survives its evaluation.
///
/// A clone is shallow.
#[derive(Clone)]
pub struct Check(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) id: Arc<str>,
    pub(crate) plugin: Plugin,
    pub(crate) settings: Option<String>,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) image: ImageSlot,
    pub(crate) room: Room,
    pub(crate) ahead: Ahead,
    pub(crate) membership: Membership,
    tenant: Option<String>,
    settings_digest: Option<Digest>,
    warm_up: Option<AuthContext>,
}

/// Instances that are made ahead for a large plugin, if nobody says otherwise.
const AHEAD: u32 = 2;

impl Check {
    /// Makes a check of `plugin`: holds the settings against the plugin's schema, and configures one instance on
    /// trial, so that nothing of this can fail for the first time at a request.
    ///
    /// It blocks, at most until [`Limits::configure_deadline`]; with [`ImagePolicy::Eager`], for two compilations more
    /// if the plugin has no image yet; and with [`Limits::fuel`] until the plugin [is
    /// optimized](Plugin::is_optimized), because other code would use other fuel.
    ///
    /// # Errors
    /// [`ConfigError`] if the settings do not fit or are refused, an import is not granted, a limit is more than the
    /// host allows, or the plugin fails on trial.
    pub fn new(plugin: &Plugin, config: impl Into<CheckConfig>) -> Result<Self, ConfigError> {
        let CheckConfig { id, tenant, settings, grants, limits, image, warm_up } = config.into();
        check_limits(plugin, &limits)?;
        check_grants(plugin, grants)?;
        let settings = check_settings(plugin, settings, &limits)?;
        if limits.fuel.is_some() {
            plugin.optimize_now().map_err(|error| ConfigError::Optimize(error.to_string()))?;
        }
        let owner = plugin.host().registry().get(tenant.as_deref());
        let check = Self(Arc::new(Inner {
            id: id.unwrap_or_else(|| plugin.digest().to_string()).into(),
            plugin: plugin.clone(),
            settings_digest: settings.as_ref().map(Digest::of),
            image: ImageSlot::new(image, obstacle(settings.as_ref(), warm_up.as_ref(), image, grants, &limits)),
            room: Room::new(limits.instances, limits.queue),
            ahead: Ahead::new(limits.standby.unwrap_or(if plugin.pool() == Pool::Small { 0 } else { AHEAD })),
            membership: Membership::new(owner, settings.as_ref().map_or(0, String::len)),
            settings,
            grants,
            limits,
            tenant,
            warm_up,
        }));
        let fuel = check.try_out()?;
        if check.0.image.is_wanted_now() {
            check.0.make_image();
        }
        check.0.image.set_cost(fuel);
        Ok(check)
    }

    /// Where its instances start, and why.
    #[must_use]
    pub fn start_mode(&self) -> StartMode {
        self.0.image.start_mode()
    }

    /// The plugin that it is made of.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.0.plugin
    }

    /// What bounds it.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What it may do beyond reading its request.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.0.grants
    }

    /// Whose check it is.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// Configures one instance; says how many instructions that took.
    fn try_out(&self) -> Result<u64, ConfigError> {
        let Inner { plugin, limits, settings, .. } = &*self.0;
        let end = Instant::now() + limits.configure_deadline;
        let tried = block_on(async {
            let program = plugin.program(end).await?;
            let room = plugin.host().room(plugin.pool()).enter(program.weight, end).await?;
            let terms = Terms::new(limits, end).for_tenant(&self.0.membership.tenant);
            let request = Request::none(self.0.seed(DecisionId::random()));
            let mut instance = Instance::new(program, &terms, request).holding(room);
            let words = instance.configure(settings.as_ref(), end).await?;
            Ok(words.map(|()| limits.fuel.unwrap_or(u64::MAX).saturating_sub(instance.fuel())))
        });
        tried.flatten().map_err(ConfigError::Fault)?.map_err(ConfigError::Rejected)
    }
}

impl Inner {
    fn make_image(&self) {
        let Self { plugin, settings, warm_up, limits, .. } = self;
        let recipe = Recipe {
            plugin,
            settings: settings.as_ref(),
            warm_up: warm_up.as_ref(),
            limits,
            seed: self.seed(DecisionId::random()),
        };
        let host = plugin.host();
        self.image.set(host.images().get(recipe, host.age(Instant::now())));
    }

    /// Has made in the background what makes the next answer faster: better code, and an image. To be called after each
    /// answer.
    pub(crate) fn improve(self: &Arc<Self>) {
        self.plugin.optimize_in_background();
        if self.image.is_due() {
            self.make_image_in_background();
        }
    }

    /// Makes an image without holding anybody up. If that cannot be now, it is tried again later: until then instances
    /// go on configuring themselves.
    fn make_image_in_background(self: &Arc<Self>) {
        let check = Arc::downgrade(self);
        let job = move || {
            if let Some(check) = check.upgrade() {
                check.make_image();
            }
        };
        if !self.plugin.host().backlog().add(job) {
            self.image.cannot_now();
        }
    }

    pub(crate) fn seed(&self, decision: DecisionId) -> Seed {
        Seed { decision, check: Arc::clone(&self.id) }
    }
}

impl AuthCheck for Check {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn evaluate<'a>(&'a self, inquiry: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(evaluation::evaluate(&self.0, inquiry))
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(evaluation::PluginSession::new(&self.0))
    }

    fn names_missing_scopes(&self) -> bool {
        self.0.plugin.names_missing_scopes()
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            tenant: self.0.tenant.as_deref(),
            plugin: Some(self.0.plugin.digest()),
            settings: self.0.settings_digest,
        }
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("id", &self.0.id).finish_non_exhaustive()
    }
}

/// Why there can be no image, as far as that is known before one is made.
fn obstacle(
    settings: Option<&String>,
    warm_up: Option<&AuthContext>,
    policy: ImagePolicy,
    grants: Grants,
    limits: &Limits,
) -> Option<&'static str> {
    if policy == ImagePolicy::Never {
        Some("the policy is `Never`")
    } else if settings.is_none() && warm_up.is_none() {
        Some("there is nothing to configure")
    } else if grants != Grants::default() {
        Some("a check with grants might act on the world while its image is made")
    } else if policy == ImagePolicy::WhenHot && limits.fuel.is_some() {
        Some("it has a limit of fuel, which an image would make worth more")
    } else {
        None
    }
}

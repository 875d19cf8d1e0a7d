//! One configured rule: a plugin with its settings, grants and limits.

use std::sync::Arc;
use std::time::Instant;

use crate::auth_check::{AuthCheck, EvaluationFuture, Identity, Inquiry};
use crate::blocking::block_on;
use crate::capabilities::{Request, Seed};
use crate::config::{CheckConfig, ImagePolicy, check_grants, check_limits, check_settings};
use crate::context::AuthContext;
use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::error::ConfigError;
use crate::grants::Grants;
use crate::image::{Recipe, Turn};
use crate::instance::{self, Question};
use crate::limits::Limits;
use crate::outcome::{Evaluation, Fault, Outcome, Usage};
use crate::plugin::Plugin;
use crate::room::Room;
use crate::store::new_store;
use crate::tier::{ImageSlot, Tier};

/// A plugin, configured. Every evaluation makes a fresh instance of it, and no instance survives its evaluation.
///
/// A clone is shallow.
#[derive(Clone)]
pub struct Check(Arc<Inner>);

struct Inner {
    id: Arc<str>,
    tenant: Option<String>,
    plugin: Plugin,
    settings: Option<String>,
    settings_digest: Option<Digest>,
    grants: Grants,
    limits: Limits,
    warm_up: Option<AuthContext>,
    image: ImageSlot,
    room: Room,
}

impl Check {
    /// Makes a check of `plugin`: holds the settings against the plugin's schema, and configures one instance on
    /// trial, so that nothing of this can fail for the first time at a request.
    ///
    /// It blocks, at most until [`Limits::configure_deadline`]; with [`ImagePolicy::Eager`], for two compilations more.
    ///
    /// # Errors
    /// [`ConfigError`] if the settings do not fit or are refused, an import is not granted, a limit is more than the
    /// host allows, or the plugin fails on trial.
    pub fn new(plugin: &Plugin, config: impl Into<CheckConfig>) -> Result<Self, ConfigError> {
        let CheckConfig { id, tenant, settings, grants, limits, image, warm_up } = config.into();
        check_limits(plugin, &limits)?;
        check_grants(plugin, grants)?;
        let settings = check_settings(plugin, settings, &limits)?;
        let check = Self(Arc::new(Inner {
            id: id.unwrap_or_else(|| plugin.digest().to_string()).into(),
            tenant,
            plugin: plugin.clone(),
            settings_digest: settings.as_ref().map(Digest::of),
            image: ImageSlot::new(image, obstacle(settings.as_ref(), warm_up.as_ref(), image, grants, &limits)),
            room: Room::new(limits.instances, limits.queue),
            settings,
            grants,
            limits,
            warm_up,
        }));
        check.try_out()?;
        if check.0.image.is_wanted_now() {
            check.make_image();
        }
        Ok(check)
    }

    /// Where its instances start, and why.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.0.image.tier()
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

    fn try_out(&self) -> Result<(), ConfigError> {
        let Inner { plugin, limits, settings, .. } = &*self.0;
        let host = plugin.host();
        let end = Instant::now() + limits.configure_deadline;
        let request = Request::none(self.seed(DecisionId::random()));
        block_on(async {
            let _room = host.room().enter(plugin.weight(), end).await?;
            let mut store = new_store(host.engine(), limits, end, request);
            instance::configure(&mut store, plugin.exports(), settings.as_ref(), end).await
        })
        .flatten()
        .map_err(ConfigError::Fault)?
        .map_err(ConfigError::Refused)
    }

    fn make_image(&self) {
        let Inner { plugin, settings, warm_up, limits, .. } = &*self.0;
        let recipe = Recipe {
            plugin,
            settings: settings.as_ref(),
            warm_up: warm_up.as_ref(),
            limits,
            seed: self.seed(DecisionId::random()),
        };
        self.0.image.set(plugin.host().images().get(recipe));
    }

    /// Makes an image without holding anybody up. If another is being made, or there is no thread to be had, it is
    /// tried again later: until then instances go on configuring themselves.
    fn make_image_in_background(&self) {
        let Some(turn) = Turn::take(self.0.plugin.host()) else { return };
        let check = self.clone();
        let thread = std::thread::Builder::new().name("guardhouse-image".to_owned());
        let _ = thread.spawn(move || {
            check.make_image();
            drop(turn);
        });
    }

    fn seed(&self, decision: DecisionId) -> Seed {
        Seed { decision, check: Arc::clone(&self.0.id) }
    }

    async fn answer(&self, inquiry: Inquiry<'_>) -> Evaluation {
        let start = Instant::now();
        let asked = self.ask(inquiry, start + self.0.limits.deadline).await;
        let mut evaluation = asked.unwrap_or_else(|fault| Outcome::Masked(fault).into());
        evaluation.usage.elapsed = start.elapsed();
        evaluation
    }

    async fn ask(&self, inquiry: Inquiry<'_>, end: Instant) -> Result<Evaluation, Fault> {
        let Inner { plugin, limits, settings, .. } = &*self.0;
        let host = plugin.host();
        let request = self.request(inquiry)?;
        // Its own room first: those who wait there take no place from others.
        let _own = self.0.room.enter(1, end).await?;
        let _shared = host.room().enter(plugin.weight(), end).await?;
        if self.0.image.is_hot() {
            self.make_image_in_background();
        }
        let (exports, settings) = match self.0.image.image() {
            Some(image) => (&image.exports, None),
            None => (plugin.exports(), settings.as_ref()),
        };
        let mut store = new_store(host.engine(), limits, end, request);
        let question = Question {
            context: inquiry.context,
            settings,
            wants_missing_scopes: inquiry.wants_missing_scopes,
            message_bytes: limits.message_bytes,
        };
        let timer = plugin.can_wait().then_some(end);
        let answer = instance::check(&mut store, exports, &question, timer).await;
        let (outcome, missing_scopes) = answer.unwrap_or_else(|fault| (Outcome::Masked(fault), Vec::new()));
        let fuel = limits.fuel.unwrap_or(u64::MAX);
        Ok(Evaluation {
            outcome,
            missing_scopes,
            usage: Usage {
                fuel: fuel.saturating_sub(store.get_fuel().unwrap_or(fuel)),
                memory_bytes: store.data().limiter.memory_bytes,
                ..Usage::default()
            },
            logs: store.data().log.take(),
        })
    }

    fn request(&self, inquiry: Inquiry<'_>) -> Result<Request, Fault> {
        let Inner { plugin, limits, grants, .. } = &*self.0;
        let mut request = Request::new(inquiry.context, self.seed(inquiry.decision), limits.context_bytes)?;
        if plugin.reads_request() {
            request = request.with_documents(inquiry.context);
        }
        if grants.raw_token {
            request = request.with_raw_token(inquiry.context);
        }
        Ok(request)
    }
}

impl AuthCheck for Check {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn evaluate<'a>(&'a self, inquiry: Inquiry<'a>) -> EvaluationFuture<'a> {
        Box::pin(self.answer(inquiry))
    }

    fn is_scope_aware(&self) -> bool {
        self.0.plugin.is_scope_aware()
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

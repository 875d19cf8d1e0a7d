//! The shared part of all clones of a check.

use std::sync::Arc;
use std::time::Instant;

use crate::check::breaker::circuit::Circuit;
use crate::check::config::{CheckConfig, ImagePolicy};
use crate::check::standby::Standby;
use crate::check::start::ImageSlot;
use crate::code::linked::Linked;
use crate::decision::DecisionId;
use crate::decision::missing_scopes::NamedTexts;
use crate::digest::Digest;
use crate::engine::admission::Admission;
use crate::engine::config::Pool;
use crate::engine::fair_admission::FairPermit;
use crate::fault::Fault;
use crate::grants::Grants;
use crate::guest::request::{GuestRequest, Seed};
use crate::guest::store::Budget;
use crate::guest::turn::Turn;
use crate::image::image;
use crate::image::snapshot::Recipe;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::request::AuthContext;
use crate::tenant::holdings::Membership;
use crate::tuning::STANDBY_INSTANCES;
use crate::turns::estimate::Estimate;
use crate::util::lru::Evict;

/// A plugin with valid settings, grants and limits.
pub(super) struct Configured {
    pub(super) id: Arc<str>,
    pub(super) plugin: Plugin,
    pub(super) settings: Option<String>,
    pub(super) settings_digest: Option<Digest>,
    pub(super) grants: Grants,
    pub(super) limits: Limits,
    pub(super) image: ImageSlot,
    /// The check's own admission, in front of that of its pool.
    pub(super) admission: Admission,
    pub(super) standby: Arc<Standby>,
    pub(super) membership: Membership,
    pub(super) named_texts: NamedTexts,
    /// What a turn of an evaluation costs.
    pub(super) turn_cost: Estimate,
    pub(super) breaker: Option<Circuit>,
    warm_up: Option<AuthContext>,
}

impl Configured {
    /// Makes the shared part of a check of a tenant from a validated configuration, with its settings as text, and its
    /// share of the pool.
    pub(super) fn new(
        plugin: &Plugin,
        membership: Membership,
        settings: Option<String>,
        share: u32,
        config: CheckConfig,
    ) -> Self {
        let CheckConfig { id, tenant: _, settings: _, grants, limits, breaker, image, warm_up } = config;
        let obstacle = obstacle(settings.as_ref(), warm_up.as_ref(), image, grants, &limits);
        let standby = if plugin.pool() == Pool::Small { 0 } else { STANDBY_INSTANCES };
        Self {
            id: id.unwrap_or_else(|| plugin.digest().to_string()).into(),
            plugin: plugin.clone(),
            settings_digest: settings.as_ref().map(Digest::of),
            image: ImageSlot::new(image, obstacle),
            admission: Admission::new(share, limits.queue),
            standby: Arc::new(Standby::new(limits.standby.unwrap_or(standby))),
            membership,
            named_texts: NamedTexts::default(),
            turn_cost: Estimate::default(),
            breaker: breaker.map(Circuit::new),
            settings,
            grants,
            limits,
            warm_up,
        }
    }

    /// Records the fuel that `configure` used, and makes an image now if the policy is `Eager`.
    pub(super) fn set_configure_cost(&self, fuel: u64) {
        if self.image.is_wanted_now() {
            self.make_image();
        }
        self.image.set_cost(fuel);
    }

    /// The code of a new instance, and the settings that it must be configured with. An instance that starts from the
    /// image needs none.
    pub(super) async fn linked(&self, now: u64, end: Instant) -> Result<(Arc<Linked>, Option<&String>), Fault> {
        match self.image.linked(now) {
            Some(linked) => Ok((linked, None)),
            None => Ok((self.plugin.linked(end).await?, self.settings.as_ref())),
        }
    }

    /// Whether evaluations use standby instances. Without a number in the limits, they do not while there is an image:
    /// to make an instance of it costs less than to hand one over from another thread.
    pub(super) fn uses_standby(&self) -> bool {
        self.standby.is_used() && (self.limits.standby.is_some() || !self.image.is_ready())
    }

    /// The budget of an evaluation until `end`.
    pub(super) fn budget(&self, end: Instant) -> Budget<'_> {
        Budget::new(&self.limits, end, self.plugin.host().toolchain().tick).for_tenant(self.membership.tenant())
    }

    /// The turns of work that is not an evaluation, for the owner of the check.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn::of(self.membership.tenant(), self.plugin.host().toolchain().tick)
    }

    /// Makes an instance that holds a permit of its pool. None of its code has run.
    pub(super) fn instance(
        &self,
        linked: Arc<Linked>,
        request: GuestRequest,
        budget: &Budget<'_>,
        permit: FairPermit,
    ) -> Instance {
        Instance::new(linked, budget, request).with_pool_permit(permit)
    }

    /// The seed of the check's random numbers in one decision.
    pub(super) fn seed(&self, decision: DecisionId) -> Seed {
        Seed { decision, check: Arc::clone(&self.id) }
    }

    /// Schedules background work that makes later evaluations faster: optimized code, and an image. Call it after each
    /// evaluation.
    pub(super) fn tier_up(self: &Arc<Self>) {
        self.plugin.optimize_in_background();
        if self.image.is_due() {
            self.make_image_in_background();
        }
    }

    /// Everything that its image is made from.
    pub(super) fn recipe(&self) -> Recipe<'_> {
        let Self { plugin, settings, warm_up, limits, membership, .. } = self;
        Recipe {
            plugin,
            owner: membership.tenant(),
            settings: settings.as_ref(),
            warm_up: warm_up.as_ref(),
            limits,
            seed: self.seed(DecisionId::random()),
        }
    }

    fn make_image(&self) {
        match image(self.recipe(), self.plugin.host().micros_since_start(Instant::now())) {
            // It becomes due again when the tenant has something left.
            Err(_) if self.membership.tenant().is_out_of_budget() => self.image.cannot_now(),
            found => self.image.set(found),
        }
        if !self.uses_standby() {
            self.standby.evict();
        }
    }

    /// Queues the making of an image. If the queue is full, a later evaluation tries again; until then instances
    /// configure themselves.
    fn make_image_in_background(self: &Arc<Self>) {
        let [check, refused] = [(); 2].map(|()| Arc::downgrade(self));
        let job = move || {
            let Some(check) = check.upgrade() else { return };
            if check.membership.tenant().is_out_of_budget() {
                check.image.cannot_now();
            } else {
                check.make_image();
            }
        };
        let refuse = move || {
            if let Some(check) = refused.upgrade() {
                check.image.cannot_now();
            }
        };
        self.plugin.host().background().add(Some(self.membership.tenant()), job, refuse);
    }
}

/// The reason why the check cannot have an image, if the configuration alone excludes one.
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
    } else if !grants.is_empty() {
        Some("a check with grants might act on the world while its image is made")
    } else if policy == ImagePolicy::WhenHot && limits.fuel.is_some() {
        Some("images are off with a fuel limit: skipping `configure` would leave more fuel for `check`")
    } else {
        None
    }
}

//! Start modes: the instances of a check configure themselves, or start from an image.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use crate::check::config::ImagePolicy;
use crate::code::images::Image;
use crate::code::linked::Linked;
use crate::guest::reason::Reason;
use crate::tuning::{COSTLY_CONFIGURE_FUEL, EVALUATIONS_BEFORE_IMAGE};

/// The start mode of the instances of a check. In JSON, the field `mode` is `configure` or `image`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StartMode {
    /// Every instance configures itself.
    #[non_exhaustive]
    Configure {
        /// The reason, for the operator.
        reason: String,
    },
    /// Every instance starts from an image of a configured one.
    Image,
}

impl fmt::Display for StartMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configure { reason } => write!(f, "configures itself: {reason}"),
            Self::Image => f.write_str("starts from an image"),
        }
    }
}

/// The image of a check, or the reason why it has none. The slot is empty until either is known.
pub(super) struct ImageSlot {
    policy: ImagePolicy,
    evaluations: AtomicU32,
    is_wanted: AtomicBool,
    found: OnceLock<Result<Arc<Image>, Reason>>,
}

impl ImageSlot {
    /// A slot that holds the obstacle as the reason; without an obstacle, an empty one that is filled according to the
    /// policy.
    pub(super) fn new(policy: ImagePolicy, obstacle: Option<&str>) -> Self {
        let found = OnceLock::new();
        if let Some(reason) = obstacle {
            let _ = found.set(Err(reason.into()));
        }
        Self { policy, evaluations: AtomicU32::new(0), is_wanted: AtomicBool::new(false), found }
    }

    /// The code of instances that start from the image, if it is in memory.
    pub(super) fn linked(&self, now: u64) -> Option<Arc<Linked>> {
        self.found.get()?.as_ref().ok()?.linked(now)
    }

    pub(super) fn set(&self, found: Result<Arc<Image>, Reason>) {
        // Losing the race is fine: both images are equal.
        let _ = self.found.set(found);
        self.is_wanted.store(false, Ordering::Release);
    }

    /// Counts one evaluation, and returns whether to make an image now: after every [`EVALUATIONS_BEFORE_IMAGE`]
    /// evaluations until the slot is filled, and after any evaluation if the image was evicted. A caller that gets
    /// `true` must make the image or call [`cannot_now`](Self::cannot_now).
    pub(super) fn is_due(&self) -> bool {
        let is_due = match self.found.get() {
            Some(Err(_)) => false,
            Some(Ok(image)) => !image.is_resident(),
            // Also under `Eager`, if the tenant had no budget for it when the check was made.
            None => {
                self.evaluations.fetch_add(1, Ordering::Relaxed) % EVALUATIONS_BEFORE_IMAGE
                    == EVALUATIONS_BEFORE_IMAGE - 1
            }
        };
        is_due && !self.is_wanted.swap(true, Ordering::AcqRel)
    }

    /// Records the fuel that `configure` uses. Over [`COSTLY_CONFIGURE_FUEL`], an image is due after the first
    /// evaluation.
    pub(super) fn set_cost(&self, fuel: u64) {
        if fuel > COSTLY_CONFIGURE_FUEL {
            self.evaluations.store(EVALUATIONS_BEFORE_IMAGE - 1, Ordering::Relaxed);
        }
    }

    /// Records that a due image cannot be made now; it becomes due again later.
    pub(super) fn cannot_now(&self) {
        self.is_wanted.store(false, Ordering::Release);
    }

    /// Whether the policy is to make the image now, before the first evaluation.
    pub(super) fn is_wanted_now(&self) -> bool {
        self.policy == ImagePolicy::Eager && self.found.get().is_none()
    }

    /// Whether instances start from the image now.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.found.get(), Some(Ok(image)) if image.is_resident())
    }

    pub(super) fn start_mode(&self) -> StartMode {
        let reason = match self.found.get() {
            Some(Ok(_)) if self.is_ready() => return StartMode::Image,
            Some(Ok(_)) => "its image was evicted, and is reloaded after the next evaluation".to_owned(),
            Some(Err(reason)) => reason.to_string(),
            None => format!("it was evaluated fewer than {EVALUATIONS_BEFORE_IMAGE} times, or its image is being made"),
        };
        StartMode::Configure { reason }
    }
}

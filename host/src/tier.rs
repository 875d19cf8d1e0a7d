//! Where the instances of one check start: unconfigured, or from an image.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::config::ImagePolicy;
use crate::image::Image;
use crate::program::Program;

/// Where the instances of a check start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartMode {
    /// Every instance configures itself, and why it does.
    Configure {
        /// For the operator.
        reason: String,
    },
    /// Every instance starts from an image of a configured one.
    Image,
}

/// How often a check is asked before it is worth an image, and before it tries again.
const HOT: u32 = 256;
/// What `configure` may cost, in fuel, before a check is worth an image from the start: about a millisecond.
const COSTLY: u64 = 1_000_000;

/// The image of a check, once there is one or it is known that there can be none.
pub(crate) struct ImageSlot {
    policy: ImagePolicy,
    evaluations: AtomicU32,
    is_wanted: AtomicBool,
    found: OnceLock<Result<Arc<Image>, String>>,
}

impl ImageSlot {
    /// A slot that stays empty for the reason given, or is filled as the policy says.
    pub(crate) fn new(policy: ImagePolicy, obstacle: Option<&str>) -> Self {
        let found = OnceLock::new();
        if let Some(reason) = obstacle {
            let _ = found.set(Err(reason.to_owned()));
        }
        Self { policy, evaluations: AtomicU32::new(0), is_wanted: AtomicBool::new(false), found }
    }

    /// What instances of the image are made of, if it is in memory.
    pub(crate) fn program(&self, now: u64) -> Option<Arc<Program>> {
        self.found.get()?.as_ref().ok()?.program(now)
    }

    pub(crate) fn set(&self, found: Result<Arc<Image>, String>) {
        // Whoever comes second has made the same image.
        let _ = self.found.set(found);
        self.is_wanted.store(false, Ordering::Release);
    }

    /// Whether to make an image now that one more request was answered: after every [`HOT`] of them until there is one;
    /// at once if there was one, and it has left memory. Whoever is told to should do it, or say that it
    /// [cannot](Self::cannot_now).
    pub(crate) fn is_due(&self) -> bool {
        let is_due = match self.found.get() {
            Some(Err(_)) => false,
            Some(Ok(image)) => !image.is_resident(),
            None => {
                self.policy == ImagePolicy::WhenHot && self.evaluations.fetch_add(1, Ordering::Relaxed) % HOT == HOT - 1
            }
        };
        is_due && !self.is_wanted.swap(true, Ordering::AcqRel)
    }

    /// What `configure` takes, in fuel. If that is much, an image is worth while from the first request on.
    pub(crate) fn set_cost(&self, fuel: u64) {
        if fuel > COSTLY {
            self.evaluations.store(HOT - 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn cannot_now(&self) {
        self.is_wanted.store(false, Ordering::Release);
    }

    /// Whether to make one before the check is there.
    pub(crate) fn is_wanted_now(&self) -> bool {
        self.policy == ImagePolicy::Eager && self.found.get().is_none()
    }

    pub(crate) fn start_mode(&self) -> StartMode {
        let reason = match self.found.get() {
            Some(Ok(image)) if image.is_resident() => return StartMode::Image,
            Some(Ok(_)) => "its image has left memory, and comes back when it is asked".to_owned(),
            Some(Err(reason)) => reason.clone(),
            None => format!("it was not asked {HOT} times yet, or the image is still to be made"),
        };
        StartMode::Configure { reason }
    }
}

//! Where the instances of one check start: unconfigured, or from an image.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::config::ImagePolicy;
use crate::image::Image;

/// Where the instances of a check start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tier {
    /// Every instance configures itself, and why it does.
    Configures {
        /// For the operator.
        reason: String,
    },
    /// Every instance starts from an image of a configured one.
    Image,
}

/// How often a check is asked before it is worth an image, and before it tries again.
const HOT: u32 = 256;

/// The image of a check, once there is one or it is known that there can be none.
pub(crate) struct ImageSlot {
    policy: ImagePolicy,
    evaluations: AtomicU32,
    found: OnceLock<Result<Arc<Image>, String>>,
}

impl ImageSlot {
    /// A slot that stays empty for the reason given, or is filled as the policy says.
    pub(crate) fn new(policy: ImagePolicy, obstacle: Option<&str>) -> Self {
        let found = OnceLock::new();
        if let Some(reason) = obstacle {
            let _ = found.set(Err(reason.to_owned()));
        }
        Self { policy, evaluations: AtomicU32::new(0), found }
    }

    pub(crate) fn image(&self) -> Option<&Image> {
        self.found.get()?.as_deref().ok()
    }

    pub(crate) fn set(&self, found: Result<Arc<Image>, String>) {
        // Whoever comes second has made the same image.
        let _ = self.found.set(found);
    }

    /// Whether an image is worth while: once every [`HOT`] evaluations, until there is one.
    pub(crate) fn is_hot(&self) -> bool {
        self.policy == ImagePolicy::WhenHot
            && self.found.get().is_none()
            && self.evaluations.fetch_add(1, Ordering::Relaxed) % HOT == HOT - 1
    }

    /// Whether to make one at once.
    pub(crate) fn is_wanted_now(&self) -> bool {
        self.policy == ImagePolicy::Eager && self.found.get().is_none()
    }

    pub(crate) fn tier(&self) -> Tier {
        let reason = match self.found.get() {
            Some(Ok(_)) => return Tier::Image,
            Some(Err(reason)) => reason.clone(),
            None => format!("it was not asked {HOT} times yet, or the image is still to be made"),
        };
        Tier::Configures { reason }
    }
}

//! The images of a host that are in memory, and the code that they share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use wasmtime::component::Component;

use crate::code::linked::Linked;
use crate::digest::Digest;
use crate::guest::reason::Reason;
use crate::tenant::Tenant;
use crate::tuning::{EVICTION_BATCH_DIVISOR, PLUGINS_WITH_IMAGE_CODE};
use crate::util::lru::{Evict, Lru};
use crate::util::memo::Memo;
use crate::util::panic::catch;
use crate::util::recent::Recent;
use crate::util::text::clip;
use crate::util::weak_map::WeakMap;

/// An image: linked code whose instances start configured.
pub(crate) struct Image {
    /// `None` while the image is evicted.
    linked: ArcSwapOption<Linked>,
    last_used: AtomicU64,
}

/// The images of one host. Equal plugins with equal settings share one.
pub(crate) struct Images {
    known: WeakMap<Digest, Image>,
    resident: Lru,
    /// The code of the last images, which further images of the same plugins share.
    pub(crate) codes: Recent<OnceLock<Component>>,
    /// The instrumented code of a plugin, from which its images are taken.
    pub(crate) instrumented: Memo<Digest, Linked>,
}

impl Images {
    /// An empty store that keeps at most `cap` images in memory.
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            known: WeakMap::default(),
            resident: Lru::new(cap, cap / EVICTION_BATCH_DIVISOR),
            codes: Recent::new(PLUGINS_WITH_IMAGE_CODE),
            instrumented: Memo::new(PLUGINS_WITH_IMAGE_CODE),
        }
    }

    /// Returns the image of a key. An image that is not in memory is made by `make`, whose error says why there is no
    /// image. An image that is made counts as memory of `owner`, also if other tenants share it.
    pub(crate) fn get(
        &self,
        key: Digest,
        owner: &Tenant,
        now: u64,
        make: impl FnOnce() -> Result<Linked, Reason>,
    ) -> Result<Arc<Image>, Reason> {
        let new = || Image { linked: ArcSwapOption::empty(), last_used: AtomicU64::new(0) };
        let image = self.known.get(&key, new);
        if image.linked(now).is_some() {
            return Ok(image);
        }
        // The library that takes snapshots was written for trusted plugins: it panics on unexpected input.
        let made = catch(make)
            .unwrap_or_else(|message| Err(format!("taking the image panicked: {}", clip(&message)).into()))?;
        image.linked.store(Some(Arc::new(made)));
        image.last_used.store(now, Ordering::Relaxed);
        self.resident.add(&image);
        owner.add_resident(&image);
        Ok(image)
    }
}

impl Image {
    /// The code of its instances, if it is in memory.
    pub(crate) fn linked(&self, now: u64) -> Option<Arc<Linked>> {
        let linked = self.linked.load_full()?;
        self.last_used.store(now, Ordering::Relaxed);
        Some(linked)
    }

    pub(crate) fn is_resident(&self) -> bool {
        self.linked.load().is_some()
    }
}

impl Evict for Image {
    fn last_used(&self) -> Option<u64> {
        self.is_resident().then(|| self.last_used.load(Ordering::Relaxed))
    }

    fn bytes(&self) -> u64 {
        self.linked.load().as_ref().map_or(0, |linked| linked.bytes)
    }

    fn evict(&self) {
        self.linked.store(None);
    }
}

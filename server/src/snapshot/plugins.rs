//! Plugins that several tenants share: each is loaded once while a check uses it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use guardhouse::{Digest, Host, LoadError, Plugin, Tenant, builtin};
use tokio::sync::OnceCell;

use crate::lock::lock;
use crate::policy::PluginSource;

/// The plugins in use, by digest, as weak references.
#[derive(Debug, Default)]
pub(super) struct Plugins(Mutex<HashMap<Digest, Weak<Shared>>>);

/// A plugin that is loaded, or being loaded for all that wait for it.
#[derive(Debug, Default)]
pub(super) struct Shared(OnceCell<Plugin>);

impl Plugins {
    /// The plugin of a source, and the share that keeps it from being loaded again. `loaded` counts a load. A
    /// file counts as a plugin of the tenant that loads it first.
    pub(super) async fn load(
        &self,
        host: &Host,
        tenant: &Tenant,
        source: &PluginSource,
        loaded: &AtomicU32,
    ) -> Result<(Plugin, Arc<Shared>), LoadError> {
        let shared = self.get(digest_of(source));
        let load = || async {
            loaded.fetch_add(1, Ordering::Relaxed);
            match source {
                PluginSource::Builtin(builtin) => Plugin::load_async(host, builtin.bytes).await,
                PluginSource::File { bytes, .. } => Plugin::load_for_async(host, tenant, bytes.to_vec()).await,
            }
        };
        let plugin = shared.0.get_or_try_init(load).await?.clone();
        Ok((plugin, shared))
    }

    fn get(&self, digest: Digest) -> Arc<Shared> {
        let mut map = lock(&self.0);
        if let Some(shared) = map.get(&digest).and_then(Weak::upgrade) {
            return shared;
        }
        if map.len() == map.capacity() {
            map.retain(|_, shared| shared.strong_count() > 0);
        }
        let shared = Arc::<Shared>::default();
        map.insert(digest, Arc::downgrade(&shared));
        shared
    }
}

/// The digest of a plugin's bytes. Those of built-in plugins are computed once: thousands of tenants use them.
pub(super) fn digest_of(source: &PluginSource) -> Digest {
    static BUILTIN: LazyLock<HashMap<&str, Digest>> =
        LazyLock::new(|| builtin::ALL.iter().map(|builtin| (builtin.name, Digest::of(builtin.bytes))).collect());
    match source {
        PluginSource::Builtin(found) => BUILTIN.get(found.name).copied().unwrap_or_else(|| Digest::of(found.bytes)),
        PluginSource::File { digest, .. } => *digest,
    }
}

//! Plugins that are in use: each is loaded once while a check uses it. Tenants share the built-in plugins, which belong
//! to nobody. A file is loaded for each tenant that has it: what one tenant spends must not deny another one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use guardhouse::{Digest, Host, LoadError, Plugin, Tenant, builtin};
use tokio::sync::OnceCell;

use crate::lock::lock;
use crate::policy::PluginSource;

/// The plugins in use, as weak references.
#[derive(Debug, Default)]
pub(super) struct Plugins(Mutex<HashMap<Key, Weak<Shared>>>);

/// The digest of a plugin, and the tenant that it belongs to.
type Key = (Digest, Option<Box<str>>);

/// A plugin that is loaded, or being loaded for all that wait for it.
#[derive(Debug, Default)]
pub(super) struct Shared(OnceCell<Plugin>);

impl Plugins {
    /// The plugin of a source, and the share that keeps it from being loaded again. `loaded` counts a load. A
    /// file counts as a plugin of the tenant.
    pub(super) async fn load(
        &self,
        host: &Host,
        tenant: &Tenant,
        source: &PluginSource,
        loaded: &AtomicU32,
    ) -> Result<(Plugin, Arc<Shared>), LoadError> {
        let owner = match source {
            PluginSource::Builtin(_) => None,
            PluginSource::File { .. } => Some(tenant.name().into()),
        };
        let shared = self.get((digest_of(source), owner));
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

    fn get(&self, key: Key) -> Arc<Shared> {
        let mut map = lock(&self.0);
        if let Some(shared) = map.get(&key).and_then(Weak::upgrade) {
            return shared;
        }
        if map.len() == map.capacity() {
            map.retain(|_, shared| shared.strong_count() > 0);
        }
        let shared = Arc::<Shared>::default();
        map.insert(key, Arc::downgrade(&shared));
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

#[cfg(test)]
mod tests {
    use guardhouse::TenantBudget;

    use super::*;

    fn source(is_file: bool) -> PluginSource {
        let builtin = builtin::ALL.iter().find(|builtin| builtin.name == "require-scopes").unwrap();
        if !is_file {
            return PluginSource::Builtin(builtin);
        }
        let (digest, bytes) = (Digest::of(builtin.bytes), builtin.bytes.to_vec().into());
        PluginSource::File { path: "plugin.wasm".into(), bytes, digest }
    }

    #[tokio::test]
    async fn a_file_belongs_to_each_tenant_that_has_it_and_a_builtin_to_nobody() {
        let host = Host::new().unwrap();
        let (plugins, loaded) = (Plugins::default(), AtomicU32::default());
        let [copier, author] = ["copier", "author"].map(|name| host.tenant(name));
        copier.set_budget(TenantBudget { plugins: Some(1), ..TenantBudget::default() }).unwrap();
        let mut kept = Vec::new();
        for tenant in [&copier, &author, &copier] {
            for is_file in [true, false] {
                kept.push(plugins.load(&host, tenant, &source(is_file), &loaded).await.unwrap());
            }
        }
        assert_eq!(loaded.load(Ordering::Relaxed), 3, "a file for each tenant, and the built-in once");
        let plugins_of = |tenant: &Tenant| tenant.usage().plugins;
        assert_eq!((plugins_of(&copier), plugins_of(&author)), (1, 1));
        // The one that copied it has no more room: the author still has.
        copier.set_budget(TenantBudget { plugins: Some(0), ..TenantBudget::default() }).unwrap();
        drop(kept);
        assert!(plugins.load(&host, &copier, &source(true), &loaded).await.is_err());
        plugins.load(&host, &author, &source(true), &loaded).await.unwrap();
    }
}

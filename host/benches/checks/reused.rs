//! The same guest, instantiated once and called again and again: what a fresh instance has to be compared with.

use guardhouse::AuthContext;
use wasmtime::component::{Component, Instance, Linker};
use wasmtime::{Config, Engine, Store};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "configurable-step-up-auth-check",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

use bindings::exports::guardhouse::auth::{check, settings};
use bindings::guardhouse::auth::types;

pub(super) struct Reused {
    store: Store<()>,
    guest: check::Guest,
}

impl Reused {
    pub(super) fn new(plugin: &[u8], settings: &str) -> Self {
        let engine = Engine::new(Config::new().concurrency_support(false).consume_fuel(true)).unwrap();
        let component = Component::new(&engine, plugin).unwrap();
        let pre = Linker::new(&engine).instantiate_pre(&component).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX).unwrap();
        let instance: Instance = pre.instantiate(&mut store).unwrap();
        let indices = settings::GuestIndices::new(&pre).unwrap();
        let guest = indices.load(&mut store, &instance).unwrap();
        guest.call_configure(&mut store, &settings.to_owned()).unwrap().unwrap();
        let guest = check::GuestIndices::new(&pre).unwrap().load(&mut store, &instance).unwrap();
        Self { store, guest }
    }

    pub(super) fn check(&mut self, context: &AuthContext) -> bool {
        let token = context.token.as_ref();
        let scopes: Vec<&str> = token.iter().flat_map(|token| &token.scopes).map(String::as_str).collect();
        let tags: Vec<&str> = context.component.tags.iter().map(String::as_str).collect();
        let record = types::AuthContext {
            token: token.map(|token| types::AccessToken {
                client_id: &token.client_id,
                subject: token.subject.as_deref(),
                scopes: &scopes,
                expires_at: token.expires_at,
                resource_indicator: token.resource_indicator.as_deref(),
            }),
            component: types::Component {
                kind: &context.component.kind,
                name: &context.component.name,
                uri: context.component.uri.as_deref(),
                version: context.component.version.as_deref(),
                tags: &tags,
            },
            action: &context.action,
            now: context.now,
        };
        self.guest.call_check(&mut self.store, record).unwrap().unwrap()
    }
}

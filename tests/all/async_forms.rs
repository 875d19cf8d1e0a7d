//! The async forms of loading and configuring: no thread of the runtime does their work.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use guardhouse::{Check, CheckConfig, ConfigError, LoadError, Plugin, builtin};
use serde_json::json;
use tokio::runtime::{Builder, Handle};

use crate::harness::{host, settings};

/// Runs `future` on a runtime of one thread whose pool for blocking work is occupied until the future was polled once.
/// Work that the runtime's own thread does would be finished by then.
fn needs_the_pool<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).enable_time().build().unwrap();
    runtime.block_on(async {
        let (release, released) = mpsc::channel::<()>();
        let occupied = Handle::current().spawn_blocking(move || released.recv());
        let mut future = pin!(future);
        let first = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        assert!(first.is_pending(), "the work was done on the thread of the runtime");
        release.send(()).unwrap();
        occupied.await.unwrap().unwrap();
        future.await
    })
}

#[test]
fn loading_and_configuring_are_done_on_the_pool_for_blocking_work() {
    let plugin = needs_the_pool(Plugin::load_async(host(), builtin::REQUIRE_SCOPES)).unwrap();
    let check = needs_the_pool(Check::new_async(&plugin, settings(json!({ "scopes": ["read"] })))).unwrap();
    assert_eq!(check.plugin().digest(), plugin.digest());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), builtin::REQUIRE_SCOPES).unwrap();
    let loaded = needs_the_pool(Plugin::load_file_async(host(), file.path())).unwrap();
    assert_eq!(loaded.digest(), plugin.digest());
}

#[test]
fn the_errors_are_those_of_the_blocking_forms() {
    let garbage = b"garbage".to_vec();
    assert_eq!(
        needs_the_pool(Plugin::load_async(host(), garbage.clone())).unwrap_err(),
        Plugin::load(host(), &garbage).unwrap_err()
    );
    let plugin = Plugin::load(host(), builtin::REQUIRE_SCOPES).unwrap();
    let config = || CheckConfig::from(json!({ "scopes": 1 }));
    assert_eq!(
        needs_the_pool(Check::new_async(&plugin, config())).unwrap_err(),
        Check::new(&plugin, config()).unwrap_err()
    );
}

#[test]
fn without_a_runtime_they_are_an_error_and_not_a_panic() {
    fn now<F: Future>(future: F) -> F::Output {
        let Poll::Ready(output) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else { panic!("pending") };
        output
    }
    let plugin = Plugin::load(host(), builtin::REQUIRE_AUTH).unwrap();
    assert!(matches!(now(Plugin::load_async(host(), builtin::REQUIRE_AUTH)), Err(LoadError::Host(_))));
    assert!(matches!(now(Check::new_async(&plugin, CheckConfig::default())), Err(ConfigError::Host(_))));
}

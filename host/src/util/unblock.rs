//! Blocking work for async callers: it runs on the thread pool that the runtime has for it.

use tokio::runtime::Handle;

/// Runs `work` on the pool for blocking work of the current tokio runtime. If the future is dropped, the work still
/// finishes.
///
/// # Errors
/// The reason, if there is no runtime, or it is shut down before the work has begun, or the work panicked.
pub(crate) async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let runtime = Handle::try_current().map_err(|error| error.to_string())?;
    runtime.spawn_blocking(work).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::block_on::block_on;

    #[test]
    fn a_panic_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(unblock(|| panic!("broken"))).unwrap_err();
        assert!(error.contains("broken"), "{error}");
        assert_eq!(runtime.block_on(unblock(|| 7)), Ok(7));
    }

    #[test]
    fn a_thread_without_a_runtime_gets_an_error() {
        let polled =
            std::pin::pin!(unblock(|| 7)).as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        assert!(matches!(polled, std::task::Poll::Ready(Err(_))), "{polled:?}");
        // `block_on` has a runtime for timers, which has a pool too.
        assert_eq!(block_on(unblock(|| 7)).unwrap(), Ok(7));
    }
}

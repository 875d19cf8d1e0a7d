/// Ends the call in a trap, which denies. For what can only happen if the host breaks the contract.
#[cold]
#[expect(clippy::panic, reason = "a fault must neither allow nor pass for an ordinary denial")]
pub(crate) fn fault(reason: &str) -> ! {
    report_panics();
    panic!("{reason}")
}

/// From here on a panic reaches the operator's log, where the feature `panic-message` is on.
pub(crate) fn report_panics() {
    #[cfg(all(target_family = "wasm", feature = "panic-message"))]
    std::panic::set_hook(Box::new(|panic| {
        crate::log::log(crate::log::Level::Critical, "panic", &panic.to_string());
    }));
}

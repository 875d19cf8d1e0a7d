/// Ends the call in a trap, which denies. It is for errors that only a faulty host can cause.
#[cold]
#[expect(clippy::panic, reason = "a fault must neither allow nor pass for an ordinary denial")]
pub(crate) fn fault(reason: &str) -> ! {
    report_panics();
    panic!("{reason}")
}

/// Logs the messages of panics from now on, if the feature `panic-message` is enabled.
pub(crate) fn report_panics() {
    #[cfg(all(target_family = "wasm", feature = "panic-message"))]
    std::panic::set_hook(Box::new(|panic| {
        crate::log::log(crate::log::Level::Critical, "panic", &panic.to_string());
    }));
}

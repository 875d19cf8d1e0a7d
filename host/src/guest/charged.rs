//! The processor time of a guest's work, charged to its tenant.

use std::pin::Pin;
use std::time::Duration;

use super::cpu_time::cpu_time_so_far;
use crate::tenant::Tenant;

/// Runs the work of a [metered](super::cpu_time::metered) future, and charges its processor time to `owner` after each
/// turn. So work that is dropped before its end, or panics, is charged too.
pub(crate) async fn charged<F: Future + Unpin>(mut work: F, owner: Option<Tenant>) -> F::Output {
    let mut so_far = Duration::ZERO;
    std::future::poll_fn(|context| {
        let _turn = owner.as_ref().map(|owner| Turn { owner, so_far: &mut so_far });
        Pin::new(&mut work).poll(context)
    })
    .await
}

/// One turn, which is charged when it is dropped.
struct Turn<'a> {
    owner: &'a Tenant,
    so_far: &'a mut Duration,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let now = cpu_time_so_far();
        self.owner.charge_cpu_time(now.saturating_sub(*self.so_far));
        *self.so_far = now.max(*self.so_far);
    }
}

//! The parts of an evaluation, for benchmarks.

use std::fmt;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::check::Check;
use crate::check::evaluate::evaluate;
use crate::decision::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest};
use crate::guest::probe::Moment;
use crate::image::parts::ImageParts;
use crate::outcome::Identity;
use crate::util::lock::lock;

/// A check that measures the parts of its evaluations, for benchmarks. It decides like the [`Check`] that it wraps, on the
/// same path and under the same limits, and reads a clock four times more.
///
/// ```
/// use guardhouse::{AuthChecks, AuthContext, Check, CheckConfig, Component, Host, MeasuredCheck, Plugin, builtin};
///
/// let host = Host::new()?;
/// let check = Check::new(&Plugin::load(&host, builtin::REQUIRE_AUTH)?, CheckConfig::default())?;
/// let measured = MeasuredCheck::new(&check, || println!("the instance still exists"));
/// let context = AuthContext::new(Component::tool("search"));
/// assert!(!AuthChecks::new(&[&measured]).run_blocking(&context).is_allow());
///
/// let parts = measured.last().unwrap();
/// println!("{:?} + {:?} + {:?}", parts.instantiation, parts.call, parts.drop);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MeasuredCheck<'a> {
    check: &'a Check,
    between: Box<dyn Fn() + Send + Sync + 'a>,
    last: Mutex<Option<EvaluationParts>>,
}

/// The times of the parts of one evaluation. The rest of it is the work of Guardhouse: admission, deadlines, the store and
/// the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvaluationParts {
    /// The time to make the instance in its store, and to configure it if it does not start from an image. Nearly zero for
    /// a standby instance.
    pub instantiation: Duration,
    /// The time of the call of `check`.
    pub call: Duration,
    /// The time to drop the instance and its store, after which the memory is ready for the next instance.
    pub drop: Duration,
}

impl<'a> MeasuredCheck<'a> {
    /// Measures `check`. In each evaluation, `between` runs after the call and before the instance is dropped, and its time
    /// belongs to no part: it may look at the memory of the process.
    pub fn new(check: &'a Check, between: impl Fn() + Send + Sync + 'a) -> Self {
        Self { check, between: Box::new(between), last: Mutex::new(None) }
    }

    /// The parts of the last evaluation, or `None` if there was none, or if it failed before it had all of them.
    pub fn last(&self) -> Option<EvaluationParts> {
        *lock(&self.last)
    }

    /// The parts of an image of the check. The image is made for this, and then dropped.
    ///
    /// # Errors
    /// The reason why the check cannot have an image.
    pub fn image_parts(&self) -> Result<ImageParts, String> {
        ImageParts::of(self.check.0.recipe()).map_err(|reason| reason.to_string())
    }
}

impl AuthCheck for MeasuredCheck<'_> {
    fn id(&self) -> &str {
        self.check.id()
    }

    fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(async move {
            let clock = Clock::default();
            let probe = |moment| {
                clock.read(moment);
                if moment == Moment::Answered {
                    (self.between)();
                }
            };
            let evaluation = evaluate(&self.check.0, request, Some(&probe)).await;
            *lock(&self.last) = clock.parts();
            evaluation
        })
    }

    fn names_missing_scopes(&self) -> bool {
        self.check.names_missing_scopes()
    }

    fn deadline(&self) -> Duration {
        self.check.deadline()
    }

    fn identity(&self) -> Identity {
        self.check.identity()
    }
}

impl fmt::Debug for MeasuredCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredCheck").field("check", self.check).field("last", &self.last()).finish_non_exhaustive()
    }
}

/// The times at which the parts of one evaluation began and ended.
#[derive(Default)]
struct Clock {
    made: OnceLock<Instant>,
    started: OnceLock<Instant>,
    answered: OnceLock<Instant>,
    read: OnceLock<Instant>,
    dropped: OnceLock<Instant>,
}

impl Clock {
    fn read(&self, moment: Moment) {
        let cell = match moment {
            Moment::Made => &self.made,
            Moment::Started => &self.started,
            Moment::Answered => &self.answered,
            Moment::Read => &self.read,
            Moment::Dropped => &self.dropped,
        };
        // Each moment comes once.
        let _ = cell.set(Instant::now());
    }

    fn parts(&self) -> Option<EvaluationParts> {
        let between =
            |from: &OnceLock<Instant>, to: &OnceLock<Instant>| Some(to.get()?.saturating_duration_since(*from.get()?));
        Some(EvaluationParts {
            instantiation: between(&self.made, &self.started)?,
            call: between(&self.started, &self.answered)?,
            drop: between(&self.read, &self.dropped)?,
        })
    }
}

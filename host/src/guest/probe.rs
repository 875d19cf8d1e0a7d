//! The moments of an evaluation at which its parts end, for measurements.

/// A moment of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The store of the instance exists, and none of its code has run.
    Made,
    /// The instance exists, and is configured if it does not start from an image.
    Started,
    /// `check` has answered.
    Answered,
    /// The usage and the output were read. The instance is dropped next.
    Read,
    /// The instance was dropped.
    Dropped,
}

/// A function that is called at each moment of an evaluation; none for evaluations that nobody measures.
pub(crate) type Probe<'a> = Option<&'a (dyn Fn(Moment) + Sync)>;

/// Reports a moment.
pub(crate) fn report(probe: Probe<'_>, moment: Moment) {
    if let Some(probe) = probe {
        probe(moment);
    }
}

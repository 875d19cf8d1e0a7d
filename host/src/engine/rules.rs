//! The rules by which a resource is shared between tenants.

use std::time::Duration;

use crate::tenant::share::Share;
use crate::turns::fair_queue::Choice;
use crate::util::microseconds::nanoseconds;

/// The rules of one resource.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rules {
    /// A tenant holds at most its share of the units, except that one instance is always possible. Its first instance may
    /// take any unit; further ones leave `headroom` to first instances of others.
    Instances { headroom: u32 },
    /// A tenant holds one unit at a time, and the last free one is for a tenant that has rested.
    OneEach { rest: Rest },
}

/// The rest of a tenant after it used a unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    /// The rest after each use, at least.
    pub(super) least: Duration,
    /// The rest by the cost of the uses: each nanosecond is this many of rest, on top of what is left from before.
    pub(super) times: u32,
    /// The use that needs no rest, on average.
    pub(super) free: Duration,
    /// The longest rest.
    pub(super) most: Duration,
}

impl Rest {
    /// The end of the rest of a tenant that rests until `rested_at`, after a further use that costs `cost`.
    fn after(self, rested_at: u64, cost: u64, now: u64) -> u64 {
        let by_cost = rested_at.max(now).saturating_add(cost.saturating_mul(self.times.into()));
        let least = now.saturating_add(nanoseconds(self.least));
        let most = now.saturating_add(self.unrested()).saturating_add(nanoseconds(self.most));
        by_cost.max(least).min(most)
    }

    /// The rest that is left; none if the tenant has rested.
    fn left(self, rested_at: u64, now: u64) -> Option<Duration> {
        let left = rested_at.saturating_sub(now.saturating_add(self.unrested()));
        (left > 0).then(|| Duration::from_nanos(left))
    }

    /// The rest that is not taken.
    fn unrested(self) -> u64 {
        nanoseconds(self.free).saturating_mul(self.times.into())
    }
}

/// A wish for some units.
pub(super) struct Wish<'a> {
    pub(super) share: &'a Share,
    pub(super) units: u32,
    /// The units that the tenant may hold.
    pub(super) most: u32,
}

/// One pass over those that wait, in order.
pub(super) struct Pass {
    rules: Rules,
    all: u32,
    used: u32,
    now: u64,
    /// Whether a further instance waits for units, so that later ones may not take them.
    is_reserved: bool,
}

impl Rules {
    /// A pass over those that wait for a part of `all` units, of which some are used.
    pub(super) fn pass(self, all: u32, used: u32, now: u64) -> Pass {
        Pass { rules: self, all, used, now, is_reserved: false }
    }

    /// The time until a wish that is passed over now may be served although nothing else changes.
    pub(super) fn time_to_wait(self, share: &Share, now: u64) -> Option<Duration> {
        match self {
            Self::Instances { .. } => None,
            Self::OneEach { rest } => rest.left(share.rested_at(), now),
        }
    }

    /// The time until which a tenant rests after a use that costs `cost`.
    pub(super) fn rested_at(self, share: &Share, cost: u64, now: u64) -> u64 {
        match self {
            Self::Instances { .. } => 0,
            Self::OneEach { rest } => rest.after(share.rested_at(), cost, now),
        }
    }
}

impl Pass {
    /// Whether a wish is served now. A wish that would be served if more were free stops the others that could take it
    /// away: wide wishes would otherwise wait until nobody wants a narrow one.
    pub(super) fn choose(&mut self, wish: &Wish<'_>) -> Choice {
        match self.rules {
            _ if !wish.share.is_tenant => self.up_to(self.all, wish.units),
            Rules::Instances { headroom } => self.instance(wish, headroom),
            Rules::OneEach { rest } => self.one_each(wish, rest),
        }
    }

    fn instance(&mut self, wish: &Wish<'_>, headroom: u32) -> Choice {
        let held = wish.share.held();
        if held == 0 {
            return self.up_to(self.all, wish.units);
        }
        if held.saturating_add(wish.units) > wish.most {
            wish.share.pass_over();
            return Choice::Skip;
        }
        if self.is_reserved {
            return Choice::Skip;
        }
        match self.up_to(self.all.saturating_sub(headroom), wish.units) {
            Choice::Serve => Choice::Serve,
            // First instances may still take the headroom.
            Choice::Skip | Choice::Stop => {
                self.is_reserved = true;
                Choice::Skip
            }
        }
    }

    fn one_each(&self, wish: &Wish<'_>, rest: Rest) -> Choice {
        let is_last = self.all > 1 && self.all.saturating_sub(self.used) <= wish.units;
        if wish.share.held() > 0 || (is_last && rest.left(wish.share.rested_at(), self.now).is_some()) {
            wish.share.pass_over();
            return Choice::Skip;
        }
        self.up_to(self.all, wish.units)
    }

    fn up_to(&self, limit: u32, units: u32) -> Choice {
        if self.used.saturating_add(units) <= limit { Choice::Serve } else { Choice::Stop }
    }
}

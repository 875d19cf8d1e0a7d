//! The rules by which a resource is shared between tenants.

use std::time::Duration;

use crate::tenant::share::Share;
use crate::turns::fair_queue::Choice;

/// The rules of one resource.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rules {
    /// A tenant holds at most its share of the units, except that one instance is always possible. Its first instance may
    /// take any unit; further ones leave `headroom` to first instances of others.
    Instances { headroom: u32 },
    /// A tenant holds one unit at a time, and the last free one is for a tenant that has used none for `pause`.
    OneEach { pause: Duration },
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
            Self::OneEach { pause } => {
                let since = Duration::from_nanos(now.saturating_sub(share.last_end()?));
                pause.checked_sub(since).filter(|left| !left.is_zero())
            }
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
            Rules::OneEach { pause } => self.one_each(wish, pause),
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

    fn one_each(&self, wish: &Wish<'_>, pause: Duration) -> Choice {
        let is_last = self.all > 1 && self.all.saturating_sub(self.used) <= wish.units;
        let is_recent =
            wish.share.last_end().is_some_and(|end| Duration::from_nanos(self.now.saturating_sub(end)) < pause);
        if wish.share.held() > 0 || (is_last && is_recent) {
            wish.share.pass_over();
            return Choice::Skip;
        }
        self.up_to(self.all, wish.units)
    }

    fn up_to(&self, limit: u32, units: u32) -> Choice {
        if self.used.saturating_add(units) <= limit { Choice::Serve } else { Choice::Stop }
    }
}

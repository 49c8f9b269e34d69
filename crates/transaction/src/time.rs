//! Moments and intervals.

use std::ops::{Add, Sub};

/// A moment: milliseconds since the driver's clock began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Add<u32> for Time {
    type Output = Self;

    /// That many milliseconds later.
    fn add(self, milliseconds: u32) -> Self {
        Self(self.0 + u64::from(milliseconds))
    }
}

impl Sub for Time {
    type Output = u64;

    /// Milliseconds between two moments; zero when `other` is later.
    fn sub(self, other: Self) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

/// The intervals of one transaction, in milliseconds. Their names in Kamailio are those of module tm's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// First interval between retransmissions: `retr_timer1`, T1 of the RFC.
    pub retransmit_first: u32,
    /// Longest interval between retransmissions: `retr_timer2`, T2 of the RFC.
    pub retransmit_max: u32,
    /// How long to wait for the final reply, for INVITE for any reply: `fr_timer`; timers B, F and H of the RFC.
    pub reply: u32,
    /// How long to wait for the final reply of an INVITE that got a provisional one: `fr_inv_timer`, timer C of the RFC.
    pub ringing: u32,
    /// How long a finished transaction absorbs what comes late: `wt_timer`; timers I, J, L and M of the RFC.
    pub wait: u32,
    /// After this time no branch goes on waiting, whatever it got: `max_inv_lifetime`, `max_noninv_lifetime`.
    pub lifetime: u32,
    /// Each provisional reply starts `ringing` again: `restart_fr_on_each_reply`.
    pub restart_on_each_reply: bool,
}

impl Timers {
    /// The defaults of Kamailio for an INVITE.
    pub const INVITE: Self = Self {
        retransmit_first: 500,
        retransmit_max: 4000,
        reply: 30_000,
        ringing: 120_000,
        wait: 5000,
        lifetime: 180_000,
        restart_on_each_reply: true,
    };

    /// The defaults of Kamailio for any other request.
    pub const REQUEST: Self = Self { lifetime: 32_000, ..Self::INVITE };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_intervals() {
        assert_eq!(Time(5) + 3, Time(8));
        assert_eq!(Time(8) - Time(5), 3);
        assert_eq!(Time(5) - Time(8), 0);
    }
}

//! How long a destination takes to answer.

/// Weight of a new value in the average over a long time, at least.
const LONG: f64 = 1.0 / 100_000.0;

/// Milliseconds until the replies of one destination.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Latency {
    /// Over a long time.
    pub(super) average: f64,
    /// The average's standard deviation.
    pub(super) deviation: f64,
    /// Lately.
    pub(super) estimate: f64,
    /// The largest.
    pub(super) most: u32,
    /// Requests without a reply.
    pub(super) timeouts: u32,
    variance: f64,
    count: u32,
}

impl Latency {
    /// As if one reply had taken so long; 0: nothing is known.
    pub(super) fn starting_at(milliseconds: u32) -> Self {
        let mut latency = Self::default();
        if milliseconds > 0 {
            latency.add(milliseconds, 0.0);
        }
        latency
    }

    /// Adds a measured time; `alpha` (0 to 1) is how much the estimate keeps of its old value.
    pub(super) fn add(&mut self, milliseconds: u32, alpha: f64) {
        let value = f64::from(milliseconds);
        self.count = self.count.saturating_add(1);
        self.most = self.most.max(milliseconds);
        if self.count == 1 {
            self.average = value;
            self.estimate = value;
            return;
        }
        let weight = f64::max(1.0 / f64::from(self.count), LONG);
        let distance = value - self.average;
        self.average += distance * weight;
        // Welford's way, with a weight in place of the count.
        self.variance = (1.0 - weight) * (self.variance + weight * distance * distance);
        self.deviation = self.variance.sqrt();
        self.estimate = self.estimate * alpha + value * (1.0 - alpha);
    }

    /// A request was not answered.
    pub(super) fn add_timeout(&mut self) {
        self.timeouts = self.timeouts.saturating_add(1);
    }

    /// By how much it takes longer than usual.
    pub(super) fn congestion(&self) -> f64 {
        f64::max(self.estimate - self.average, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates() {
        let mut latency = Latency::starting_at(20);
        assert_eq!((latency.average, latency.estimate, latency.most), (20.0, 20.0, 20));
        latency.add(40, 0.5);
        assert_eq!((latency.average, latency.estimate, latency.most), (30.0, 30.0, 40));
        assert!((latency.deviation - 10.0).abs() < 1e-9, "{}", latency.deviation);
        latency.add_timeout();
        assert_eq!((latency.timeouts, latency.congestion()), (1, 0.0));
        assert_eq!(Latency::starting_at(0), Latency::default());
    }
}

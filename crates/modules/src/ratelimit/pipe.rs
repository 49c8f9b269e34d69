//! A pipe: how much may pass, by one of four algorithms. Also those of module `pipelimit`.
//!
//! Nothing here knows a clock: whoever has the pipes says when an interval ends ([`Pipe::next_interval`]) and what the
//! machine does ([`Machine`]).

/// How a pipe decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    /// It does not.
    Nop,
    /// Every n-th passes, so that as many pass as the limit says if as many come as in the interval before.
    Red,
    /// So many pass in an interval, and no others.
    TailDrop,
    /// As many pass as the processors can bear.
    Feedback,
    /// All pass while few bytes wait on the sockets.
    Network,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Nop, Self::Red, Self::TailDrop, Self::Feedback, Self::Network];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nop => "NOP",
            Self::Red => "RED",
            Self::TailDrop => "TAILDROP",
            Self::Feedback => "FEEDBACK",
            Self::Network => "NETWORK",
        }
    }

    /// Kamailio's number for it.
    pub(crate) const fn number(self) -> i64 {
        self as i64
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// For suggestions.
    pub(crate) const NAMES: [&'static str; 5] = ["NOP", "RED", "TAILDROP", "FEEDBACK", "NETWORK"];
}

/// What the feedback algorithm multiplies the error with: its sum, itself, its change.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Gains {
    pub(crate) integral: f64,
    pub(crate) proportional: f64,
    pub(crate) derivative: f64,
}

impl Default for Gains {
    fn default() -> Self {
        Self { integral: -25.0, proportional: 0.0, derivative: 0.0 }
    }
}

impl Gains {
    /// As the RPC commands show it.
    pub(crate) fn show(self) -> String {
        format!("ki[{:.6}] kp[{:.6}] kd[{:.6}] ", self.integral, self.proportional, self.derivative)
    }
}

/// What the machine does.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Machine {
    /// How busy the processors are: 0 to 1.
    pub(crate) load: f64,
    /// How many bytes wait on the sockets.
    pub(crate) waiting: u64,
}

/// How busy the machine may be, and how much is refused for it.
#[derive(Clone, Copy, Default, Debug)]
struct Controller {
    sum: f64,
    last_error: f64,
    /// In percent.
    refused: f64,
}

impl Controller {
    fn step(&mut self, gains: Gains, wanted: f64, load: f64) {
        let error = wanted - load;
        let sum = self.sum + error;
        let out = gains.proportional * error + gains.integral * sum + gains.derivative * (error - self.last_error);
        self.last_error = error;
        // What leads beyond the end of the scale is not summed up: it would have to be taken back first.
        if (0.0..=100.0).contains(&out) {
            self.sum = sum;
        }
        self.refused = if out.is_finite() { out.clamp(0.0, 100.0) } else { 0.0 };
    }
}

/// A pipe.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    pub(crate) algorithm: Algorithm,
    pub(crate) limit: u32,
    /// What came in this interval.
    pub(crate) counter: u64,
    /// What came in the interval before.
    pub(crate) last_counter: u64,
    /// How many intervals nothing came.
    pub(crate) unused: u32,
    /// By how much the interval before exceeded the limit; NETWORK: 1 too much waits, else -1.
    pub(crate) load: i64,
    controller: Controller,
}

impl Pipe {
    pub(crate) fn new(algorithm: Algorithm, limit: u32) -> Self {
        Self { algorithm, limit, counter: 0, last_counter: 0, unused: 0, load: 0, controller: Controller::default() }
    }

    /// Counts a message; `true`: it may pass. `seconds` is what the limit is multiplied with.
    pub(crate) fn pass(&mut self, seconds: u32) -> bool {
        self.counter += 1;
        self.unused = 0;
        match self.algorithm {
            Algorithm::Nop => true,
            Algorithm::TailDrop => self.counter <= u64::from(self.limit) * u64::from(seconds),
            Algorithm::Red => self.load <= 1 || self.counter.is_multiple_of(self.load.unsigned_abs()),
            // 37 and 100 have no common divisor: those that are refused are spread evenly.
            Algorithm::Feedback => (self.counter % 100 * 37 % 100) as f64 >= self.controller.refused,
            Algorithm::Network => self.load <= 0,
        }
    }

    /// A new interval begins.
    pub(crate) fn next_interval(&mut self, seconds: u32, gains: Gains, machine: Machine) {
        self.last_counter = std::mem::take(&mut self.counter);
        self.unused = if self.last_counter == 0 { self.unused.saturating_add(1) } else { 0 };
        let limit = u64::from(self.limit) * u64::from(seconds);
        self.load = match self.algorithm {
            Algorithm::Network if machine.waiting > u64::from(self.limit) => 1,
            Algorithm::Network => -1,
            Algorithm::Feedback => 0,
            _ => self.last_counter.checked_div(limit).map_or(0, |load| i64::try_from(load).unwrap_or(i64::MAX)),
        };
        self.feed(gains, machine.load);
    }

    /// The load is known anew.
    pub(crate) fn feed(&mut self, gains: Gains, load: f64) {
        if self.algorithm == Algorithm::Feedback {
            self.controller.step(gains, f64::from(self.limit) / 100.0, load);
        }
    }

    /// As the RPC commands show it: FEEDBACK has percents.
    pub(crate) fn drop_rate(&self) -> i64 {
        if self.algorithm == Algorithm::Feedback { self.controller.refused.round() as i64 } else { self.load }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(pipe: &mut Pipe, count: usize, seconds: u32) -> String {
        (0..count).map(|_| if pipe.pass(seconds) { '+' } else { '-' }).collect()
    }

    fn next(pipe: &mut Pipe, seconds: u32) {
        pipe.next_interval(seconds, Gains::default(), Machine::default());
    }

    /// As seen from Kamailio 5.6.3, interval after interval.
    #[test]
    fn red() {
        let mut pipe = Pipe::new(Algorithm::Red, 4);
        for (count, expected) in [
            (7, "+++++++"),
            (8, "++++++++"),
            (11, "-+-+-+-+-+-"),
            (12, "-+-+-+-+-+-+"),
            (16, "--+--+--+--+--+-"),
            (3, "---"),
            (4, "++++"),
        ] {
            assert_eq!(passed(&mut pipe, count, 1), expected);
            next(&mut pipe, 1);
        }
        let mut pipe = Pipe::new(Algorithm::Red, 3);
        for (count, expected, load) in [(11, "+++++++++++", 1), (12, "++++++++++++", 2), (5, "-+-+-", 0)] {
            assert_eq!(passed(&mut pipe, count, 2), expected);
            next(&mut pipe, 2);
            assert_eq!(pipe.load, load);
        }
    }

    #[test]
    fn tail_drop() {
        let mut pipe = Pipe::new(Algorithm::TailDrop, 2);
        assert_eq!(passed(&mut pipe, 6, 2), "++++--");
        next(&mut pipe, 2);
        assert_eq!((pipe.counter, pipe.last_counter, pipe.load), (0, 6, 1));
        assert_eq!(passed(&mut pipe, 3, 1), "++-");
        assert_eq!(passed(&mut Pipe::new(Algorithm::TailDrop, 0), 2, 1), "--");
    }

    #[test]
    fn network() {
        let mut pipe = Pipe::new(Algorithm::Network, 1000);
        assert!(pipe.pass(1));
        pipe.next_interval(1, Gains::default(), Machine { waiting: 1001, load: 0.0 });
        assert!(!pipe.pass(1));
        pipe.next_interval(1, Gains::default(), Machine { waiting: 1000, load: 0.0 });
        assert!(pipe.pass(1));
        assert_eq!(pipe.load, -1);
    }

    #[test]
    fn feedback() {
        let mut pipe = Pipe::new(Algorithm::Feedback, 80);
        let mut after = |intervals: usize, load: f64| {
            for _ in 0..intervals {
                pipe.next_interval(1, Gains::default(), Machine { waiting: 0, load });
            }
            (0..100).filter(|_| !pipe.pass(1)).count()
        };
        assert_eq!(after(1, 0.85), 2);
        assert_eq!(after(4, 0.85), 7);
        assert_eq!(after(1000, 1.0), 100, "never more than all");
        // It comes back as fast as it went.
        assert!(after(10, 0.5) < 60);
        assert_eq!(after(1000, 0.1), 0);
        assert!(after(1, 0.9) > 0);
        let mut pipe = Pipe::new(Algorithm::Feedback, 50);
        let gains = Gains { integral: f64::MAX, proportional: f64::MAX, derivative: 1.0 };
        pipe.feed(gains, 0.1);
        pipe.feed(gains, 0.9);
        assert!(pipe.drop_rate() >= 0);
    }

    #[test]
    fn unused() {
        let mut pipe = Pipe::new(Algorithm::Red, 1);
        next(&mut pipe, 1);
        next(&mut pipe, 1);
        assert_eq!(pipe.unused, 2);
        pipe.pass(1);
        assert_eq!(pipe.unused, 0);
        next(&mut pipe, 1);
        assert_eq!(pipe.unused, 0);
    }

    #[test]
    fn names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name().as_bytes()), Some(algorithm));
            assert_eq!(Algorithm::NAMES[algorithm.number() as usize], algorithm.name());
        }
        assert_eq!(Algorithm::from_name(b"taildrop"), Some(Algorithm::TailDrop));
        assert_eq!(Algorithm::from_name(b"FOO"), None);
    }
}

//! The rules one by one; `tests/simulation` has them all together.

use super::*;

const TIMERS: Timers = Timers::INVITE;

/// A machine, the time and what came out.
struct Bench {
    machine: Forwarding,
    now: Time,
    out: Vec<Output>,
}

impl Bench {
    fn new(machine: Forwarding) -> Self {
        Self { machine, now: Time(0), out: Vec::new() }
    }

    fn invite(branches: usize) -> Self {
        let mut bench = Self::new(Forwarding::invite(Time(0), false, TIMERS));
        (0..branches).for_each(|_| bench.add());
        bench
    }

    fn request(branches: usize) -> Self {
        let mut bench = Self::new(Forwarding::request(Time(0), Timers::REQUEST));
        for _ in 0..branches {
            bench.machine.add_branch(Time(0), false, false);
        }
        bench
    }

    fn add(&mut self) {
        self.machine.add_branch(self.now, true, false);
    }

    fn at(&mut self, now: u64) -> &mut Self {
        self.now = Time(now);
        self
    }

    /// A reply comes and goes through the script; what came out of that.
    fn reply(&mut self, branch: BranchId, status: u16) -> Vec<Output> {
        if self.machine.receive(self.now, branch, status, &mut self.out).new {
            self.machine.process(self.now, branch, status, &mut self.out);
        }
        self.take()
    }

    fn sent(&mut self, status: u16, from: Option<BranchId>) -> Vec<Output> {
        assert!(self.machine.on_sent(self.now, status, from, &mut self.out));
        self.take()
    }

    fn settle(&mut self) -> Vec<Output> {
        self.machine.settle(&mut self.out);
        self.take()
    }

    fn conclude(&mut self) -> Vec<Output> {
        self.machine.conclude(&mut self.out);
        self.take()
    }

    fn cancel(&mut self) -> Vec<Output> {
        self.machine.cancel(self.now, &mut self.out);
        self.take()
    }

    fn due(&mut self, now: u64) -> Vec<Output> {
        self.at(now);
        self.machine.on_timeout(self.now, &mut self.out);
        self.take()
    }

    fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }
}

const fn cancel(branch: BranchId, cause: Option<u16>) -> Output {
    Output::Cancel { branch, cause }
}

#[test]
fn the_first_answer_goes_up_and_the_others_are_cancelled() {
    let mut bench = Bench::invite(3);
    assert_eq!(bench.reply(0, 180), [Output::Forward(0)]);
    assert_eq!(bench.sent(180, Some(0)), []);
    assert_eq!(bench.reply(1, 200), [Output::Forward(1)]);
    // The third has not replied yet: its CANCEL waits for that.
    assert_eq!(bench.sent(200, Some(1)), [cancel(0, Some(200))]);
    assert!(bench.machine.branches()[2].is_cancelled());
    assert_eq!(bench.reply(2, 180), [cancel(2, Some(200))]);
    assert_eq!(bench.reply(2, 180), []);
    assert_eq!(bench.reply(0, 487), [Output::Failed(0)]);
    assert_eq!(bench.settle(), []);
    assert_eq!(bench.due(5000).last(), Some(&Output::Ended));
    assert_eq!(bench.machine.timeout(), None);
}

#[test]
fn each_answer_to_an_invite_goes_up_but_only_one_to_another_request() {
    let mut bench = Bench::invite(2);
    assert_eq!(bench.reply(0, 200), [Output::Forward(0)]);
    bench.sent(200, Some(0));
    for branch in [0, 1] {
        assert_eq!(bench.reply(branch, 200), [Output::Forward(branch)]);
        let (now, status) = (bench.now, 200);
        assert!(!bench.machine.on_sent(now, status, Some(branch), &mut bench.out), "nothing changes any more");
    }
    let mut bench = Bench::request(2);
    assert_eq!(bench.reply(0, 200), [Output::Forward(0)]);
    bench.sent(200, Some(0));
    assert_eq!(bench.reply(1, 200), []);
}

#[test]
fn an_answer_behind_a_negative_reply_goes_up() {
    let mut bench = Bench::invite(1);
    bench.reply(0, 180);
    assert_eq!(bench.due(120_000), [cancel(0, None), Output::Failed(0)]);
    assert_eq!(bench.settle(), [Output::Decide(0)]);
    assert_eq!(bench.conclude(), [Output::Forward(0)]);
    bench.sent(408, Some(0));
    assert_eq!(bench.reply(0, 200), [Output::Forward(0)]);
    assert_eq!(bench.machine.status(), 408);
}

/// RFC 3261 section 16.7 step 6.
#[test]
fn the_best_reply() {
    let cases: [(&[u16], bool, u16); 12] = [
        (&[486], true, 486),
        (&[500, 486, 302], true, 302),
        (&[486, 603, 302], true, 603),
        (&[486, 603], false, 603),
        (&[603, 600], true, 600),
        (&[404, 486, 407], true, 407),
        (&[407, 401], true, 401),
        (&[404, 484], true, 484),
        (&[404, 420], true, 420),
        (&[404, 415], true, 415),
        (&[503, 504, 500], true, 500),
        (&[503, 580], true, 580),
    ];
    for (statuses, block, best) in cases {
        let mut bench = Bench::invite(statuses.len());
        bench.machine.set_block_6xx(block);
        for (branch, status) in statuses.iter().enumerate() {
            assert!(bench.settle().is_empty(), "one is pending");
            assert!(bench.reply(branch, *status).contains(&Output::Failed(branch)));
        }
        let expected = statuses.iter().position(|status| *status == best).unwrap();
        assert_eq!(bench.settle(), [Output::Decide(expected)], "{statuses:?}");
        assert_eq!(bench.settle(), [], "it is being decided");
        assert_eq!(bench.conclude(), [Output::Forward(expected)]);
    }
}

#[test]
fn made_up_and_dropped_replies_stand_back() {
    let mut bench = Bench::invite(3);
    bench.machine.fail(0, 408, &mut bench.out);
    bench.reply(1, 486);
    bench.reply(2, 500);
    assert_eq!(bench.machine.best(), Some(0));
    bench.machine.set_faked_priority(2000);
    assert_eq!(bench.machine.best(), Some(1));
    bench.machine.drop_replies(0..2);
    assert_eq!(bench.machine.best(), Some(2));
    bench.machine.drop_replies(0..3);
    assert_eq!(bench.machine.best(), Some(1), "when all are dropped, all count");
}

#[test]
fn a_6xx_cancels_the_others_and_is_waited_with() {
    for (block, expected) in [(true, vec![cancel(1, Some(603)), Output::Failed(0)]), (false, vec![Output::Failed(0)])] {
        let mut bench = Bench::invite(2);
        bench.machine.set_block_6xx(block);
        bench.reply(1, 180);
        assert_eq!(bench.reply(0, 603), expected);
        assert_eq!(bench.machine.is_blocked(), block);
        assert_eq!(bench.settle(), []);
    }
}

#[test]
fn the_caller_takes_it_back() {
    let now = [
        (EarlyCancel::WhenProceeding, vec![cancel(0, None)]),
        (EarlyCancel::AtOnce, vec![cancel(0, None), cancel(1, None)]),
    ];
    for (how, expected) in now {
        let mut bench = Bench::invite(2);
        bench.machine.set_early_cancel(how);
        bench.reply(0, 180);
        assert_eq!(bench.cancel(), expected);
        assert_eq!(bench.cancel(), [], "once is enough");
        assert!(bench.machine.is_pending());
    }
    let mut bench = Bench::invite(2);
    bench.machine.set_early_cancel(EarlyCancel::Abandon);
    bench.reply(0, 180);
    assert_eq!(bench.cancel(), [cancel(0, None), Output::Failed(1)]);
    assert_eq!((bench.machine.branches()[1].status(), bench.machine.branches()[1].faked()), (487, true));
    assert_eq!(bench.machine.receive(Time(0), 1, 486, &mut bench.out), ClientReply { new: false, acknowledge: true });
}

#[test]
fn other_requests_are_not_cancelled() {
    let mut bench = Bench::request(2);
    bench.reply(0, 100);
    assert_eq!(bench.cancel(), []);
    assert_eq!(bench.reply(0, 200), [Output::Forward(0)]);
    assert_eq!(bench.sent(200, Some(0)), []);
    assert!(bench.machine.is_pending());
}

#[test]
fn a_cancelled_branch_does_not_wait_longer_than_for_its_cancel() {
    let mut bench = Bench::invite(1);
    bench.reply(0, 180);
    assert_eq!(bench.at(10_000).cancel(), [cancel(0, None)]);
    assert_eq!(bench.due(10_500), [Output::RetransmitCancel(0)]);
    bench.machine.on_cancel_reply(bench.now, 0, 200);
    assert_eq!(bench.at(20_000).reply(0, 180), [Output::Forward(0)]);
    assert_eq!(bench.machine.timeout(), Some(Time(40_000)));
    bench.machine.set_end_of_life(Time(20_000), 100_000);
    assert_eq!(bench.at(30_000).reply(0, 180), [Output::Forward(0)]);
    assert_eq!(bench.machine.timeout(), Some(Time(40_000)));
    assert_eq!(bench.due(40_000), [Output::Failed(0)]);
    assert_eq!(bench.machine.branches()[0].status(), 408);
}

/// The phone would ring for ever: the INVITE reached it when nobody waited any more.
#[test]
fn a_branch_that_is_reached_after_it_was_given_up_is_cancelled() {
    let mut timed_out = Bench::invite(1);
    timed_out.at(30_000);
    timed_out.machine.on_timeout(Time(30_000), &mut timed_out.out);
    let mut abandoned = Bench::invite(1);
    abandoned.machine.set_early_cancel(EarlyCancel::Abandon);
    abandoned.machine.cancel(Time(0), &mut abandoned.out);
    for mut bench in [timed_out, abandoned] {
        assert_eq!(bench.take(), [Output::Failed(0)]);
        assert_eq!(bench.settle(), [Output::Decide(0)]);
        assert_eq!(bench.conclude(), [Output::Forward(0)]);
        let status = bench.machine.branches()[0].status();
        bench.sent(status, Some(0));
        assert_eq!(bench.reply(0, 180), [cancel(0, None)]);
        assert_eq!(bench.reply(0, 180), []);
    }
}

/// While the script handles an answer, the negative reply of another branch must not overtake it.
#[test]
fn a_reply_in_the_script_is_waited_for() {
    let mut bench = Bench::invite(2);
    assert!(bench.machine.receive(Time(0), 0, 200, &mut bench.out).new);
    assert_eq!(bench.reply(1, 486), [Output::Failed(1)]);
    assert_eq!(bench.settle(), []);
    bench.machine.process(Time(10), 0, 200, &mut bench.out);
    assert_eq!(bench.take(), [Output::Forward(0)]);
}

/// A negative reply and then an answer of the same branch, both in the script.
#[test]
fn all_replies_in_the_script_are_waited_for() {
    let mut bench = Bench::invite(1);
    for status in [603, 200] {
        assert!(bench.machine.receive(Time(0), 0, status, &mut bench.out).new);
    }
    bench.machine.process(Time(1), 0, 603, &mut bench.out);
    assert_eq!(bench.take(), [Output::Failed(0)]);
    assert_eq!(bench.settle(), []);
    bench.machine.process(Time(2), 0, 200, &mut bench.out);
    assert_eq!(bench.take(), [Output::Forward(0)]);
}

#[test]
fn after_a_reaction_that_failed_it_is_decided_anew() {
    let mut bench = Bench::invite(1);
    bench.reply(0, 486);
    assert_eq!(bench.settle(), [Output::Decide(0)]);
    bench.add();
    bench.machine.fail(1, 477, &mut bench.out);
    assert_eq!(bench.take(), [Output::Failed(1)]);
    bench.machine.reopen();
    bench.add();
    assert_eq!(bench.settle(), []);
    assert_eq!(bench.reply(2, 404), [Output::Failed(2)]);
    assert_eq!(bench.settle(), [Output::Decide(2)]);
}

#[test]
fn a_new_branch_keeps_it_from_being_concluded() {
    let mut bench = Bench::invite(1);
    bench.reply(0, 486);
    assert_eq!(bench.settle(), [Output::Decide(0)]);
    bench.add();
    assert_eq!(bench.conclude(), []);
    assert_eq!(bench.reply(1, 200), [Output::Forward(1)]);
}

#[test]
fn a_blind_branch_waits_ends_and_times_out() {
    let mut bench = Bench::invite(0);
    let blind = bench.machine.add_blind_branch(Time(0));
    assert!(bench.machine.branches()[blind].is_blind() && bench.machine.is_pending());
    assert!(!bench.machine.receive(Time(0), blind, 200, &mut bench.out).new);
    let mut resumed = Bench::new(bench.machine.clone());
    resumed.machine.end_blind_branch(blind);
    assert!(!resumed.machine.is_pending());
    assert_eq!(resumed.settle(), [], "there is no reply");
    let mut cancelled = Bench::new(bench.machine.clone());
    assert_eq!(cancelled.cancel(), [Output::Failed(blind)]);
    assert_eq!(cancelled.machine.branches()[blind].status(), 487);
    assert_eq!(bench.due(30_000), [Output::Failed(blind)]);
    assert_eq!(bench.machine.branches()[blind].status(), 408);
}

#[test]
fn no_branch_waits_past_the_end_of_life() {
    let mut bench = Bench::request(1);
    bench.machine.set_timers(Time(0), Timers { reply: 60_000, ..Timers::REQUEST }, true);
    bench.machine.set_end_of_life(Time(0), 2000);
    assert!(!bench.due(1999).contains(&Output::Failed(0)));
    assert_eq!(bench.due(2000), [Output::Failed(0)]);
    // A branch that is added later is given up at once.
    bench.machine.add_branch(Time(3000), false, true);
    assert_eq!(bench.due(3000), [Output::Failed(1)]);
    // A new interval does not lead past it either.
    let mut bench = Bench::request(0);
    bench.machine.add_branch(Time(0), false, true);
    bench.machine.set_timers(Time(20_000), Timers::REQUEST, true);
    assert_eq!(bench.machine.timeout(), Some(Time(32_000)));
}

#[test]
fn the_scripts_own_replies() {
    let mut bench = Bench::invite(1);
    assert!(!bench.machine.on_retransmission());
    assert_eq!(bench.sent(100, None), []);
    assert!(bench.machine.on_retransmission());
    bench.reply(0, 180);
    assert_eq!(bench.sent(480, None), [cancel(0, Some(480))]);
    assert!(bench.machine.is_own_reply() && bench.machine.awaits_ack());
    bench.machine.on_cancel_reply(bench.now, 0, 200);
    assert_eq!(bench.reply(0, 487), [Output::Failed(0)]);
    assert_eq!(bench.due(500), [Output::RetransmitReply]);
    assert!(bench.machine.on_ack(Time(600)));
    assert!(!bench.machine.on_ack(Time(700)));
    assert_eq!(bench.due(5600), [Output::Ended]);
}

/// The user may call what it likes with a transaction that is over.
#[test]
fn nothing_comes_out_after_the_end() {
    for mut bench in [Bench::invite(2), Bench::request(2)] {
        bench.machine.release(Time(0));
        assert_eq!(bench.due(5000).last(), Some(&Output::Ended));
        assert!(bench.machine.is_ended());
        bench.machine.release(Time(5000));
        assert_eq!(bench.reply(0, 180), []);
        assert_eq!(bench.reply(0, 200), []);
        assert_eq!(bench.reply(1, 603), []);
        bench.machine.process(Time(5000), 0, 200, &mut bench.out);
        bench.machine.fail(1, 503, &mut bench.out);
        assert!(!bench.machine.on_sent(Time(5000), 486, None, &mut bench.out));
        assert_eq!(bench.cancel(), []);
        assert_eq!(bench.settle(), []);
        assert_eq!(bench.conclude(), []);
        assert_eq!(bench.due(100_000), []);
        assert_eq!(bench.machine.timeout(), None);
    }
}

#[test]
fn a_request_made_here() {
    let mut bench = Bench::new(Forwarding::local(Time(0), TIMERS));
    assert!(bench.machine.is_local() && !bench.machine.awaits_ack());
    bench.add();
    assert_eq!(bench.reply(0, 486), [Output::Failed(0)]);
    assert_eq!(bench.settle(), [Output::Decide(0)]);
    assert_eq!(bench.conclude(), [Output::Forward(0)]);
    bench.sent(486, Some(0));
    assert!(!bench.machine.on_ack(Time(0)));
    assert_eq!(bench.due(5000), [Output::Ended]);
}

#[test]
fn unknown_branches_do_no_harm() {
    let mut bench = Bench::invite(0);
    assert_eq!(bench.reply(7, 200), []);
    bench.machine.process(Time(0), 7, 200, &mut bench.out);
    bench.machine.fail(7, 503, &mut bench.out);
    bench.machine.end_blind_branch(7);
    bench.machine.on_cancel_reply(Time(0), 7, 200);
    bench.machine.drop_replies(3..9);
    assert_eq!(bench.take(), []);
    assert_eq!(bench.machine.best(), None);
}

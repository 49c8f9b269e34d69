//! Reports of the network: a datagram that we sent could not be delivered.
//!
//! The kernel keeps such reports (ICMP) in the socket's error queue, and lets the next call on the socket fail once, be
//! it for receiving or for sending to somebody else. So an error of any call is the moment to read the queue, and a
//! failed send is tried again when it may have been failed by a report. While nothing fails nothing is read.

use std::io;
use std::os::fd::AsFd as _;

use sip::{Protocol, Str};

use super::UdpListener;
use crate::error::SendError;
use crate::handler::SendFailure;
use crate::sys::{self, Report};
use crate::transport::Transport;

/// How many reports are read at once; with more the kernel lets the next call fail, too.
const BATCH: usize = 64;

/// As much of a datagram as a report can have: routers send at most 576 bytes (RFC 1812), of IPv6 1280.
const BEGINNING: usize = 1280;

impl UdpListener {
    /// True when a receive call failed because of a report, which is told to the handler.
    pub(super) fn is_report(&self, error: &io::Error, transport: &Transport) -> bool {
        self.reports
            && (self.tell_reports(transport) > 0
                // Another thread has read it already.
                || matches!(
                    error.raw_os_error(),
                    Some(libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN)
                        | Some(libc::ENOPROTOOPT | libc::EPROTO | libc::EACCES | libc::EMSGSIZE | libc::ENONET)
                ))
    }

    /// Reads the reports and has the handler told by a task: whoever sends may hold locks that the handler wants, too.
    /// Returns how many words from the network there were.
    pub(super) fn tell_reports(&self, transport: &Transport) -> usize {
        let inner = &transport.inner;
        let mut buffer = [0; BEGINNING];
        let mut failures = Vec::new();
        let mut count = 0;
        for _ in 0..BATCH {
            let Ok(report) = sys::next_report(self.socket.as_fd(), &mut buffer) else { break };
            count += usize::from(report.from_network);
            if report.unreachable {
                inner.statistics.udp_unreachable.increment();
                failures.extend(self.failure(report, &buffer));
            }
        }
        if !failures.is_empty()
            && let Some(running) = inner.running()
        {
            let handler = running.handler;
            running.runtime.spawn(async move { failures.into_iter().for_each(|failure| handler.send_failed(failure)) });
        }
        count
    }

    fn failure(&self, report: Report, buffer: &[u8]) -> Option<SendFailure> {
        let destination = report.destination?;
        Some(SendFailure {
            socket: self.id,
            protocol: Protocol::Udp,
            destination,
            connection: None,
            data: Str::copy_from(buffer.get(..report.length)?),
            error: SendError::Unreachable { destination, error: report.error },
        })
    }
}

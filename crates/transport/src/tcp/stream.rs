//! One connection's task: reading, writing and watching the clock. Any byte stream will do.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::time::Duration;

use sip::Str;
use sip::framing::{Frame, Framer, FramingError};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout, timeout_at};

use crate::connections::{CloseReason, Connection, Next};
use crate::handler::{Handler, Network as _, Outgoing, Received};
use crate::options::Severity;
use crate::transport::Transport;
use crate::udp::handle_one;

/// How many bytes one read takes at most.
const READ_SIZE: usize = 16 * 1024;

/// How long a connection that closes because the server stops may still write.
const STOP_FLUSH: Duration = Duration::from_millis(500);

/// The answer to a keep-alive ping (RFC 5626 4.4.1).
const PONG: &str = "\r\n";

thread_local! {
    /// Bytes are read into this and copied to where they belong, so that an idle connection holds no buffer.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into_boxed_slice());
}

/// Serves a connection until it is to close; returns why.
pub(super) async fn run<R, W>(
    transport: &Transport,
    handler: &dyn Handler,
    connection: &Connection,
    mut reader: R,
    mut writer: W,
) -> CloseReason
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let reason = tokio::select! {
        reason = read(transport, handler, connection, &mut reader) => reason,
        reason = write(transport, connection, &mut writer) => reason,
        reason = watch(connection) => reason,
    };
    connection.request_close(reason);
    let patience = match reason {
        // A peer that shut its sending side may still read; what was queued before `close` was meant to arrive.
        CloseReason::Peer | CloseReason::Local => transport.inner.options.tcp.send_timeout,
        CloseReason::Stopping => STOP_FLUSH,
        _ => return reason,
    };
    let _ = timeout(patience, flush(transport, connection, &mut writer)).await;
    reason
}

/// Cuts what arrives into messages and hands them over, in order.
async fn read<R>(transport: &Transport, handler: &dyn Handler, connection: &Connection, reader: &mut R) -> CloseReason
where
    R: AsyncRead + Unpin,
{
    let inner = &transport.inner;
    let options = &inner.options.tcp;
    let mut framer = Framer::new(options.limits);
    let mut outbox: Vec<Outgoing> = Vec::new();
    let mut message_began: Option<Instant> = None;
    loop {
        let filled = match message_began {
            None => fill(reader, &mut framer).await,
            Some(began) => match timeout_at(began + options.message_timeout, fill(reader, &mut framer)).await {
                Ok(filled) => filled,
                Err(_) => return CloseReason::MessageTimeout,
            },
        };
        match filled {
            Ok(0) => return CloseReason::Peer,
            Ok(count) => inner.statistics.tcp_received_bytes.add(count as u64),
            Err(_) => return CloseReason::Reset,
        };
        connection.touch();
        let handled = handle_frames(transport, handler, connection, &mut framer, &mut outbox);
        transport.send_all(&mut outbox);
        match handled {
            Err(error) => {
                let text = format!("closing the connection from {}: {error}", connection.peer);
                inner.options.log(Severity::Warning, &text);
                return CloseReason::Framing;
            }
            Ok(_) if framer.buffered() == 0 => message_began = None,
            Ok(0) if message_began.is_some() => {}
            Ok(_) => message_began = Some(Instant::now()),
        }
    }
}

/// Handles the whole frames that were received; returns how many.
fn handle_frames(
    transport: &Transport,
    handler: &dyn Handler,
    connection: &Connection,
    framer: &mut Framer,
    outbox: &mut Vec<Outgoing>,
) -> Result<usize, FramingError> {
    let inner = &transport.inner;
    let received = Received {
        socket: connection.socket,
        protocol: connection.protocol,
        source: connection.peer,
        destination: connection.local(),
        connection: Some(connection.id),
    };
    let mut handled = 0;
    while let Some(frame) = framer.next() {
        handled += 1;
        match frame? {
            Frame::Message(data) => {
                inner.statistics.tcp_received.increment();
                handle_one(handler, received, data, outbox, inner);
            }
            Frame::Ping => {
                inner.statistics.tcp_pings.increment();
                if inner.options.tcp.crlf_pong {
                    // When the queue is full the connection closes anyway.
                    let pong = Outgoing::reply_to(&received, Str::from_static(PONG));
                    let _ = connection.enqueue(&[pong], &inner.options.tcp, &inner.statistics);
                }
            }
            Frame::Pong => {}
        }
    }
    Ok(handled)
}

/// Reads once; returns how many bytes.
async fn fill<R: AsyncRead + Unpin>(reader: &mut R, framer: &mut Framer) -> io::Result<usize> {
    poll_fn(|context| {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            Pin::new(&mut *reader).poll_read(context, &mut buffer).map_ok(|()| {
                framer.push(buffer.filled());
                buffer.filled().len()
            })
        })
    })
    .await
}

/// Writes what is queued, as it comes.
async fn write<W>(transport: &Transport, connection: &Connection, writer: &mut W) -> CloseReason
where
    W: AsyncWrite + Unpin,
{
    loop {
        match connection.next_write() {
            Next::Wait => connection.queued.notified().await,
            Next::Close => return CloseReason::Local,
            Next::Write(pieces) => {
                if let Err(reason) = write_some(transport, connection, writer, &pieces).await {
                    return reason;
                }
            }
        }
    }
}

async fn write_some<W>(
    transport: &Transport,
    connection: &Connection,
    writer: &mut W,
    pieces: &[Str],
) -> Result<(), CloseReason>
where
    W: AsyncWrite + Unpin,
{
    let inner = &transport.inner;
    let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let writing = async {
        let count = writer.write_vectored(&slices).await?;
        writer.flush().await?;
        io::Result::Ok(count)
    };
    match timeout(inner.options.tcp.send_timeout, writing).await {
        Ok(Ok(count)) if count > 0 => {
            connection.written(count, &inner.statistics);
            connection.touch();
            Ok(())
        }
        Ok(_) => Err(CloseReason::Reset),
        Err(_) => {
            inner.statistics.tcp_send_timeouts.increment();
            Err(CloseReason::Slow)
        }
    }
}

/// Writes what is still queued and ends the stream in order.
async fn flush<W: AsyncWrite + Unpin>(transport: &Transport, connection: &Connection, writer: &mut W) {
    while let Next::Write(pieces) = connection.next_write() {
        if write_some(transport, connection, writer, &pieces).await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}

/// Ends when the connection was idle for too long or is asked to close.
async fn watch(connection: &Connection) -> CloseReason {
    loop {
        if let Some(reason) = connection.close_requested() {
            return reason;
        }
        let deadline = connection.idle_deadline();
        if deadline <= std::time::Instant::now() {
            return CloseReason::Idle;
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline.into()) => {}
            () = connection.attention.notified() => {}
        }
    }
}

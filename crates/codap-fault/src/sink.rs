//! The writing half of one reply: everything passes here, and here it is cut, stalled, slowed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use crate::{
    fault::{How, Trickle},
    inbound::Inbound,
    ledger::{Ledger, Now, Outcome},
};

/// So much is gathered before it is written.
const FULL: usize = 1 << 16;

/// Why a reply went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The script cuts it here.
    Cut(How),
    /// The peer has gone.
    Gone,
}

/// What happens at one place of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing happens for so long.
    Wait(Duration),
    /// As `Wait`, and counted; without a time until the test releases it.
    Stall(Option<Duration>),
    Cut(How),
}

/// What happens, by place: places in rising order, each with its acts in order.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Counted in all bytes.
    pub(crate) wire: Vec<(u64, Act)>,
    /// Counted in bytes of the body.
    pub(crate) body: Vec<(u64, Act)>,
    pub(crate) end: Vec<Act>,
}

/// Which of two kinds bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Heads, chunk sizes, raw bytes.
    Frame,
    Body,
}

pub(crate) struct Sink<'a> {
    inbound: &'a mut Inbound,
    ledger: &'a Ledger,
    out: Vec<u8>,
    marks: Marks,
    trickle: Option<Trickle>,
    corrupt: Vec<u64>,
    wire: u64,
    body: u64,
    /// Marks of the body count from here on.
    in_body: bool,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(inbound: &'a mut Inbound, ledger: &'a Ledger) -> Self {
        Self {
            inbound,
            ledger,
            out: Vec::with_capacity(512),
            marks: Marks::default(),
            trickle: None,
            corrupt: Vec::new(),
            wire: 0,
            body: 0,
            in_body: false,
        }
    }

    /// Before the first byte. `corrupt` holds places in the body, `marks` all places.
    pub(crate) async fn start(
        &mut self,
        marks: Marks,
        trickle: Option<Trickle>,
        corrupt: Vec<u64>,
    ) -> Result<(), Stop> {
        // The next is the last, from here on.
        self.marks = marks;
        self.marks.wire.reverse();
        self.marks.body.reverse();
        self.trickle = trickle;
        self.corrupt = corrupt;
        self.reach().await
    }

    /// Between head and body.
    pub(crate) async fn begin_body(&mut self) -> Result<(), Stop> {
        if self.trickle.is_some_and(|t| !t.head) {
            self.flush(None).await?;
        }
        self.in_body = true;
        self.reach().await
    }

    pub(crate) async fn put(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Stop> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            // Not as soon as it is full: the last bytes are for `finish`, whatever their number.
            self.make_room().await?;
            let (now, later) = bytes.split_at(self.room(kind).min(bytes.len()));
            let from = self.out.len();
            self.out.extend_from_slice(now);
            if kind == Kind::Body {
                for place in &self.corrupt {
                    let inside = place.checked_sub(self.body).and_then(|p| usize::try_from(p).ok());
                    if let Some(place) = inside.filter(|p| *p < now.len()) {
                        self.out[from + place] ^= 0xFF;
                    }
                }
                self.body += now.len() as u64;
            }
            self.wire += now.len() as u64;
            bytes = later;
            self.reach().await?;
        }
        Ok(())
    }

    /// After the last byte: the request ends as complete with it.
    pub(crate) async fn finish(&mut self) -> Result<(), Stop> {
        self.flush(Some(Outcome::Complete)).await
    }

    /// Writes what has been gathered, and changes nothing about the request.
    pub(crate) async fn flush_all(&mut self) -> Result<(), Stop> {
        self.flush(None).await
    }

    /// What the script has for the time after the last byte.
    pub(crate) async fn aftermath(&mut self) -> Result<(), Stop> {
        for at in 0..self.marks.end.len() {
            self.act(self.marks.end[at]).await?;
        }
        Ok(())
    }

    fn pace(&self) -> Option<Trickle> {
        self.trickle.filter(|t| t.head || self.in_body)
    }

    async fn make_room(&mut self) -> Result<(), Stop> {
        match self.pace() {
            Some(trickle) if self.out.len() as u64 >= trickle.bytes => {
                self.flush(None).await?;
                self.wait(Some(trickle.every)).await
            }
            _ if self.out.len() >= FULL => self.flush(None).await,
            _ => Ok(()),
        }
    }

    /// How many bytes may be gathered before something has to happen.
    fn room(&self, kind: Kind) -> usize {
        let gathered = self.out.len() as u64;
        let buffer = FULL as u64 - gathered;
        let pace = self.pace().map(|t| t.bytes - gathered);
        let wire = self.marks.wire.last().map(|(place, _)| place - self.wire);
        let body = match kind {
            Kind::Body => self.marks.body.last().map(|(place, _)| place - self.body),
            Kind::Frame => None,
        };
        let room = [pace, wire, body].into_iter().flatten().fold(buffer, u64::min);
        usize::try_from(room).unwrap_or(FULL)
    }

    /// Does what is marked for this place.
    async fn reach(&mut self) -> Result<(), Stop> {
        loop {
            let due = |marks: &mut Vec<(u64, Act)>, at| {
                marks.pop_if(|(place, _)| *place <= at).map(|(_, act)| act)
            };
            let act = due(&mut self.marks.wire, self.wire)
                .or_else(|| if self.in_body { due(&mut self.marks.body, self.body) } else { None });
            match act {
                Some(act) => self.act(act).await?,
                None => return Ok(()),
            }
        }
    }

    async fn act(&mut self, act: Act) -> Result<(), Stop> {
        self.flush(None).await?;
        match act {
            Act::Wait(time) => self.wait(Some(time)).await,
            Act::Stall(time) => self.stall(time).await,
            Act::Cut(how) => Err(Stop::Cut(how)),
        }
    }

    async fn stall(&mut self, time: Option<Duration>) -> Result<(), Stop> {
        let ledger = self.ledger;
        // Made before it is counted: who sees the count may release it.
        let released = ledger.released().notified();
        let _stalled = Now::stalled(ledger);
        match time {
            Some(_) => self.wait(time).await,
            None => tokio::select! {
                () = released => Ok(()),
                gone = self.wait(None) => gone,
            },
        }
    }

    /// For a time, or until the peer goes.
    async fn wait(&mut self, time: Option<Duration>) -> Result<(), Stop> {
        match time {
            None => {
                self.inbound.gone().await;
                Err(Stop::Gone)
            }
            Some(time) if time.is_zero() => Ok(()),
            Some(time) => tokio::select! {
                () = sleep(time) => Ok(()),
                () = self.inbound.gone() => Err(Stop::Gone),
            },
        }
    }

    /// Writes what has been gathered. The request ends as `outcome` together with the last byte.
    async fn flush(&mut self, outcome: Option<Outcome>) -> Result<(), Stop> {
        let mut from = 0;
        let (stream, ledger, out) = (&mut self.inbound.stream, self.ledger, &self.out);
        if from == out.len()
            && let Some(outcome) = outcome
        {
            ledger.change(|state| state.end(outcome));
        }
        while from < out.len() {
            let wrote = poll_fn(|cx| {
                ledger.change(|state| {
                    let wrote = ready!(Pin::new(&mut *stream).poll_write(cx, &out[from..]));
                    if let Ok(wrote) = &wrote {
                        state.counters.bytes_sent += *wrote as u64;
                        if from + wrote == out.len()
                            && let Some(outcome) = outcome
                        {
                            state.end(outcome);
                        }
                    }
                    Poll::Ready(wrote)
                })
            });
            match wrote.await {
                Ok(wrote) if wrote > 0 => from += wrote,
                _ => return Err(Stop::Gone),
            }
        }
        self.out.clear();
        self.inbound.stream.flush().await.map_err(|_| Stop::Gone)
    }
}

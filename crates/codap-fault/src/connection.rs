//! One connection, from its greeting to its end.

use std::sync::Arc;

use tokio::net::TcpStream;

use crate::{
    answer::{Answer, send_raw},
    body::Body,
    draw::Draw,
    fault::How,
    inbound::{Inbound, Next},
    ledger::{Ledger, Now, Outcome},
    reply::Reply,
    request::Request,
    script::{Greeting, Script},
    sink::{Marks, Sink, Stop},
    stream::{self, Stream},
};

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) script: Script,
    pub(crate) ledger: Ledger,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_rustls::TlsAcceptor>,
}

/// Serves the connection that is the `number`th and has been counted as such.
pub(crate) async fn serve(tcp: TcpStream, number: u64, shared: Arc<Shared>) {
    let open = Now::open(&shared.ledger);
    // Without delay, so that what is sent before a stall is there before it.
    drop(tcp.set_nodelay(true));
    let greeting = shared.script.greeting(number);
    match greeting {
        Some(Greeting::Reset) => {
            drop(open);
            return stream::reset(tcp);
        }
        Some(Greeting::HangUp) => {
            drop(open);
            return stream::hang_up(tcp).await;
        }
        Some(Greeting::Silence) => return stream::left(&tcp).await,
        Some(Greeting::Say(_)) | None => {}
    }
    if let Some(Greeting::Say(raw)) = greeting {
        let mut inbound = Inbound::new(Stream::Plain(tcp));
        let mut sink = Sink::new(&mut inbound, &shared.ledger);
        if send_raw(&mut sink, raw).await.is_ok() {
            let _ = sink.flush_all().await;
        }
        drop(open);
        return inbound.stream.hang_up().await;
    }
    let Some(stream) = handshake(tcp, &shared).await else { return };
    let mut inbound = Inbound::new(stream);
    let end = converse(&mut inbound, number, &shared).await;
    // Before the peer can see it.
    drop(open);
    match end {
        End::Close => inbound.stream.close().await,
        End::Stopped(Stop::Cut(How::Fin)) => inbound.stream.hang_up().await,
        End::Stopped(Stop::Cut(How::Rst)) => inbound.stream.reset(),
        End::Stopped(Stop::Gone) => {}
    }
}

#[cfg(feature = "tls")]
async fn handshake(tcp: TcpStream, shared: &Shared) -> Option<Stream> {
    let Some(tls) = &shared.tls else { return Some(Stream::Plain(tcp)) };
    match tls.accept(tcp).await {
        Ok(stream) => Some(Stream::Tls(Box::new(stream))),
        Err(_) => {
            shared.ledger.change(|state| state.counters.bad_handshakes += 1);
            None
        }
    }
}

#[cfg(not(feature = "tls"))]
async fn handshake(tcp: TcpStream, _: &Shared) -> Option<Stream> {
    Some(Stream::Plain(tcp))
}

enum End {
    Close,
    Stopped(Stop),
}

async fn converse(inbound: &mut Inbound, connection: u64, shared: &Shared) -> End {
    for on_connection in 1.. {
        let mut request = match inbound.head().await {
            Next::Request(request) => request,
            Next::Closed => return End::Close,
            Next::Bad => {
                shared.ledger.change(|state| state.counters.bad_requests += 1);
                return End::Close;
            }
        };
        request.connection = connection;
        request.on_connection = on_connection;
        match answer(inbound, &mut request, shared).await {
            Ok(true) => {}
            Ok(false) => return End::Close,
            Err(stop) => return End::Stopped(stop),
        }
    }
    End::Close
}

/// A request that is being answered; left without another word it was abandoned.
struct Answering<'a> {
    ledger: &'a Ledger,
    ended: bool,
}

impl Answering<'_> {
    fn end(&mut self, outcome: Outcome) {
        if !std::mem::replace(&mut self.ended, true) {
            self.ledger.change(|state| state.end(outcome));
        }
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.end(Outcome::Abandoned);
    }
}

/// Whether the connection goes on.
async fn answer(
    inbound: &mut Inbound,
    request: &mut Request,
    shared: &Shared,
) -> Result<bool, Stop> {
    let Shared { script, ledger, .. } = shared;
    let before = ledger.begin(request, |request| script.choose(request));
    let mut answering = Answering { ledger, ended: false };
    let Some(received) = inbound.body(request).await else {
        ledger.change(|state| state.counters.bad_requests += 1);
        return Err(Stop::Gone);
    };
    if received > 0 {
        ledger.change(|state| state.counters.bytes_received += received);
    }
    let unmatched;
    let (reply, draw) = match request.rule {
        Some(at) => (&script.rules[at].reply, script.draw(request, at)),
        None => {
            unmatched = not_found(request);
            (&unmatched, Draw::new(script.seed, &request.target, request.nth))
        }
    };
    if reply.body == Body::WrongKey && before != request.target {
        ledger.change(|state| state.counters.wrong_keys += 1);
    }
    let mut answer = Answer::new(reply, request, &before);
    let marks = answer.marks(script.latency.as_ref(), draw);
    let corrupt = answer.corrupt();
    let mut sink = Sink::new(inbound, ledger);
    let sent = send(&mut sink, &mut answer, marks, corrupt, reply).await;
    match sent {
        Ok(()) => answering.ended = true,
        Err(Stop::Cut(_)) => answering.end(Outcome::Cut),
        Err(Stop::Gone) => answering.end(Outcome::Abandoned),
    }
    sent?;
    sink.aftermath().await?;
    if let Some(raw) = &reply.after {
        send_raw(&mut sink, raw).await?;
        sink.flush_all().await?;
    }
    Ok(!answer.closes)
}

async fn send(
    sink: &mut Sink<'_>,
    answer: &mut Answer<'_>,
    marks: Marks,
    corrupt: Vec<u64>,
    reply: &Reply,
) -> Result<(), Stop> {
    sink.start(marks, reply.trickle, corrupt).await?;
    answer.send(sink).await?;
    sink.finish().await
}

fn not_found(request: &Request) -> Reply {
    let Request { method, target, .. } = request;
    Reply::status(404).body(format!("no rule of the script is for {method} {target}\n"))
}

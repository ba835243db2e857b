//! How many small replies a server sends in a second: `cargo bench -p codap-fault`.
//!
//! The client is as cheap as can be, so that the server's one thread is what limits it: each of its
//! connections has 16 requests under way, and replies are only counted. Without pipelining both
//! sides share the work, and a second figure says what that gives.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use codap_fault::{On, Reply, Script, Server};

const TIME: Duration = Duration::from_secs(3);
const REQUEST: &[u8] = b"GET /photo/1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\n\r\n";

#[expect(clippy::print_stdout, reason = "the result")]
fn main() {
    let script = Script::new().rule(On::path("/photo/*"), Reply::ok("twelve bytes"));
    let server = script.start_blocking().expect("the server starts");
    for (connections, ahead) in [(1, 1), (16, 1), (64, 1), (16, 16)] {
        let rate = measure(&server, connections, ahead);
        println!(
            "{connections:3} connections, {ahead:2} requests under way each: {rate:7} replies/s"
        );
    }
}

/// One thread writes to all connections in turn, and reads from all in turn.
fn measure(server: &Server, connections: usize, ahead: usize) -> u64 {
    let address = server.address();
    let before = server.counters().complete;
    let begun = Instant::now();
    let client = move || {
        let connect = |_| TcpStream::connect(address).expect("the server accepts");
        let mut streams: Vec<TcpStream> = (0..connections).map(connect).collect();
        let requests = REQUEST.repeat(ahead);
        let mut replies = vec![0; length(&mut streams[0]) * ahead];
        while begun.elapsed() < TIME {
            for stream in &mut streams {
                stream.write_all(&requests).expect("the server reads");
            }
            for stream in &mut streams {
                stream.read_exact(&mut replies).expect("the server replies");
            }
        }
    };
    thread::spawn(client).join().expect("the client does not fail");
    let complete = server.counters().complete - before;
    (complete as f64 / begun.elapsed().as_secs_f64()) as u64
}

/// Of one reply.
fn length(stream: &mut TcpStream) -> usize {
    stream.write_all(REQUEST).expect("the server reads");
    let mut reply = Vec::new();
    let mut byte = [0];
    while !reply.ends_with(b"twelve bytes") {
        stream.read_exact(&mut byte).expect("the server replies");
        reply.push(byte[0]);
    }
    reply.len()
}

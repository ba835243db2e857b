//! Ctrl-C: an end within a second, nothing installed, and what is left can be gone on with.

use std::time::{Duration, Instant};

use codap_fault::{At, Body, On, Reply, Script, Stall};
use rustix::process::{Pid, Signal, kill_process};

use crate::tool::{codap, ended, serve};

#[test]
fn it_ends_within_a_second() {
    let zeros = Reply::ok(Body::Zeros(5 << 30));
    let server = serve(
        Script::new()
            .rule(On::path("/held"), Reply::ok("1").stall(Stall::at(At::Head)))
            .rule(On::path("/large"), zeros),
    );
    for (path, out) in [("/held", "out.zip"), ("/large", "out.zip"), ("/large", "out.tar.zst")] {
        let tool = codap(["archive", "-o", out, &server.url(path)]).file(out, "old");
        let (child, folder) = tool.start();
        if path == "/held" {
            server.wait_for_blocking(|counters| counters.stalled == 1).unwrap();
        } else {
            let sent = server.counters().bytes_sent;
            server
                .wait_for_blocking(move |counters| counters.bytes_sent > sent + (50 << 20))
                .unwrap();
        }
        let began = Instant::now();
        let id = Pid::from_raw(child.id().cast_signed()).unwrap();
        kill_process(id, Signal::INT).unwrap();
        let ran = ended(child);
        assert!(began.elapsed() < Duration::from_secs(1), "{path}: {:?}", began.elapsed());
        assert_eq!(ran.code, Some(130), "{path}: {ran:?}");
        assert!(ran.stderr.contains("interrupted"), "{}", ran.stderr);
        assert_eq!(std::fs::read_to_string(folder.path().join(out)).unwrap(), "old");
    }
}

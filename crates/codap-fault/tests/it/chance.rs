//! What is drawn comes as often as it should, and comes again.

use std::time::Duration;

use codap_fault::{At, On, Reply, Script, Server, Stall};

use crate::peer::{Peer, serve};

const REQUESTS: u64 = 2000;

/// Which of the requests meet the rule, when asked in that order.
fn met(server: &Server, order: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut peer = Peer::new(server);
    let mut met: Vec<u64> =
        order.filter(|n| peer.get(&format!("/{n}")).text() == "drawn").collect();
    met.sort_unstable();
    met
}

fn script(seed: u64, share: f64) -> Script {
    Script::new()
        .seed(seed)
        .rule(On::any().share(share), Reply::ok("drawn"))
        .rule(On::any(), Reply::ok("not"))
}

#[test]
fn a_share_is_met_by_the_same_requests_in_any_order() {
    let first = met(&serve(script(1, 0.1)), 0..REQUESTS);
    assert!((150..250).contains(&first.len()), "{}", first.len());
    assert_eq!(met(&serve(script(1, 0.1)), (0..REQUESTS).rev()), first);
    assert_ne!(met(&serve(script(2, 0.1)), 0..REQUESTS), first);
    assert_eq!(met(&serve(script(1, 0.0)), 0..100).len(), 0);
    assert_eq!(met(&serve(script(1, 1.0)), 0..100).len(), 100);
}

#[test]
fn the_same_target_is_drawn_for_each_time() {
    let server = serve(script(1, 0.5));
    let mut peer = Peer::new(&server);
    let met = (0..200).filter(|_| peer.get("/").text() == "drawn").count();
    assert!((60..140).contains(&met), "{met}");
}

#[test]
fn a_share_of_the_requests_stalls() {
    let stall = Stall::at(At::Head).share(0.05);
    let server = serve(Script::new().seed(3).rule(On::any(), Reply::ok("x").stall(stall)));
    let mut peers: Vec<Peer> = (0..400).map(|_| Peer::new(&server)).collect();
    for (n, peer) in peers.iter_mut().enumerate() {
        peer.ask(&format!("/{n}"));
    }
    let counters = server.wait_for_blocking(|c| c.complete + c.stalled == 400).unwrap();
    assert!((5..40).contains(&counters.stalled), "{}", counters.stalled);
    server.release();
    assert!(peers.iter_mut().all(|peer| peer.reply().text() == "x"));
}

#[test]
fn a_stall_that_is_not_drawn_costs_nothing() {
    let never = Stall::at(At::Head).share(0.0).last(Duration::from_secs(3600));
    let server = serve(Script::new().rule(On::any(), Reply::ok("x").stall(never)));
    assert_eq!(Peer::new(&server).get("/").text(), "x");
}

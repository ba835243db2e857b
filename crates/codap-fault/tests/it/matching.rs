//! Which rule is for which request.

use codap_fault::{On, Reply, Script};

use crate::peer::{Peer, get, serve};

/// A server that says which of two rules a request met.
fn judge(on: On) -> codap_fault::Server {
    serve(Script::new().rule(on, Reply::ok("yes")).rule(On::any(), Reply::ok("no")))
}

fn answers(on: On, paths: &[&str]) -> Vec<String> {
    let server = judge(on);
    paths.iter().map(|path| get(&server, path).text().to_owned()).collect()
}

#[test]
fn by_path() {
    assert_eq!(answers(On::path("/a/*"), &["/a/b", "/a/b?c", "/b"]), ["yes", "yes", "no"]);
    assert_eq!(answers(On::path("/a?x=*"), &["/a?x=1", "/a", "/a?y"]), ["yes", "no", "no"]);
}

#[test]
fn by_nth_request_for_the_target() {
    let paths = ["/a", "/b", "/a", "/a", "/b?c", "/a"];
    assert_eq!(answers(On::any().nth(1), &paths), ["yes", "yes", "no", "no", "yes", "no"]);
    assert_eq!(answers(On::any().nth(2..=3), &paths), ["no", "no", "yes", "yes", "no", "no"]);
    assert_eq!(answers(On::any().nth(3..), &paths), ["no", "no", "no", "yes", "no", "yes"]);
    assert_eq!(answers(On::path("/a").nth(..=2), &paths), ["yes", "no", "yes", "no", "no", "no"]);
}

#[test]
fn by_number_of_request_and_connection() {
    assert_eq!(answers(On::any().number(2), &["/a", "/a", "/b"]), ["no", "yes", "no"]);
    assert_eq!(answers(On::any().connection(2..), &["/a", "/a", "/b"]), ["no", "yes", "yes"]);
    let server = judge(On::any().on_connection(2));
    let mut peer = Peer::new(&server);
    let met: Vec<_> = (0..3).map(|_| peer.get("/").text().to_owned()).collect();
    assert_eq!(met, ["no", "yes", "no"]);
}

#[test]
fn by_method_and_headers() {
    let server = judge(On::any().method("PUT"));
    let mut peer = Peer::new(&server);
    peer.send("PUT / HTTP/1.1\r\n\r\n");
    assert_eq!(peer.reply().text(), "yes");
    assert_eq!(peer.get("/").text(), "no");

    let server = judge(On::any().header("X-Key", "a*").without("Cookie"));
    let mut peer = Peer::new(&server);
    assert_eq!(peer.get_with("/", "x-key: abc\r\n").text(), "yes");
    assert_eq!(peer.get_with("/", "x-key: bc\r\n").text(), "no");
    assert_eq!(peer.get_with("/", "x-key: abc\r\ncookie: 1\r\n").text(), "no");

    let server = judge(On::any().ranged());
    let mut peer = Peer::new(&server);
    assert_eq!(peer.get_with("/", "Range: bytes=1-\r\n").text(), "yes");
    assert_eq!(peer.get("/").text(), "no");
}

#[test]
fn by_all_that_is_said() {
    let on = On::path("/a").nth(2..).number(3..);
    assert_eq!(answers(on, &["/a", "/a", "/b", "/a"]), ["no", "no", "no", "yes"]);
}

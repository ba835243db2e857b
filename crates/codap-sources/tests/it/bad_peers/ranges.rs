//! Peers that break off and are asked to go on: the rest is taken only if it is the rest.

use codap_fault::{Coding, Framing, On, Ranges, Reply, Script};
use codap_sources::Error;

use super::case::{Case, Expect, SIZE, body, good};

/// A document whose first reply breaks off in the middle, and how the wish for the rest is answered.
fn breaks(name: &'static str, rest: Reply, expect: Expect) -> Case {
    let first = good().etag("\"one\"").cut(SIZE / 2);
    let script = Script::new().rule(On::any().without("range"), first).rule(On::any(), rest);
    Case::scripted(name, script, expect).requests(2)
}

fn rest(ranges: Ranges) -> Reply {
    good().etag("\"one\"").ranges(ranges)
}

pub(crate) fn cases() -> Vec<Case> {
    let refused = || Expect::Refused(Error::is_incomplete);
    let once = |name, reply: Reply| Case::refused(name, reply, Error::is_incomplete);
    let other = || good().etag("\"two\"");
    let mut cases = vec![
        breaks("goes on", rest(Ranges::Serve), Expect::Whole),
        breaks(
            "goes on, and ends in chunks",
            rest(Ranges::Serve).framing(Framing::Chunked),
            Expect::Whole,
        ),
        breaks("begins anew instead", rest(Ranges::Ignore), Expect::Whole).opened(refused()),
        breaks("begins anew with another version", other(), Expect::Whole).opened(refused()),
        breaks("another place", rest(Ranges::Moved(-1)), refused()),
        breaks("a later place", rest(Ranges::Moved(1)), refused()),
        breaks("a mislabelled rest", rest(Ranges::Mislabelled(1)), refused()),
        breaks("a short rest", rest(Ranges::Short(1)), refused()),
        breaks("a clipped rest", rest(Ranges::Clipped(1)), refused()),
        breaks("another total", rest(Ranges::WrongTotal(1)), refused()),
        breaks("an unlabelled rest", rest(Ranges::Unlabelled), refused()),
        breaks("a rest in several parts", rest(Ranges::Multipart), refused()),
        breaks("no such range", rest(Ranges::Refuse), refused()),
        breaks("the rest of another version", other().ranges(Ranges::DespiteIfRange), refused()),
        breaks("the rest of an unknown version", good().ranges(Ranges::DespiteIfRange), refused()),
        breaks("a rest that fails", Reply::status(500), refused()),
        breaks("a rest that is gone", Reply::status(404), refused()),
        breaks("a rest that hangs up", Reply::hang_up(), refused()),
        once("no version to go on with", good().cut(SIZE / 2)),
        once("a weak version", good().etag("W/\"one\"").ranges(Ranges::Serve).cut(SIZE / 2)),
        once("breaks before the first byte", rest(Ranges::Serve).cut(0)),
        breaks(
            "the rest is packed otherwise",
            rest(Ranges::Serve).header("Content-Encoding", "gzip"),
            refused(),
        ),
    ];
    // Every reply breaks off, having brought something: five more requests, and no more.
    let crumbs = rest(Ranges::Serve).cut(1000);
    cases.push(once("breaks again and again", crumbs).requests(6));
    // It breaks off twice, and is whole with the third.
    let script = Script::new()
        .rule(On::any().nth(..=2), rest(Ranges::Serve).cut(SIZE / 3))
        .rule(On::any(), rest(Ranges::Serve));
    cases.push(Case::scripted("breaks twice", script, Expect::Whole).requests(3));
    // The rest of what is packed goes on where the packed bytes broke off.
    let packed = || Reply::ok(body()).coding(Coding::Gzip).etag("\"one\"").ranges(Ranges::Serve);
    let script =
        Script::new().rule(On::any().nth(1), packed().cut(SIZE / 2)).rule(On::any(), packed());
    cases.push(Case::scripted("goes on within gzip", script, Expect::Whole).requests(2));
    cases
}

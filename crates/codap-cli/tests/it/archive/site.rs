//! A server of objects: what one holds follows from its path, so that everybody knows what has to
//! come.

use std::fmt::Write as _;

use codap_fault::{Body, On, Reply, Script, Server};

use super::contents::{Contents, expected};
use crate::tool::serve;

/// So many objects; each replies with its own target.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) objects: usize,
}

impl Site {
    pub(crate) fn new(objects: usize) -> Self {
        Self::with(objects, Script::new())
    }

    /// `script` goes before.
    pub(crate) fn with(objects: usize, script: Script) -> Self {
        let script = script.log(0).rule(On::any(), Reply::ok(Body::Echo).etag("\"1\""));
        Self { server: serve(script), objects }
    }

    /// Objects of a MiB that no format makes smaller.
    pub(crate) fn incompressible(objects: usize) -> Self {
        let body = Body::Generated { size: 1 << 20, seed: 9 };
        Self::with(objects, Script::new().rule(On::any(), Reply::ok(body)))
    }

    /// Path and query of the object; sizes differ.
    pub(crate) fn target(nth: usize) -> String {
        let size = (nth * nth) % 3_000;
        format!("/o/{}/{nth:05}.txt?{}", nth % 10, "pad-".repeat(size / 4))
    }

    pub(crate) fn name(nth: usize) -> String {
        let target = Self::target(nth);
        target[1..].split('?').next().unwrap_or_default().to_owned()
    }

    /// All of them, one a line.
    pub(crate) fn list(&self) -> String {
        let mut list = String::new();
        for nth in 0..self.objects {
            writeln!(list, "{}", self.server.url(&Self::target(nth))).expect("text takes text");
        }
        list
    }

    pub(crate) fn contents(&self) -> Contents {
        expected((0..self.objects).map(|nth| (Self::name(nth), Self::target(nth))))
    }
}

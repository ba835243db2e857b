//! Which entries wait for which, so that a wait that would never end is told so.
//!
//! Rules:
//! 1. An entry is in here while its work waits: for a certain entry, for the next ending in a
//!    container, or for something that no circle is made of.
//! 2. A wait for an entry is hopeless if that entry waits hopelessly, one for an ending if every
//!    pending entry of its container does. An entry that waits for several things waits hopelessly
//!    if one of them is hopeless.
//! 3. Nobody stays in here hopelessly. Endings, puts and waits that are over only give hope, so
//!    hopelessness comes with a wait that begins, and is looked for from there.
//! 4. It is broken where the answer is mild, whoever closed the circle: all hopeless waits for
//!    endings are told that there will be none. If there was none of those, the wait that begins is
//!    refused.
//! 5. Boards are locked under this lock, and never the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::board::{Board, EntryRef, Id};
use crate::entry::{CLAIMED, WAITING};
use crate::sync::{Mutex, MutexGuard, lazy_static, lock};

/// What an entry waits for.
pub(crate) enum Target {
    /// A certain entry.
    Entry(Id),
    /// One more ending in a container than there were.
    Ending(Arc<Board>, u32),
    /// Something that no circle is made of.
    Other,
    /// What was an ending, until it was found that there will be none.
    Never,
}

/// An entry whose work waits.
struct Node {
    entry: EntryRef,
    /// By numbers of their own, of which there are few.
    waits: Vec<(u64, Target)>,
}

impl Node {
    /// Whether others can hope for its end whatever it waits for.
    fn is_over(&self) -> bool {
        self.entry.status().has(CLAIMED)
    }
}

#[derive(Default)]
struct Graph {
    /// By the number of the container, and the position in there. In order, so that what is found
    /// does not depend on chance.
    nodes: BTreeMap<u64, BTreeMap<u32, Node>>,
    /// How many waits can be part of a circle that no other of these is part of: for an ending, or
    /// of an earlier entry for a later one. While there is none, as when every entry waits for
    /// earlier ones only, nothing is searched, and a chain of 300,000 costs 300,000 steps instead
    /// of their square.
    closing: usize,
    numbers: u64,
}

lazy_static! {
    static ref GRAPH: Mutex<Graph> = Mutex::default();
}

fn graph() -> MutexGuard<'static, Graph> {
    lock(&GRAPH)
}

/// The entries that wait hopelessly, if all that was found does.
struct Hopeless {
    /// In the order in which they were found.
    found: Vec<Id>,
    ids: BTreeSet<Id>,
    /// How many of them are in each container.
    counts: BTreeMap<u64, u32>,
}

impl Hopeless {
    fn insert(&mut self, id: Id) {
        if self.ids.insert(id) {
            self.found.push(id);
            *self.counts.entry(id.0).or_default() += 1;
        }
    }

    fn remove(&mut self, id: Id) {
        if self.ids.remove(&id)
            && let Some(count) = self.counts.get_mut(&id.0)
        {
            *count -= 1;
        }
    }

    /// Whether the wait would never end.
    fn includes(&self, target: &Target) -> bool {
        match target {
            Target::Entry(id) => self.ids.contains(id),
            Target::Ending(board, count) => {
                let here = self.counts.get(&board.id).copied().unwrap_or(0);
                board.is_held_up(*count, here)
            }
            Target::Other | Target::Never => false,
        }
    }
}

impl Graph {
    fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(&id.0)?.get(&id.1)
    }

    fn add(&mut self, entry: &EntryRef, target: Target) -> u64 {
        self.numbers += 1;
        self.closing += usize::from(closes(entry.id(), &target));
        let (container, index) = entry.id();
        let node = || Node { entry: entry.clone(), waits: Vec::new() };
        let nodes = self.nodes.entry(container).or_default();
        nodes.entry(index).or_insert_with(node).waits.push((self.numbers, target));
        self.numbers
    }

    /// Takes a wait out; the answer is its node, if it was the last of it.
    fn remove(&mut self, id: Id, number: u64) -> Option<Node> {
        let nodes = self.nodes.get_mut(&id.0)?;
        let node = nodes.get_mut(&id.1)?;
        let at = node.waits.iter().position(|wait| wait.0 == number)?;
        let (_, target) = node.waits.swap_remove(at);
        self.closing -= usize::from(closes(id, &target));
        if !node.waits.is_empty() {
            return None;
        }
        let node = nodes.remove(&id.1);
        if nodes.is_empty() {
            self.nodes.remove(&id.0);
        }
        node
    }

    /// Whether a look around shows that the wait which `id` began last is not hopeless.
    fn is_harmless(&self, id: Id) -> bool {
        match self.node(id).and_then(|node| node.waits.last()) {
            Some((_, Target::Entry(awaited))) => {
                self.closing == 0 || self.node(*awaited).is_none_or(Node::is_over)
            }
            Some((_, Target::Ending(board, count))) => {
                let waiting = self.nodes.get(&board.id).map_or(0, BTreeMap::len);
                !board.is_held_up(*count, u32::try_from(waiting).unwrap_or(u32::MAX))
            }
            _ => true,
        }
    }

    /// The waiting entries on which a wait depends.
    fn awaited<'a>(&'a self, target: &Target) -> Vec<(Id, &'a Node)> {
        let nodes = match target {
            Target::Entry(id) => self.node(*id).map(|node| (*id, node)).into_iter().collect(),
            Target::Ending(board, _) => {
                let nodes = self.nodes.get(&board.id).into_iter().flatten();
                nodes.map(|(&index, node)| ((board.id, index), node)).collect()
            }
            Target::Other | Target::Never => Vec::new(),
        };
        nodes.into_iter().filter(|(_, node)| !node.is_over()).collect()
    }

    /// The waits of an entry.
    fn targets(&self, id: Id) -> impl Iterator<Item = &Target> {
        self.node(id).into_iter().flat_map(|node| &node.waits).map(|(_, target)| target)
    }

    /// All that wait hopelessly, if `id` does.
    fn hopeless(&self, id: Id) -> Option<Hopeless> {
        if self.node(id)?.is_over() {
            // Nobody waits for it any more, so no circle goes through it.
            return None;
        }
        let mut all = Hopeless { found: Vec::new(), ids: BTreeSet::new(), counts: BTreeMap::new() };
        all.insert(id);
        let mut at = 0;
        while let Some(&id) = all.found.get(at) {
            at += 1;
            for target in self.targets(id) {
                for (awaited, _) in self.awaited(target) {
                    all.insert(awaited);
                }
            }
        }
        loop {
            let before = all.ids.len();
            // What a chain ends in was found last.
            for at in (0..all.found.len()).rev() {
                let id = all.found[at];
                if !self.targets(id).any(|target| all.includes(target)) {
                    all.remove(id);
                }
            }
            if !all.ids.contains(&id) {
                return None;
            }
            if all.ids.len() == before {
                return Some(all);
            }
        }
    }

    /// Tells the hopeless waits for endings that there will be none; where they are.
    fn tell(&mut self, all: &Hopeless) -> Vec<Arc<Board>> {
        let mut boards = Vec::new();
        for &(container, index) in &all.ids {
            let node = self.nodes.get_mut(&container).and_then(|nodes| nodes.get_mut(&index));
            for (_, target) in node.into_iter().flat_map(|node| &mut node.waits) {
                if matches!(target, Target::Ending(..)) && all.includes(target) {
                    self.closing -= 1;
                    if let Target::Ending(board, _) = std::mem::replace(target, Target::Never) {
                        boards.push(board);
                    }
                }
            }
        }
        boards
    }

    /// The entries on a way along hopeless waits from `id` back to it.
    fn circle(&self, id: Id, all: &Hopeless) -> Vec<EntryRef> {
        let mut came_from = BTreeMap::new();
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            for target in self.targets(at).filter(|target| all.includes(target)) {
                for (next, _) in self.awaited(target) {
                    if all.ids.contains(&next) && !came_from.contains_key(&next) {
                        came_from.insert(next, at);
                        open.push(next);
                    }
                }
            }
        }
        let mut way = Vec::new();
        let mut at = id;
        while let Some(&before) = came_from.get(&at) {
            way.extend(self.node(before).map(|node| node.entry.clone()));
            at = before;
            if at == id {
                break;
            }
        }
        way.reverse();
        way
    }
}

/// Whether a wait may close a circle of others that may not.
fn closes(id: Id, target: &Target) -> bool {
    match target {
        Target::Entry(target) => *target >= id,
        Target::Ending(..) => true,
        Target::Other | Target::Never => false,
    }
}

/// That an entry waits, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Waiting {
    entry: EntryRef,
    number: u64,
}

impl Waiting {
    /// `entry` begins to wait. The error is the circle that this would close, as the entries on
    /// it, `entry` first; not for an ending, which [`is_hopeless`](Self::is_hopeless) tells of.
    pub(crate) fn begin(entry: EntryRef, target: Target) -> Result<Self, Vec<EntryRef>> {
        let id = entry.id();
        let mut graph = graph();
        let number = graph.add(&entry, target);
        let mut told = Vec::new();
        let mut circle = None;
        if !graph.is_harmless(id)
            && let Some(all) = graph.hopeless(id)
        {
            told = graph.tell(&all);
            if let Some(all) = graph.hopeless(id) {
                circle = Some(graph.circle(id, &all));
                graph.remove(id, number);
            }
        }
        let is_first = graph.node(id).is_some_and(|node| node.waits.len() == 1);
        if circle.is_none() && is_first {
            entry.status().set(WAITING);
        }
        drop(graph);
        for board in told {
            board.call_all();
        }
        match circle {
            Some(circle) => Err(circle),
            None => Ok(Self { entry, number }),
        }
    }

    pub(crate) fn entry(&self) -> &EntryRef {
        &self.entry
    }

    /// Whether it was found meanwhile that the ending it waits for will not come.
    pub(crate) fn is_hopeless(&self) -> bool {
        let graph = graph();
        let waits = graph.node(self.entry.id()).map(|node| &node.waits);
        let mut targets = waits.into_iter().flatten().filter(|wait| wait.0 == self.number);
        targets.any(|(_, target)| matches!(target, Target::Never))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut graph = graph();
        let node = graph.remove(self.entry.id(), self.number);
        if node.is_some() {
            self.entry.status().unset(WAITING);
        }
        drop(graph);
        drop(node);
    }
}

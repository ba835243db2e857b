//! No module cycles: arrows between the top modules of a crate point one way.
//!
//! An arrow is a path that starts with `crate`, `super` or `self`, in a `use` or anywhere else
//! outside tests. A name that the crate root re-exports counts as its module; the root's own arrows
//! do not count, it lists and never decides.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::finding::{File, Finding};
use crate::tokens::{Token, test_modules, tokens, without_tests};

/// From module to module, with the place of the first arrow.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in files.iter().filter(|f| f.is_rust()) {
        if let Some((name, _)) = file.path.split_once("/src/") {
            crates.entry(name).or_default().push(file);
        }
    }
    crates
        .iter()
        .flat_map(|(name, files)| cycles(&graph(name, files)).into_iter().map(|c| report(name, &c)))
        .collect()
}

fn report(name: &str, cycle: &[(String, String)]) -> Finding {
    let names: Vec<&str> =
        cycle.iter().chain(&cycle[..1]).map(|(module, _)| module.as_str()).collect();
    let places: Vec<&str> = cycle.iter().map(|(_, place)| place.as_str()).collect();
    Finding::new(
        format!("{name}/src"),
        format!("module cycle {} (at {})", names.join(" -> "), places.join(", ")),
    )
}

fn graph(name: &str, files: &[&File]) -> Graph {
    let sources: Vec<Source<'_>> = files.iter().map(|f| Source::new(f, name)).collect();
    let root = Root::new(&sources);
    let mut graph = Graph::new();
    for source in sources.iter().filter(|s| !root.is_test(&s.module)) {
        for path in paths(&source.tokens, &source.module) {
            let Some(from) = path.module.first() else { continue };
            let place = format!("{}:{}", source.path, path.line);
            for to in root.top_modules(&path.absolute) {
                if to != *from {
                    graph
                        .entry((*from).to_owned())
                        .or_default()
                        .entry(to.to_owned())
                        .or_insert_with(|| place.clone());
                }
            }
        }
    }
    graph
}

/// A file of a crate, and which module it is: `src/a/b.rs` and `src/a/b/mod.rs` are `[a, b]`,
/// lib.rs is `[]`.
struct Source<'a> {
    path: &'a str,
    module: Vec<&'a str>,
    tokens: Vec<Token<'a>>,
    tests: Vec<&'a str>,
}

impl<'a> Source<'a> {
    fn new(file: &'a File, krate: &str) -> Self {
        let inside = file.path[krate.len() + "/src/".len()..].trim_end_matches(".rs");
        let mut module: Vec<&str> = inside.split('/').collect();
        if matches!(module.last(), Some(&("lib" | "main" | "mod"))) {
            module.pop();
        }
        let tokens = tokens(&file.text);
        let tests = test_modules(&tokens).iter().map(|m| m.name).collect();
        Self { path: &file.path, module, tokens: without_tests(&tokens), tests }
    }
}

/// What the crate root says: its modules, the names it re-exports from them, and which files are
/// for tests only.
struct Root<'a> {
    modules: BTreeSet<&'a str>,
    exports: BTreeMap<&'a str, &'a str>,
    tests: BTreeSet<Vec<&'a str>>,
}

impl<'a> Root<'a> {
    fn new(sources: &[Source<'a>]) -> Self {
        let root: Vec<Token<'a>> =
            sources.iter().filter(|s| s.module.is_empty()).flat_map(|s| s.tokens.clone()).collect();
        let inline =
            root.windows(2).filter(|pair| pair[0].text == "mod").filter_map(|pair| pair[1].word());
        let modules: BTreeSet<&str> =
            sources.iter().filter_map(|s| s.module.first().copied()).chain(inline).collect();
        let exports =
            exports(&root).into_iter().filter(|(_, module)| modules.contains(module)).collect();
        let child = |s: &Source<'a>, name| s.module.iter().copied().chain([name]).collect();
        let tests =
            sources.iter().flat_map(|s| s.tests.iter().map(move |&name| child(s, name))).collect();
        Self { modules, exports, tests }
    }

    fn is_test(&self, module: &[&'a str]) -> bool {
        (1..=module.len()).any(|length| self.tests.contains(&module[..length]))
    }

    /// Where an absolute path leads: one module, or with `crate::*` each that the root re-exports.
    fn top_modules(&self, path: &[&'a str]) -> Vec<&'a str> {
        match path.first() {
            Some(&"*") => self.exports.values().copied().collect(),
            Some(name) => self
                .modules
                .get(name)
                .or_else(|| self.exports.get(name))
                .copied()
                .into_iter()
                .collect(),
            None => Vec::new(),
        }
    }
}

/// `pub use a::{b::C, D as E}` exports `C` and `E` from `a`.
fn exports<'a>(tokens: &[Token<'a>]) -> Vec<(&'a str, &'a str)> {
    let uses = tokens.iter().enumerate().filter(|(_, t)| t.text == "use");
    let leaves = uses.flat_map(|(at, _)| tree(tokens, at + 1, &[]).0);
    let named = leaves.filter_map(|leaf| {
        let inside = leaf.path.iter().position(|s| !matches!(*s, "crate" | "self"))?;
        Some((leaf.alias.or(leaf.path.last().copied())?, leaf.path[inside]))
    });
    named.collect()
}

/// A path that starts with `crate`, `super` or `self`, made absolute; `module` is where it stands.
struct Reference<'a> {
    module: Vec<&'a str>,
    absolute: Vec<&'a str>,
    line: usize,
}

/// Every such path in `tokens`, the text of the module `file`.
fn paths<'a>(tokens: &[Token<'a>], file: &[&'a str]) -> Vec<Reference<'a>> {
    let mut found = Vec::new();
    // For each open brace, the name of the module that it opens.
    let mut open: Vec<Option<&'a str>> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => open.push(
                at.checked_sub(2)
                    .filter(|&m| tokens[m].text == "mod")
                    .and(tokens[at.max(1) - 1].word()),
            ),
            "}" => drop(open.pop()),
            "crate" | "super" | "self" if follows(tokens, at + 1, "::") => {
                let module: Vec<&str> =
                    file.iter().copied().chain(open.iter().filter_map(|name| *name)).collect();
                let (leaves, next) = tree(tokens, at, &[]);
                for leaf in leaves {
                    let absolute = absolute(&module, &leaf.path);
                    found.push(Reference { module: module.clone(), absolute, line: token.line });
                }
                at = next;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn absolute<'a>(module: &[&'a str], path: &[&'a str]) -> Vec<&'a str> {
    let mut base = module.to_vec();
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        match *first {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            "self" => {}
            _ => break,
        }
        rest = after;
    }
    base.extend(rest);
    base
}

/// A path at the end of a use tree.
struct Leaf<'a> {
    path: Vec<&'a str>,
    alias: Option<&'a str>,
}

/// The use tree (or plain path) that starts at `at`, and where it ends.
fn tree<'a>(tokens: &[Token<'a>], mut at: usize, before: &[&'a str]) -> (Vec<Leaf<'a>>, usize) {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        if token.text == "{" {
            return branches(tokens, at + 1, &path);
        }
        let Some(segment) = token.word().or((token.text == "*").then_some("*")) else { break };
        path.push(segment);
        at += 1;
        let goes_on = |t: &Token<'_>| t.word().is_some() || matches!(t.text, "{" | "*");
        if !(follows(tokens, at, "::") && tokens.get(at + 2).is_some_and(goes_on)) {
            break;
        }
        at += 2;
    }
    let renamed = tokens.get(at).is_some_and(|t| t.text == "as");
    let alias = if renamed { tokens.get(at + 1).and_then(Token::word) } else { None };
    (vec![Leaf { path, alias }], if renamed { at + 2 } else { at })
}

/// What stands between `{` and `}` of a use tree.
fn branches<'a>(tokens: &[Token<'a>], mut at: usize, before: &[&'a str]) -> (Vec<Leaf<'a>>, usize) {
    let mut found = Vec::new();
    while let Some(token) = tokens.get(at) {
        match token.text {
            "}" => return (found, at + 1),
            "," => at += 1,
            _ => {
                let (leaves, next) = tree(tokens, at, before);
                found.extend(leaves);
                at = next.max(at + 1);
            }
        }
    }
    (found, at)
}

fn follows(tokens: &[Token<'_>], at: usize, text: &str) -> bool {
    let mut characters = tokens[at.min(tokens.len())..].iter().map(|t| t.text);
    text.chars().all(|c| characters.next().is_some_and(|t| t.chars().eq([c])))
}

/// One shortest cycle through each knot of modules, as steps: a module, and the place of its arrow
/// to the next.
fn cycles(graph: &Graph) -> Vec<Vec<(String, String)>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for start in graph.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(graph, start) {
            seen.extend(cycle.iter().map(|(module, _)| module.clone()));
            found.push(cycle);
        }
    }
    found
}

fn shortest_cycle(graph: &Graph, start: &str) -> Option<Vec<(String, String)>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for to in graph.get(module).into_iter().flat_map(BTreeMap::keys) {
            if to == start {
                return Some(steps(graph, &came_from, module, start));
            }
            if !came_from.contains_key(to.as_str()) {
                came_from.insert(to, module);
                queue.push_back(to);
            }
        }
    }
    None
}

/// The way from `start` to `last` that `came_from` remembers, closed by the arrow back to `start`.
fn steps(
    graph: &Graph,
    came_from: &BTreeMap<&str, &str>,
    last: &str,
    start: &str,
) -> Vec<(String, String)> {
    let mut way = vec![(last.to_owned(), graph[last][start].clone())];
    let mut module = last;
    while module != start {
        let before = came_from[module];
        way.push((before.to_owned(), graph[before][module].clone()));
        module = before;
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(name, text): &(&str, &str)| File::new(format!("crates/x/src/{name}"), *text);
        let files: Vec<File> = files.iter().map(file).collect();
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_that_point_one_way_pass() {
        let files = [
            ("lib.rs", "mod kv; mod group; mod slot; pub use kv::Kv; use crate::slot::Slot;"),
            ("kv.rs", "use crate::group::Group; fn f() -> super::slot::Slot { crate::kv::g() }"),
            (
                "group.rs",
                "use crate::{slot::{self, Slot}}; //! crate::kv\nfn f() { \"crate::kv\"; }",
            ),
            ("slot.rs", "pub(crate) struct Slot; pub(super) fn f() { self::g(); }"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn a_cycle_is_reported_as_a_path_with_its_places() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "\nuse crate::b::B;"),
            ("b.rs", "fn f() { super::c::g::<u8>() }"),
            ("c.rs", "use crate::{\n    a::{A, self},\n    d,\n};"),
            ("d.rs", "use crate::e::E;"),
        ];
        let expected = "crates/x/src: module cycle a -> b -> c -> a \
                        (at crates/x/src/a.rs:2, crates/x/src/b.rs:1, crates/x/src/c.rs:1)";
        assert_eq!(found(&files), [expected]);
    }

    #[test]
    fn a_name_that_the_root_re_exports_is_an_arrow_to_its_module() {
        for through in
            ["use crate::Kv;", "use crate::Map;", "use super::*;", "fn f() -> crate::Kv {}"]
        {
            let root = "mod kv; mod slot; pub use self::kv::{Kv, KvHandle as Map};";
            let files = [("lib.rs", root), ("kv.rs", "use crate::slot::S;"), ("slot.rs", through)];
            assert_eq!(found(&files).len(), 1, "{through}");
        }
    }

    #[test]
    fn folders_and_inline_modules_belong_to_their_top_module() {
        let files = [
            ("lib.rs", "mod a; mod b { use super::a::A; }"),
            ("a/mod.rs", "mod deep; use self::deep::D; use deep::E;"),
            ("a/deep.rs", "use super::A; fn f() {} mod inner { use super::super::super::b::B; }"),
        ];
        assert_eq!(found(&files).len(), 1);
        let one_way = [
            files[0],
            files[1],
            ("a/deep.rs", "use super::A; mod inner { use super::super::b::B; }"),
        ];
        assert_eq!(found(&one_way), [""; 0]);
    }

    #[test]
    fn tests_may_look_at_everything() {
        let files = [
            ("lib.rs", "mod a; mod b; #[cfg(all(test, codap_loom))] mod models;"),
            ("a.rs", "use crate::b::B; #[cfg(test)] mod deep;"),
            ("a/deep.rs", "use crate::models::M;"),
            ("b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }"),
            ("models.rs", "use crate::a::A;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn the_macros_own_crate_counts_and_other_crates_do_not() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "macro_rules! m { () => { $crate::a::A } } use other::a::A;"),
        ];
        assert_eq!(found(&files).len(), 1);
        assert_eq!(found(&[files[0], files[1], ("b.rs", "use other::a::A;")]), [""; 0]);
    }
}

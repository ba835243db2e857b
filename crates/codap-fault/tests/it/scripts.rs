//! Scripts as files: the same language, and errors that say where.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use codap_fault::{
    At, Body, Coding, Framing, Greeting, How, Latency, On, Ranges, Raw, Reply, Script, Stall,
};

/// A script with everything in it.
fn everything() -> Script {
    let ms = Duration::from_millis;
    let chunks = Framing::Chunks {
        size: 3,
        extension: ";a".into(),
        trailers: vec![("T".into(), "x".into())],
        open: true,
    };
    let raw =
        Raw::new().text("a\r\n\u{7f}").bytes([0, 255]).repeat("b", 3).endless("c").generated(1, 2);
    let on = On::path("/a*")
        .method("GET")
        .header("X", "y*")
        .without("Z")
        .nth(1)
        .number(2..)
        .connection(..=3)
        .on_connection(2..=4)
        .share(0.5);
    Script::new()
        .seed(9)
        .log(5)
        .latency(Latency::LogNormal { median: ms(20), sigma: 1.2 })
        .greet(1, Greeting::Reset)
        .greet(2.., Greeting::Say(raw.clone()))
        .rule(on, Reply::raw(raw.clone()))
        .rule(
            On::any(),
            Reply::status(206)
                .reason("Part")
                .header("X", "\u{1}")
                .body(vec![1, 2])
                .coding(Coding::Br)
                .framing(chunks)
                .etag("\"v\"")
                .ranges(Ranges::Moved(-1))
                .before(raw.clone())
                .after(raw)
                .corrupt(-1)
                .latency(Latency::Pareto { min: ms(1), shape: 1.3 })
                .stall(Stall::at(At::Head).share(0.1).last(Duration::from_micros(1500)))
                .stall(Stall::at(At::Body(3)))
                .cut_with(At::Wire(7), How::Rst)
                .trickle_all(1, ms(2))
                .close(),
        )
        .rule(On::any(), Reply::ok(serde_json::json!({ "a": [1, "b"] })).framing(Framing::Bare))
        .rule(On::any(), Reply::ok(Body::Generated { size: 1, seed: 2 }).framing(Framing::Claim(3)))
        .rule(On::any(), Reply::ok(Body::Zeros(1)).cut_with(At::Anywhere, How::Fin))
        .rule(On::any(), Reply::ok(Body::WrongKey).ranges(Ranges::AsWhole))
        .rule(
            On::any(),
            Reply::redirect(302, "/x").latency(Latency::Uniform { min: ms(1), max: ms(2) }),
        )
}

#[test]
fn a_script_is_the_same_after_a_round_through_a_file() {
    let script = everything();
    let json = serde_json::to_string(&script).unwrap();
    assert_eq!(Script::from_json(&json).unwrap(), script, "{json}");
    let toml = toml::to_string(&script).unwrap();
    assert_eq!(Script::from_toml(&toml).unwrap(), script, "{toml}");
}

#[test]
fn the_script_in_the_documentation_says_everything() {
    let text = include_str!("../../script.toml");
    Script::from_toml(text).unwrap();
    let script: serde_json::Value = toml::from_str(text).unwrap();
    // Rust's side of the language: whatever the types write out stands in there.
    let all = serde_json::to_value(everything()).unwrap();
    for (field, _) in all.as_object().unwrap() {
        assert!(script.get(field).is_some(), "{field}");
    }
    for part in ["on", "reply"] {
        let fields: BTreeSet<&String> =
            script["rule"].as_array().unwrap().iter().flat_map(|r| keys(&r[part])).collect();
        let wanted: BTreeSet<&String> =
            all["rule"].as_array().unwrap().iter().flat_map(|r| keys(&r[part])).collect();
        assert_eq!(fields, wanted, "{part}");
    }
    for name in NAMES {
        assert!(text.contains(name), "{name}");
    }
}

/// Of variants, which no value shows all of.
const NAMES: [&str; 38] = [
    "constant",
    "uniform",
    "lognormal",
    "pareto",
    "reset",
    "hang_up",
    "silence",
    "say",
    "empty",
    "text",
    "hex",
    "json",
    "generated",
    "zeros",
    "echo",
    "wrong_key",
    "gzip",
    "zstd",
    "br",
    "length",
    "claim",
    "bare",
    "chunked",
    "chunks",
    "serve",
    "ignore",
    "unlabelled",
    "despite_if_range",
    "as_whole",
    "multipart",
    "refuse",
    "moved",
    "mislabelled",
    "short",
    "clipped",
    "wrong_total",
    "anywhere",
    "endless",
];

fn keys(of: &serde_json::Value) -> impl Iterator<Item = &String> {
    of.as_object().into_iter().flat_map(serde_json::Map::keys)
}

#[test]
fn the_ending_of_a_name_says_what_a_file_is() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let script = everything();
    for (name, text) in [
        ("script.toml", toml::to_string(&script).unwrap()),
        ("script.json", serde_json::to_string(&script).unwrap()),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        assert_eq!(Script::read(&path).unwrap(), script);
    }
    let missing = Script::read(folder.join("missing.toml")).unwrap_err().to_string();
    assert!(missing.contains("missing.toml: "), "{missing}");
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, place, what) in [
        ("sead = 1", "line 1", "sead"),
        ("seed = 1\n\n[[rule]]\non = { pth = \"/\" }", "line 4", "pth"),
        ("[[rule]]\nreply = { body = { txt = \"x\" } }", "line 2", "txt"),
        ("[[rule]]\non = { nth = \"2..3\" }", "line 2", "\"2..=3\""),
        ("[[rule]]\nreply = { body = { hex = \"0\" } }", "line 2", "hexadecimal"),
        ("latency = { constant = -1 }", "line 1", "-1"),
    ] {
        let error = Script::from_toml(text).unwrap_err().to_string();
        assert!(error.starts_with(place) && error.contains(what), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let error = Script::from_json("{\n\"sead\": 1}").unwrap_err().to_string();
    assert!(error.contains("sead") && error.contains("line 2"), "{error}");
}

#[test]
fn nonsense_is_refused_wherever_it_comes_from() {
    let bad = |reply| Script::new().rule(On::any(), Reply::ok("")).rule(On::any(), reply);
    let chunks =
        Framing::Chunks { size: 0, extension: String::new(), trailers: vec![], open: false };
    for (script, what) in [
        (bad(Reply::status(99)), "rule 1: a status has three digits, not 99"),
        (bad(Reply::ok("").framing(chunks)), "rule 1: a chunk has"),
        (bad(Reply::ok("").trickle(0, Duration::ZERO)), "rule 1: a trickle has"),
        (bad(Reply::raw(Raw::new().endless(""))), "rule 1: nothing cannot"),
        (bad(Reply::ok("").stall(Stall::at(At::Head).share(1.5))), "rule 1: a share is"),
        (Script::new().rule(On::any().share(f64::NAN), Reply::ok("")), "rule 0: a share is"),
        (Script::new().greet(1, Greeting::Say(Raw::new().repeat("", 2))), "greet: nothing cannot"),
        (
            Script::new().latency(Latency::Pareto { min: Duration::ZERO, shape: 0.0 }),
            "latency: `shape` is 0",
        ),
    ] {
        let json = serde_json::to_string(&script).unwrap();
        let error = script.start_blocking().unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
        if !json.contains("null") {
            assert_eq!(Script::from_json(&json).unwrap_err().to_string(), error);
        }
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_certificate_needs_the_feature() {
    let error = Script::new().tls("", "").start_blocking().unwrap_err().to_string();
    assert!(error.contains("feature `tls`"), "{error}");
}

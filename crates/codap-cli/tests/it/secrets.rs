//! A secret that is typed is never told back, wherever it stands. Every run of these tests looks
//! for it; these put it where it could get out.

use codap_fault::{On, Reply, Script};

use crate::tool::{SECRET, codap};

#[test]
fn in_uris_that_fail_in_every_way() {
    let server = Script::new()
        .rule(On::path("/gone*"), Reply::status(404))
        .rule(On::path("/never*"), Reply::silence())
        .rule(On::path("/json*"), Reply::ok("[").header("Content-Type", "application/json"))
        .start_blocking()
        .unwrap();
    let authority = server.address();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let uris = [
        format!("http://ada:{SECRET}@{authority}/gone?token={SECRET}"),
        format!("http://ada:{SECRET}@{authority}/never?X-Amz-Signature={SECRET}"),
        format!("http://{SECRET}@{authority}/json?sig={SECRET}#{SECRET}"),
        format!("http://ada:{SECRET}@{free}/refused?api_key={SECRET}"),
        format!("postgres://ada:{SECRET}@{free}/db?query=select+1"),
        format!("redis://:{SECRET}@{free}/0/key"),
        format!("mongodb://ada:{SECRET}@{free}/db/c/1?serverSelectionTimeoutMS=200"),
        format!("s3://ada:{SECRET}@bucket/key"),
    ];
    for verb in ["get", "list", "race", "archive"] {
        let entries = uris.iter().enumerate().map(|(n, uri)| match verb {
            "get" => format!("e{n}={uri}"),
            _ => uri.clone(),
        });
        let mut args = [verb, "--timeout=400ms", "--report=r.json"].map(str::to_owned).to_vec();
        if verb == "archive" {
            args.push("--output=out.zip".to_owned());
        }
        let ran = codap(args.into_iter().chain(entries).collect::<Vec<_>>()).run_with(|folder| {
            let report = std::fs::read_to_string(folder.join("r.json")).unwrap();
            assert!(!report.contains(SECRET), "{report}");
            assert_eq!(report.matches("\"name\"").count(), uris.len());
        });
        // In a race one is good: it is no JSON, but nobody wants it to be.
        // An archive takes it too, if it comes in time.
        let codes: &[i32] = match verb {
            "race" => &[0],
            "archive" => &[1, 3],
            _ => &[1],
        };
        assert!(ran.code.is_some_and(|it| codes.contains(&it)), "{verb}: {}", ran.stderr);
    }
}

#[test]
fn in_words_that_make_no_sense() {
    let uri = format!("https://ada:{SECRET}@host/x?token={SECRET}");
    let bad = format!("https://ada:{SECRET}@host:port/");
    for args in [
        vec![&*uri],
        vec!["get", &uri],
        vec!["get", "--limit", &uri],
        vec!["get", "a=b", "--bogus", &uri],
        vec!["get", "--default", &uri, "a=b"],
        vec!["race", &bad],
        vec!["get", "a=b", "-H", "A: b", "--header-to", &bad],
        vec!["demo", &uri],
        vec!["man", &uri],
        vec!["completions", &uri],
    ] {
        codap(&args).run().told(2, &[]);
    }
    let named = format!("a={bad}");
    codap(["get", &named]).run().told(2, &["codap: a: https://…@host:port/"]);
    let hole = format!("a=https://ada:{SECRET}@host/{{{{ b }}}}?token={SECRET}");
    codap(["get", &hole]).run().told(2, &["codap: a: its URI uses b"]);
    let hole = format!("a=https://ada:{SECRET}@host/{{{{ b | {SECRET} }}}}");
    assert_eq!(codap(["get", &hole]).run().code, Some(2));
    let list = codap(["list", "-"]).input(format!("{bad}\ngopher://ada:{SECRET}@h/\n")).run();
    assert_eq!(list.lines().len(), 2);
}

#[test]
fn in_a_plan() {
    for plan in [
        format!("[entries.a]\nuri = 'https://ada:{SECRET}@host:port/'"),
        format!("[entries.a]\nuri = 'https://ada:{SECRET}@host/'\nretry = 'token={SECRET}'"),
        format!("[entries.a]\nuri = 'x'\nheaders = {{ Authorization = 'Bearer {SECRET}' }}"),
        format!("[entries.a]\nuri = 'http://h/'\nheaders = {{ \"A b\" = '{SECRET}' }}"),
        format!("[entries.a]\nuri = 'http://h/'\ntoken = '{SECRET}'"),
        format!("[entries.a]\nuri = 'http://h/\ntoken = '{SECRET}'"),
    ] {
        codap(["get", "--plan", "p.toml"]).file("p.toml", &plan).run().told(2, &[]);
    }
}

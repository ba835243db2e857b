//! `codap demo`: no network, no set-up, under five seconds.

use std::time::{Duration, Instant};

use crate::tool::codap;

#[test]
fn it_shows_the_page_twice_and_what_it_saved() {
    let began = Instant::now();
    let mut page = String::new();
    let ran = codap(["demo"]).run_with(|folder| {
        page = std::fs::read_to_string(folder.join("page.html")).expect("the page is written");
    });
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    ran.said(0, &[]);
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!ran.stdout.contains('\x1b'), "colour is for terminals");
    for text in ["One after another", "With codap", "JSON over HTTP", "--mongodb URI", "page.html"]
    {
        assert!(ran.stdout.contains(text), "{text:?} is not in\n{}", ran.stdout);
    }
    let last = ran.stdout.lines().find(|line| line.contains(" times as fast")).unwrap();
    let times: f64 = last.split(' ').next().unwrap().parse().unwrap();
    assert!(times > 2.0, "{last}");
    assert!(page.contains("Ada Meier") && page.matches("<svg").count() == 4, "{page}");
    assert_eq!(page.matches("class=\"entry\"").count(), 13);
    assert!(!page.contains("{{") && !page.contains("<!-- "), "nothing is left to fill in");
}

#[test]
fn colour_is_for_those_who_want_it() {
    let run = |name: &str, value: &str| codap(["demo"]).env(name, value).run().stdout;
    assert!(run("CLICOLOR_FORCE", "1").contains("\x1b["));
    assert!(!run("NO_COLOR", "1").contains('\x1b'));
}

#[test]
fn a_seed_is_another_site() {
    let page = |seed: &str| {
        let mut page = String::new();
        let ran = codap(["demo", "--seed", seed, "-o", "other.html"]).run_with(|folder| {
            page = std::fs::read_to_string(folder.join("other.html")).unwrap();
        });
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let svg = page.split("<svg").nth(1).unwrap();
        svg.split("</svg>").next().unwrap().to_owned()
    };
    let first = page("1");
    assert_eq!(first, page("1"));
    assert_ne!(first, page("2"));
}

#[test]
#[cfg(unix)]
fn a_proxy_is_not_asked() {
    let tool = codap(["demo"]).env("HTTP_PROXY", "http://127.0.0.1:1").env("all_proxy", "nonsense");
    let printed = tool.prints();
    assert!(printed.contains(" times as fast"), "{printed}");
}

#[test]
fn where_it_cannot_write_it_says_so() {
    codap(["demo", "-o", "no/such/page.html"])
        .run()
        .told(3, &["no/such/page.html: cannot be written"]);
    codap(["demo", "--mongodb", "nonsense"]).run().told(3, &["--mongodb: "]);
}

#[test]
fn a_real_document_store_is_used_and_left_as_it_was() {
    let without = std::env::var("CODAP_TEST_WITHOUT").unwrap_or_default();
    if without.split(',').any(|it| it == "mongodb") {
        println!("LEFT OUT: this test needs the server mongodb");
        return;
    }
    let told = "CODAP_TEST_MONGODB is not set, so there is no server to test against: run `cargo \
                xtask test --only tool`, or `cargo xtask servers` and set what it prints, or \
                CODAP_TEST_WITHOUT=mongodb";
    let uri = std::env::var("CODAP_TEST_MONGODB").expect(told);
    let ran = codap(["demo", "--mongodb", &uri]).run();
    ran.said(0, &[]);
    assert!(ran.stdout.contains("MongoDB, mongodb://"), "{}", ran.stdout);
    // What it put there is gone.
    let (place, options) = uri.split_once('?').unwrap_or((&uri, ""));
    let host = place.find("://").unwrap() + 3;
    let end = place[host..].find('/').map_or(place.len(), |at| host + at);
    let user = format!("user={}/codap_demo/users/7?{options}", &place[..end]);
    assert_eq!(codap(["get", &user]).run().code, Some(1));
}

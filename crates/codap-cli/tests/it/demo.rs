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
fn where_it_cannot_write_it_says_so() {
    codap(["demo", "-o", "no/such/page.html"])
        .run()
        .told(3, &["no/such/page.html: cannot be written"]);
    codap(["demo", "--mongodb", "nonsense"]).run().told(3, &["--mongodb: "]);
}

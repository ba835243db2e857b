//! `Page`: values of different types, read by what they are, as JSON, and in templates.

use std::future::pending;
use std::sync::mpsc::{Sender, channel};

use codap::{Ending, Error, Page, PageReply, Threads, ok};
use serde::{Serialize, Serializer};

use crate::clock::ms;
use crate::leaks::Watch;
use crate::stage::{recv, wait};
use crate::watched::{Gate, On};

#[derive(Debug, Serialize, PartialEq, Eq)]
struct User {
    name: String,
    since: u16,
}

fn ada() -> User {
    User { name: "Ada".into(), since: 1843 }
}

fn refused() -> Result<u32, std::io::Error> {
    Err(std::io::ErrorKind::ConnectionRefused.into())
}

fn is_refused(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    source.is_some_and(|e: &std::io::Error| e.kind() == std::io::ErrorKind::ConnectionRefused)
}

#[test]
fn every_reply_knows_its_type() {
    let _watch = Watch::new();
    let page = Page::on(&Threads);
    let user: PageReply<User> = page.put_ok("user", async { ada() });
    let port: PageReply<u16> = page.put("port", async { "8080".parse::<u16>() });
    let title: PageReply<&str> = page.insert("title", "home");
    let files: PageReply<Vec<u32>> = page.put_blocking("files", || ok(vec![1, 2]));
    let fails: PageReply<u32> = page.put("fails", async { refused() });
    assert_eq!(wait(user.get()).unwrap(), &ada());
    assert_eq!(port.get_blocking().unwrap(), &8080);
    assert_eq!(title.try_get().unwrap().unwrap(), &"home");
    let again = files.clone();
    assert_eq!(wait(files.get()).unwrap(), &[1, 2]);
    assert!(std::ptr::eq(again.get_blocking().unwrap(), wait(files.get()).unwrap()), "lent out");
    let error = wait(fails.get()).unwrap_err();
    assert!(is_refused(&error) && error.entry() == Some("\"fails\""), "{error}");
    assert_eq!(fails.reply().ending(), Some(Ending::Failed));
    let hangs = page.put_ok("hangs", pending::<u32>());
    assert!(hangs.try_get().is_none());
    // By name everything is of one type, and says whether it is what one asks for.
    let piece = page.get_blocking("user").unwrap();
    assert_eq!((piece.downcast_ref(), piece.downcast_ref::<u32>()), (Some(&ada()), None));
}

#[test]
fn one_entry_reads_another_as_what_it_is() {
    let _watch = Watch::new();
    for on in On::all() {
        on.run(async {
            let page = on.build(Page::builder().limit(1));
            let gate = Gate::new();
            let opened = gate.clone();
            let user = page.put_ok("user", async move {
                opened.passed().await;
                ada()
            });
            let friends = page.put("friends", async move {
                let user = user.get().await?;
                ok(vec![format!("a friend of {}", user.name)])
            });
            gate.open();
            assert_eq!(friends.get().await.unwrap(), &["a friend of Ada"], "on {on:?}");
        });
    }
}

#[test]
fn what_depends_on_a_failure_names_both() {
    let _watch = Watch::new();
    let page = Page::on(&Threads);
    let user = page.put("user", async { refused() });
    let friends = page.put("friends", async move { ok(user.get().await? + 1) });
    let error = wait(friends.get()).unwrap_err();
    assert!(is_refused(&error));
    assert_eq!((error.entry(), error.root().entry()), (Some("\"friends\""), Some("\"user\"")));
}

// ---- JSON --------------------------------------------------------------------------------

#[test]
fn it_is_a_map_of_the_latest_of_every_key_in_the_order_of_the_puts() {
    let _watch = Watch::new();
    let page = Page::on(&Threads);
    page.insert("title", "draft");
    page.put_ok("user", async { ada() });
    let old = page.put_ok("late", pending::<u32>());
    page.put("port", async { "8080".parse::<u16>() });
    page.insert("title", "home");
    page.put_ok("late", async { None::<u32> });
    assert_eq!(
        serde_json::to_string(&page).unwrap(),
        r#"{"user":{"name":"Ada","since":1843},"port":8080,"title":"home","late":null}"#
    );
    assert!(wait(old.get()).unwrap_err().is_cancelled());
    assert_eq!(serde_json::to_string(&Page::on(&Threads)).unwrap(), "{}");
}

/// Sends on what is written.
struct Writer(Sender<String>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn it_is_written_as_far_as_it_is_known() {
    let _watch = Watch::new();
    let page = Page::on(&Threads);
    let gate = Gate::new();
    let opened = gate.clone();
    page.put_ok("first", async { "here already" });
    page.put_ok("second", async move {
        opened.passed().await;
        2
    });
    let (text, written) = channel();
    let writes = std::thread::spawn(move || serde_json::to_writer(Writer(text), &page));
    let mut all = String::new();
    while !all.ends_with(r#""here already""#) {
        all += &recv(&written);
    }
    assert_eq!(all, r#"{"first":"here already""#);
    gate.open();
    writes.join().unwrap().unwrap();
    all.extend(written.try_iter());
    assert_eq!(all, r#"{"first":"here already","second":2}"#);
}

#[test]
fn an_entry_without_a_value_is_an_error_that_names_it() {
    let _watch = Watch::new();
    let page = Page::builder().on(&Threads).deadline(ms(20)).build();
    page.insert("fine", 1);
    page.put("fails", async { refused() });
    let error = serde_json::to_string(&page).unwrap_err().to_string();
    assert!(error.contains("entry \"fails\" failed") && error.contains("refused"), "{error}");
    page.insert("fails", 2);
    page.put_ok("panics", async { panic!("deliberate") as u32 });
    let error = serde_json::to_string(&page).unwrap_err().to_string();
    assert!(error.contains("entry \"panics\" panicked"), "{error}");
    page.insert("panics", 3);
    page.put_ok("hangs", pending::<u32>());
    let error = serde_json::to_string(&page).unwrap_err().to_string();
    assert!(error.contains("entry \"hangs\" timed out"), "{error}");
}

/// What does not serialise.
struct Opaque;

impl Serialize for Opaque {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("this is opaque"))
    }
}

#[test]
fn an_error_of_the_values_own_comes_through() {
    let _watch = Watch::new();
    let page = Page::on(&Threads);
    page.insert("opaque", Opaque);
    let error = serde_json::to_string(&page).unwrap_err().to_string();
    assert!(error.contains("this is opaque"), "{error}");
}

// ---- where blocking would stop the runtime -----------------------------------------------

/// A page that waits for a gate, and the gate.
#[cfg(any(feature = "tokio", feature = "smol"))]
fn gated(page: Page) -> (std::sync::Arc<Page>, Gate) {
    let gate = Gate::new();
    let opened = gate.clone();
    page.put_ok("user", async move {
        opened.passed().await;
        ada()
    });
    (page.into(), gate)
}

#[cfg(any(feature = "tokio", feature = "smol"))]
async fn a_wait_is_an_error_until_all_is_there(page: Page) {
    let (page, gate) = gated(page);
    let error = serde_json::to_string(&*page).unwrap_err().to_string();
    for part in ["\"user\"", "cannot be read by blocking here", ".await"] {
        assert!(error.contains(part), "{error}");
    }
    #[cfg(feature = "minijinja")]
    {
        let error = template::render(&page, "{{ user.name }}").unwrap_err();
        let error = template::cause(&error).unwrap();
        assert!(error.is_would_block() && error.entry() == Some("\"user\""), "{error}");
    }
    gate.open();
    page.join().await;
    let text = serde_json::to_string(&*page).unwrap();
    assert_eq!(text, r#"{"user":{"name":"Ada","since":1843}}"#);
    #[cfg(feature = "minijinja")]
    assert_eq!(template::render(&page, "{{ user.name }}").unwrap(), "Ada");
}

#[cfg(feature = "tokio")]
#[test]
fn on_a_runtime_of_one_thread_a_wait_is_an_error_that_names_the_way_out() {
    let _watch = Watch::new();
    crate::stage::current_thread().block_on(async {
        a_wait_is_an_error_until_all_is_there(Page::new()).await;
    });
}

#[cfg(feature = "smol")]
#[test]
fn on_a_thread_of_smol_a_wait_is_an_error_that_names_the_way_out() {
    let _watch = Watch::new();
    smol::block_on(smol::spawn(a_wait_is_an_error_until_all_is_there(Page::on(&codap::Smol))));
}

#[cfg(feature = "tokio")]
#[test]
fn on_a_runtime_of_many_threads_a_wait_is_one() {
    let _watch = Watch::new();
    let runtime = crate::stage::multi_thread();
    let text = runtime.block_on(runtime.spawn(async {
        let (page, gate) = gated(Page::new());
        // Opened by an entry that was put later: it has to run while this task blocks.
        page.put_ok("opens", async move { gate.open() });
        serde_json::to_string(&*page).unwrap()
    }));
    assert_eq!(text.unwrap(), r#"{"user":{"name":"Ada","since":1843},"opens":null}"#);
}

// ---- templates ---------------------------------------------------------------------------

#[cfg(feature = "minijinja")]
mod template {
    use std::sync::Arc;

    use minijinja::{Environment, UndefinedBehavior, Value, context};

    use super::*;
    use crate::stage::bounded;

    pub(super) fn render(page: &Arc<Page>, text: &str) -> Result<String, minijinja::Error> {
        Environment::new().render_str(text, Value::from_dyn_object(page.clone()))
    }

    /// The error of the entry that a template failed by.
    pub(super) fn cause(error: &minijinja::Error) -> Option<&Error> {
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref() {
                return Some(error);
            }
            source = error.source();
        }
        None
    }

    /// A page of which one entry never ends: whoever touches it would hang.
    fn page() -> Arc<Page> {
        let page = Page::on(&Threads);
        page.put_ok("user", async { ada() });
        page.put_ok("untouched", pending::<u32>());
        page.put_ok("photos", async { vec!["a.jpg", "b.jpg"] });
        page.put("fails", async { refused() });
        page.insert("title", "home");
        Arc::new(page)
    }

    fn rendered(text: &'static str) -> Result<String, minijinja::Error> {
        bounded(move || render(&page(), text))
    }

    #[test]
    fn it_waits_for_what_it_touches_and_nothing_else() {
        let _watch = Watch::new();
        for (text, expected) in [
            ("nothing", "nothing"),
            ("{{ title }}: {{ user.name }}, {{ user['since'] }}", "home: Ada, 1843"),
            ("{% for photo in photos %}<{{ photo }}>{% endfor %}", "<a.jpg><b.jpg>"),
            ("{% if title == 'home' %}yes{% else %}{{ untouched }}{% endif %}", "yes"),
            ("{{ photos|length }} {{ user|items|length }}", "2 2"),
            ("{% set untouched = 1 %}{{ untouched }}", "1"),
        ] {
            assert_eq!(rendered(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn it_waits_for_what_is_on_its_way() {
        let _watch = Watch::new();
        let page = page();
        let gate = Gate::new();
        let opened = gate.clone();
        page.put_ok("late", async move {
            opened.passed().await;
            "at last"
        });
        // Opened by what the template touches first: it has got no further by then.
        page.put_ok("opens", async move {
            gate.open();
            1
        });
        let text = bounded(move || render(&page, "{{ opens }}, {{ late }}"));
        assert_eq!(text.unwrap(), "1, at last");
    }

    #[test]
    fn a_key_that_was_never_put_is_undefined() {
        let _watch = Watch::new();
        assert_eq!(rendered("<{{ nobody }}>").unwrap(), "<>");
        let text = "{% if nobody is undefined and user is defined %}yes{% endif %}";
        assert_eq!(rendered(text).unwrap(), "yes");
        assert_eq!(rendered("{{ nobody|default('somebody') }}").unwrap(), "somebody");
        let strict = bounded(|| {
            let mut env = Environment::new();
            env.set_undefined_behavior(UndefinedBehavior::Strict);
            env.render_str("{{ nobody }}", Value::from_dyn_object(page()))
        });
        assert_eq!(strict.unwrap_err().kind(), minijinja::ErrorKind::UndefinedError);
    }

    /// However it is used: an entry that failed must not look like one that was never put.
    #[test]
    fn a_failed_entry_ends_the_rendering_with_its_error() {
        let _watch = Watch::new();
        for text in [
            "{{ fails }}",
            "{{ fails.name }}",
            "{{ fails|default('hidden') }}",
            "{{ fails ~ '!' }}",
            "{{ fails + 1 }}",
            "{% for x in fails %}{% endfor %}",
            "{% if fails %}hidden{% endif %}",
            "{% if not fails %}hidden{% endif %}",
            "{{ fails or 'hidden' }}",
            "{% if fails is defined %}hidden{% endif %}",
            "{% if fails == 1 %}{% endif %}",
            "{{ fails|upper }}",
        ] {
            let error = rendered(text).expect_err(text);
            let story = format!("{error:#}");
            assert!(story.contains("entry \"fails\" failed"), "{text}: {story}");
            assert!(story.contains("refused"), "{text}: {story}");
            assert!(cause(&error).is_some_and(is_refused), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_page_is_a_map_to_iterate_over() {
        let _watch = Watch::new();
        let page = page();
        page.insert("title", "again");
        let keys = "{% for key in page %}{{ key }} {% endfor %}{{ page|length }}";
        let kept = page.clone();
        let text = bounded(move || {
            let page = Value::from_dyn_object(page);
            Environment::new().render_str(keys, context! { page })
        });
        assert_eq!(text.unwrap(), "user untouched photos fails title 5", "without any wait");
        kept.insert("untouched", 1);
        kept.insert("fails", 2);
        let items = "{% for key, value in page|items %}{{ key }}{% if value.name %}: \
                     {{ value.name }}{% endif %} {% endfor %}";
        let text = bounded(move || {
            let page = Value::from_dyn_object(kept);
            Environment::new().render_str(items, context! { page => page })
        });
        assert_eq!(text.unwrap(), "user: Ada photos title untouched fails ");
    }

    #[test]
    fn what_is_no_string_is_no_key() {
        let _watch = Watch::new();
        let text = bounded(|| {
            let page = Value::from_dyn_object(page());
            Environment::new()
                .render_str("{% if page[0] is undefined %}yes{% endif %}", context! { page })
        });
        assert_eq!(text.unwrap(), "yes");
    }

    #[test]
    fn a_value_that_does_not_serialise_says_so() {
        let _watch = Watch::new();
        let page = page();
        page.insert("opaque", Opaque);
        let error = bounded(move || render(&page, "{{ opaque }}")).unwrap_err();
        assert!(format!("{error:#}").contains("this is opaque"), "{error:#}");
    }
}

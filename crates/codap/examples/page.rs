//! A page from three places: everything starts at once, and the template waits for what it shows.
//!
//! ```sh
//! cargo run -p codap --example page --features minijinja
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use codap::{Page, ok};
use minijinja::{Environment, Value};
use tokio::time::sleep;

const TEMPLATE: &str = "\
{{ user.name }}, here since {{ user.since }}
{% for photo in photos %}  [{{ photo }}]{% endfor %}
It is {{ weather }} degrees outside.
";

#[derive(serde::Serialize)]
struct User {
    name: &'static str,
    since: u16,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let page = Arc::new(Page::new());

    // A row of a database. The put answers with a handle that knows its type: `PageReply<User>`.
    let user = page.put_ok("user", async {
        sleep(Duration::from_millis(40)).await;
        User { name: "Ada", since: 1843 }
    });
    // A listing of an object store, which needs the user: one entry waits for another.
    page.put("photos", async move {
        let name = user.get().await?.name.to_lowercase();
        sleep(Duration::from_millis(40)).await;
        ok([1, 2, 3].map(|n| format!("{name}-{n}.jpg")))
    });
    // A number from a web service.
    page.put_ok("weather", async {
        sleep(Duration::from_millis(60)).await;
        21.5
    });
    // The template does not show this one. So nobody waits for it.
    page.put_ok("adverts", std::future::pending::<Vec<String>>());

    let text = Environment::new().render_str(TEMPLATE, Value::from_dyn_object(page.clone()))?;
    println!("{text}");
    println!("-- rendered after {:.0?}, {} still on its way", start.elapsed(), page.pending());
    Ok(())
}

//! A program without any runtime: functions and futures run on codap's own threads.
//!
//! ```sh
//! cargo run -p codap --example sync --no-default-features
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::Path;
use std::{fs, io, thread};

use codap::Kv;

fn lines(file: &Path) -> io::Result<usize> {
    Ok(fs::read_to_string(file)?.lines().count())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");

    let count = Kv::<String, usize>::new();
    for file in fs::read_dir(source)? {
        let path = file?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            count.put_blocking(name, move || lines(&path)); // On a thread, now.
        }
    }

    // A future that waits for other entries; it needs no runtime either.
    let handle = count.handle();
    count.put("the containers".into(), async move {
        let mut sum = 0;
        for name in ["kv.rs", "ordered.rs", "first_reply.rs"] {
            sum += handle.get(name).await?;
        }
        codap::ok(sum)
    });

    // An entry that is filled by hand, from wherever the answer comes.
    let slot = count.slot("by hand".into());
    thread::spawn(move || slot.fill(7));

    // Reading waits, blocking this thread, for the entry that is read and for no other.
    println!("kv.rs has {} lines", count["kv.rs"]);
    println!("the containers have {} lines", count["the containers"]);
    println!("filled by hand: {}", count["by hand"]);
    println!("{}", count.get_blocking("mod.rs").expect_err("there is no such file"));
    Ok(())
}

//! Many bodies into one zip or tar, in the order in which they arrive.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("photos.zip");
//! use codap_archive::{Archive, Format, Names};
//!
//! let mut names = Names::new();
//! let mut archive = Archive::builder(Format::Zip).to_file(&path)?;
//! let mut fetches = Vec::new();
//! for (index, key) in ["a/1.json", "a/2.json", "../3.json"].into_iter().enumerate() {
//!     let name = names.assign(key.as_bytes());
//!     let entry = archive.entry(index as u64, key, name);
//!     // As many at once as there are connections; who has no memory waits in `begin`.
//!     fetches.push(tokio::spawn(async move {
//!         let mut body = entry.begin(Some(13)).await?;
//!         body.write(b"{\"some\":").await?;
//!         body.write(b"json}").await?;
//!         body.finish().await
//!     }));
//! }
//! for fetch in fetches {
//!     let written = fetch.await??;
//!     assert_eq!(written.size, 13);
//! }
//! let summary = archive.finish().await?;
//! assert_eq!(summary.entries, 3);
//! # Ok(()) }
//! ```
//!
//! # What holds
//!
//! - **An entry is whole, or it is not there.** It comes into the archive when its length and hash
//!   have been verified; sizes and checksums stand before its data, so a zip can be read as a stream.
//! - **An archive is complete, or it is not there.** A file is written beside its target, synced, and
//!   renamed; a stream or an upload that was not finished lacks its end.
//! - **Memory is bounded**: by [`Builder::memory`], whatever arrives and however slowly it is written.
//!   For each object, [`Names`] keeps 20 to 41 bytes, and what an earlier run finished costs 8.
//! - **It never hangs on itself.** A body waits for memory only while it holds none.
//! - **Names are safe**, and no two are the same on any system: [`Names`].
//! - **Giving up takes moments.** Dropping a body, a future or the archive, at any time, leaves
//!   nothing behind that works on; compression stops within a piece.
//!
//! # The way of a body
//!
//! A body of known length, up to 8 MiB, is held in memory, compressed as a whole by libdeflate on one
//! of the archive's own threads, and appended by the one that writes. A longer one is compressed in
//! pieces of 512 KiB on all threads while it arrives, as one deflate stream, into a file without a
//! name; so is one of unknown length that is longer than a piece. In a tar bodies are kept as they
//! are; a compressed tar is then compressed in pieces on all threads.
//!
//! # Cost
//!
//! 64 text files of 8 MB, 512 MB in all, fed from memory, on two cores; compressing them by libdeflate
//! on two threads and nothing else takes 4.9 s (`cargo bench -p codap-archive --bench pipeline`):
//!
//! | | time | of that | bytes |
//! |---|---|---|---|
//! | zip | 5.8 s | 1.18 × | 230.7 M |
//! | tar | 2.2 s | | 512.0 M |
//! | tar.gz | 9.4 s | 1.93 × | 237.5 M |
//! | tar.zst | 3.7 s | 0.76 × | 194.2 M |
//!
//! Meanwhile the process needs about 50 MiB beside the bodies that the benchmark feeds. The headers of
//! an entry are 94 bytes and twice its name.
//!
//! # Going on after an interruption
//!
//! Beside a target `out.zip` there are, while it is made, `.out.zip.codap-part` and
//! `.out.zip.codap-journal`. A process that is killed leaves them, and so does [`Archive::suspend`],
//! meant for a user's Ctrl-C; [`Archive::abort`] and dropping the archive remove them.
//! [`Builder::resume_file`] goes on from them, [`Builder::to_file`] begins anew. A run that was killed
//! may have to fetch again what was under way, and of what it had finished the last 64 entries, or
//! 5 % if that is more.
//!
//! On Unix. For Windows it compiles, and has not been run there.

mod archive;
mod body;
mod budget;
mod buffer;
mod builder;
mod clock;
mod codec;
mod container;
mod entry;
mod error;
mod fold;
mod format;
mod journal;
mod names;
mod outbox;
mod parts;
mod portable;
mod progress;
mod resume;
mod sealed;
mod shared;
mod sink;
mod spill;
mod squeeze;
mod syncer;
mod system;
mod tar;
mod target;
mod workers;
mod writer;
mod zip;

pub use archive::Archive;
pub use body::{Body, Written};
pub use builder::Builder;
pub use entry::Entry;
pub use error::Error;
pub use format::Format;
pub use names::{Change, Name, Names};
pub use parts::{Part, PartSize, Parts};
pub use progress::{Progress, Waiting};
pub use resume::Resumed;
pub use sealed::Summary;

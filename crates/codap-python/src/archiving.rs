//! From a list of URIs to one file: its objects run as entries of a drain, each from its source into
//! the archive.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use codap_archive::{Archive, Format};
use codap_sources::Sources;
use futures_core::Stream as _;

use crate::listing::{self, Bad, Item, Object};
use crate::refusal::Refusal;
use crate::works::{self, Done, Works};

/// What is to be made.
pub(crate) struct Plan {
    pub(crate) target: PathBuf,
    pub(crate) format: Format,
    pub(crate) items: Vec<Item>,
    /// How many objects are under way at once.
    pub(crate) limit: usize,
    /// For bodies, in bytes.
    pub(crate) memory: usize,
    /// The pauses before further attempts at an object.
    pub(crate) backoff: Vec<Duration>,
    pub(crate) fail_fast: bool,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Archived {
    pub(crate) target: String,
    /// Why there is no archive.
    pub(crate) refused: Option<String>,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) archived_bytes: u64,
    pub(crate) failed: Vec<Failure>,
    /// What names were asked for, and what they became.
    pub(crate) renamed: Vec<(String, String)>,
}

/// An object that is not in the archive.
pub(crate) struct Failure {
    pub(crate) uri: String,
    pub(crate) name: Option<String>,
    pub(crate) why: Refusal,
}

/// Why the list is not gone on with.
enum Stop {
    FailFast,
    /// The archive cannot be written on.
    Broken(codap_archive::Error),
}

/// Makes the archive. Dropping the future gives it up: what was written is removed.
pub(crate) async fn run(sources: Sources, plan: Plan) -> Archived {
    let target = plan.target.display().to_string();
    let mut archived = Archived { target, ..Archived::default() };
    let opened = Archive::builder(plan.format).memory(plan.memory).to_file(&plan.target);
    let mut archive = match opened {
        Ok(archive) => archive,
        Err(error) => return archived.refuse(&error.to_string()),
    };
    let works = Works {
        listing: listing::list(plan.items, sources.clone()),
        archive: &archive,
        sources,
        backoff: plan.backoff,
    };
    match take(works, plan.limit, plan.fail_fast, &mut archived).await {
        Ok(()) if archived.entries > 0 => {}
        ended => {
            archive.abort().await;
            let why = match (ended, archived.failed.as_slice()) {
                (Err(Stop::Broken(error)), _) => error.to_string(),
                (Err(Stop::FailFast), [.., failure]) => {
                    format!("was not written (fail_fast), since {}", failure.why.text)
                }
                (_, []) => "nothing is on the list, so there is no archive".to_owned(),
                (_, [failure, ..]) => format!(
                    "every object failed, so there is no archive; the first: {}",
                    failure.why.text
                ),
            };
            return archived.refuse(&why);
        }
    }
    match archive.finish().await {
        Ok(summary) => {
            archived.entries = summary.entries;
            archived.bytes = summary.bytes;
            archived.archived_bytes = summary.archived_bytes;
            archived
        }
        Err(error) => {
            archive.abort().await;
            archived.refuse(&error.to_string())
        }
    }
}

impl Archived {
    fn note(&mut self, object: Object) {
        if let Some(wanted) = object.wanted {
            self.renamed.push((wanted, object.name));
        }
    }

    fn refuse(mut self, why: &str) -> Self {
        let (target, why) = (&self.target, codap::redact(why));
        let told = if why.contains(target) { why } else { format!("{target}: {why}") };
        self.refused = Some(told);
        self
    }
}

/// Runs the works to the end, or to what stops them.
async fn take(
    works: Works<'_>,
    limit: usize,
    fail_fast: bool,
    archived: &mut Archived,
) -> Result<(), Stop> {
    let mut drain = pin!(codap::drain_stream(works).limit(limit));
    while let Some((_, done)) = poll_fn(|cx| drain.as_mut().poll_next(cx)).await {
        let failure = match done {
            Ok(Done::Written(object)) => {
                archived.entries += 1;
                archived.note(object);
                continue;
            }
            Ok(Done::Failed(object, error)) => {
                if let Some(error) = works::that_ends_all(&error) {
                    return Err(Stop::Broken(error.clone()));
                }
                let (uri, name) = (object.uri.to_string(), object.name);
                Failure { uri, name: Some(name), why: Refusal::of_fetch(&error) }
            }
            Ok(Done::Bad(Bad { uri, why })) => Failure { uri, name: None, why },
            // A panic in the work.
            Err(error) => {
                Failure { uri: "an object".to_owned(), name: None, why: Refusal::of_fetch(&error) }
            }
        };
        archived.failed.push(failure);
        if fail_fast {
            return Err(Stop::FailFast);
        }
    }
    Ok(())
}

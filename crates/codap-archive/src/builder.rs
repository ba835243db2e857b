//! How an archive is to be made, said before its first entry.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::SystemTime;

use crate::archive::Archive;
use crate::budget::Budget;
use crate::clock::seconds;
use crate::codec::{PIECE, WHOLE};
use crate::container::Container;
use crate::error::Error;
use crate::format::Format;
use crate::journal::{Journal, Stream, head};
use crate::parts::{Cutter, Mailbox, PartSize, Parts};
use crate::progress::Gauges;
use crate::resume::{Marks, Resumed, State, resume};
use crate::sealed::Summary;
use crate::shared::Shared;
use crate::sink::{PartFile, Sink, To};
use crate::spill::Space;
use crate::squeeze::Squeeze;
use crate::target::Target;
use crate::workers::Workers;
use crate::writer::Writer;
use crate::zip::Central;

/// How an archive is to be made: from [`Archive::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder makes nothing before it is told where to"]
pub struct Builder {
    format: Format,
    memory: usize,
    spill_limit: u64,
    spill_folder: Option<PathBuf>,
    threads: usize,
}

impl Archive {
    /// An archive of this format; where it goes to is said last.
    pub fn builder(format: Format) -> Builder {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let spill_limit = u64::MAX;
        Builder { format, memory: 48 << 20, spill_limit, spill_folder: None, threads }
    }
}

impl Builder {
    /// The memory for bodies, from their first byte until they are in the archive; who has no room
    /// waits. At least 2 MiB; default: 48 MiB.
    ///
    /// Beside it come, for each thread that compresses, at most 9 MiB of buffers, and under 1 MiB for
    /// the archive itself; of parts, two.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// How much of large bodies may lie on disk, compressed for a zip. When that is reached, only
    /// the oldest of them goes on, to its end if need be, and the others wait. Default: no limit.
    pub fn spill_limit(mut self, bytes: u64) -> Self {
        self.spill_limit = bytes;
        self
    }

    /// The folder for large bodies. They have no names there and are gone with the process. Default:
    /// that of the target, or the system's for temporary files if the target is no file.
    pub fn spill_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spill_folder = Some(folder.into());
        self
    }

    /// How many threads compress. Default: as many as can run at once.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = count.max(1);
        self
    }

    /// Into a file, which is replaced when the archive is finished. What an earlier run left beside
    /// it is removed.
    ///
    /// # Errors
    ///
    /// The target is a folder, a device, a symbolic link ([`is_refused`](Error::is_refused)); another
    /// run writes to it ([`is_locked`](Error::is_locked)); its folder cannot be written
    /// ([`is_disk`](Error::is_disk)).
    pub fn to_file(&self, path: impl AsRef<Path>) -> Result<Archive, Error> {
        self.file(path.as_ref(), false)
    }

    /// Into a file, going on from what an earlier run left beside it; if there is nothing, from the
    /// beginning. [`Archive::is_done`] then tells what need not be fetched again.
    ///
    /// What is there is read once and held to the notes of the earlier run: what they do not confirm
    /// is dropped. This takes about half a second a gigabyte, and blocks.
    ///
    /// # Errors
    ///
    /// As [`to_file`](Self::to_file); and the earlier run was to make another format
    /// ([`is_list_changed`](Error::is_list_changed)).
    pub fn resume_file(&self, path: impl AsRef<Path>) -> Result<Archive, Error> {
        self.file(path.as_ref(), true)
    }

    /// Into a stream, such as stdout. It is written by a thread of the archive, in one go, and only
    /// complete after [`Archive::finish`].
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn to_writer(&self, stream: impl Write + Send + 'static) -> Result<Archive, Error> {
        let sink = Sink::new(To::Stream(Box::new(stream)), 0);
        self.start(Start::anew(sink))
    }

    /// In numbered parts, for stores that take a large object piece by piece.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn to_parts(&self, size: PartSize) -> Result<(Archive, Parts), Error> {
        let mailbox = Arc::new(Mailbox::default());
        let parts = mailbox.parts();
        let sink = Sink::new(To::Parts(Cutter::new(mailbox.clone(), size)), 0);
        let archive = self.start(Start { mailbox: Some(mailbox), ..Start::anew(sink) })?;
        Ok((archive, parts))
    }

    fn file(&self, path: &Path, again: bool) -> Result<Archive, Error> {
        let target = Target::open(path)?;
        let trouble = |e| Error::disk(format!("cannot open {}", target.journal().display()), e);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut journal = options.open(target.journal()).map_err(trouble)?;
        let mut central = Central::new(self.folder(&target));
        let part = target.file()?;
        let has = |file: &std::fs::File| file.metadata().is_ok_and(|found| found.len() > 0);
        let state = if again && has(&journal) && has(&part) {
            resume(self.format, &target, &journal, &mut central)?
        } else {
            let head = head(self.format);
            part.set_len(0).map_err(|e| Error::disk("cannot empty the part file", e))?;
            journal.set_len(0).and_then(|()| journal.write_all(&head)).map_err(trouble)?;
            State::anew(head.len() as u64)
        };
        journal.seek(SeekFrom::Start(state.journal)).map_err(trouble)?;
        let mut file = part;
        let seek = file.seek(SeekFrom::Start(state.position));
        seek.map_err(|e| Error::disk(format!("cannot read {}", target.part().display()), e))?;
        let journal = Journal::new(journal, target.journal().to_owned());
        let part = PartFile::new(file, target.part().to_owned(), journal);
        let sink = Sink::new(To::File(part), state.position);
        self.start(Start {
            sink,
            target: Some(target),
            state,
            central: Some(central),
            mailbox: None,
        })
    }

    fn folder<'a>(&'a self, target: &'a Target) -> &'a Path {
        self.spill_folder.as_deref().unwrap_or_else(|| target.folder())
    }

    fn start(&self, start: Start) -> Result<Archive, Error> {
        let Start { mut sink, target, state, central, mailbox } = start;
        let memory = self.memory.max(4 * PIECE);
        let folder = match (&self.spill_folder, &target) {
            (Some(folder), _) => folder.clone(),
            (None, Some(target)) => target.folder().to_owned(),
            (None, None) => std::env::temp_dir(),
        };
        let (orders, taken) = channel();
        let shared = Arc::new(Shared {
            format: self.format,
            whole: WHOLE.min(memory / 4),
            budget: Budget::new(memory),
            space: Space::new(folder, self.spill_limit),
            workers: Workers::start(self.threads, &orders)?,
            gauges: Gauges::default(),
            mailbox,
            fate: OnceLock::new(),
        });
        let container = match self.format {
            Format::Zip => {
                Container::Zip(central.unwrap_or_else(|| Central::new(shared.space.folder())))
            }
            Format::Tar => Container::Tar,
            Format::TarGz | Format::TarZst => {
                Container::Squeezed(Squeeze::new(shared.clone(), state.stream, 2 * self.threads))
            }
        };
        if state.position == 0 {
            container.begin(&mut sink).map_err(|why| shared.give_up(why))?;
        }
        let Resumed { entries, bytes, .. } = state.found;
        let total = Summary { entries, bytes, archived_bytes: state.position };
        let writer = Writer::new(shared.clone(), taken, container, (sink, target), total);
        let thread = thread::Builder::new().name("codap-archive".to_owned());
        thread.spawn(move || writer.run()).map_err(|e| {
            shared.give_up(Error::disk("cannot start the thread that writes the archive", e))
        })?;
        let archive = Archive {
            shared,
            orders,
            began: seconds(SystemTime::now()),
            resumed: state.found,
            marks: Mutex::new(state.marks),
            left: false,
        };
        archive.count_resumed(state.position);
        Ok(archive)
    }
}

/// Where an archive goes to, and where it goes on.
struct Start {
    sink: Sink,
    target: Option<Target>,
    state: State,
    central: Option<Central>,
    mailbox: Option<Arc<Mailbox>>,
}

impl Start {
    fn anew(sink: Sink) -> Self {
        Self { sink, target: None, state: State::anew(0), central: None, mailbox: None }
    }
}

impl State {
    /// Nothing is there but the head of a journal.
    fn anew(journal: u64) -> Self {
        let (found, stream, marks) = (Resumed::default(), Stream::default(), Marks::default());
        Self { found, position: 0, stream, journal, marks }
    }
}

//! Where the archive goes, and what it is written as.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use codap_archive::{Archive, Builder, Format, PartSize};
use codap_sources::{Sources, Uri};

use super::upload::Upload;
use crate::args;
use crate::interrupt::Interrupt;
use crate::stop::Stop;

/// Parts of this size at first; every 1,000 of them are twice as large as those before.
const PART: usize = 8 << 20;

/// Where the archive goes.
#[derive(Debug)]
pub(crate) enum Target {
    File(PathBuf),
    Stdout,
    Store(Uri),
}

impl Target {
    /// What `--output` says, and whether the other options go with it.
    pub(crate) fn of(args: &args::Archive) -> Result<Self, Stop> {
        let text = &*args.output;
        let target = match text {
            "-" => Self::Stdout,
            text if text.contains("://") => {
                let uri: Uri = text.parse().map_err(|error| Stop::usage(format!("-o: {error}")))?;
                match uri.scheme() {
                    "s3" | "gs" => Self::Store(uri),
                    _ => {
                        let what = "an archive goes to a file, to - or to s3:// or gs://";
                        return Err(Stop::usage(format!("-o {uri}: {what}")));
                    }
                }
            }
            path => Self::File(path.into()),
        };
        if args.resume && !matches!(target, Self::File(_)) {
            let shown = target.shown();
            let what = "only a file can be gone on with; what was written there is not kept";
            return Err(Stop::usage(format!("--resume: {shown}: {what} (leave it out)")));
        }
        if matches!(target, Self::Stdout) && io::stdout().is_terminal() {
            let what = "stdout is a terminal, which an archive would spoil";
            return Err(Stop::usage(format!("-o -: {what} (send it on: … > FILE)")));
        }
        Ok(target)
    }

    /// As it is told.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdout => "stdout".to_owned(),
            Self::Store(uri) => uri.to_string(),
        }
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The format that was asked for, or that of the name.
    pub(crate) fn format(&self, asked: Option<Format>) -> Result<Format, Stop> {
        let of_name = || match self {
            Self::File(path) => Format::of_name(path),
            Self::Stdout => None,
            Self::Store(uri) => Format::of_name(uri.to_string()),
        };
        asked.or_else(of_name).ok_or_else(|| {
            let what = "its name tells no format; known are zip, tar, tar.gz, tar.zst";
            Stop::usage(format!("-o {}: {what} (say which by --format)", self.shown()))
        })
    }

    /// Begins the archive, and the upload if there is one.
    pub(crate) async fn open(
        &self,
        builder: Builder,
        args: &args::Archive,
        sources: &Sources,
        interrupt: &Interrupt,
    ) -> Result<(Archive, Option<Upload>), Stop> {
        let opened = match self {
            Self::File(path) if args.resume => builder.resume_file(path),
            Self::File(path) => builder.to_file(path),
            Self::Stdout => builder.to_writer(io::stdout()),
            Self::Store(uri) => {
                let size = match args.part_size {
                    Some(size) => PartSize::Fixed(usize::try_from(size).unwrap_or(usize::MAX)),
                    None => PartSize::Growing(PART),
                };
                let opened = builder.to_parts(size).map_err(|error| self.stopped_by(&error));
                let (archive, parts) = opened?;
                let upload = Upload::begin(sources, uri, parts, interrupt).await?;
                return Ok((archive, Some(upload)));
            }
        };
        opened.map(|archive| (archive, None)).map_err(|error| self.stopped_by(&error))
    }

    /// There is no archive, because of this.
    pub(crate) fn stopped_by(&self, error: &codap_archive::Error) -> Stop {
        let (shown, told) = (self.shown(), error.to_string());
        let told = if told.contains(&shown) { told } else { format!("{shown}: {told}") };
        if error.is_refused() { Stop::Usage(told) } else { Stop::Fatal(told) }
    }
}

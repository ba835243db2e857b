//! What can be typed, as clap reads it. Nothing is opened, resolved or fetched here.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use codap_archive::Format;

use crate::duration;
use crate::exit::Exit;
use crate::output;
use crate::progress::When;
use crate::say::say;
use crate::size;
use codap::redact;

const EXIT_CODES: &str = "\
Exit codes:
    0  everything that was asked for is there
    1  some entries failed; in a race, all
    2  the command line, the plan or the template makes no sense
    3  it could not go on, as when the output cannot be written
  130  interrupted by Ctrl-C";

const SOURCES: &str = "\
URIs:
  path/to/file, file:///path            a file
  https://host/path                     the body of a GET
  s3://bucket/key, gs://, az://         an object
  mongodb://host/db/collection/ID       a document; also ?filter={…}
  sqlite:path?query=select…&param=…     rows; also postgres://host/db?query=…
  redis://host/key                      a value
Credentials come from where each of them keeps them: AWS_*, PG*, and so on.";

const LISTS: &str = "\
A line of a list is one of
  URI
  URI<TAB>NAME
  {\"uri\": …, \"name\": …, \"size\": …, \"sha256\": …}   all but uri may be left out
s3://bucket/prefix/, gs://…/, az://…/ and folder/ stand for all that lies in there.

Exit codes:
    0  everything is in the archive
    1  some objects failed: the archive of the others is in its place
    2  the command line makes no sense; nothing was fetched
    3  there is no new archive, and the old one is as it was
  130  interrupted by Ctrl-C; --resume goes on";

/// Fetch from many places at once: by name, in order, or the first that answers
#[derive(Debug, Parser)]
#[command(name = "codap", version, max_term_width = 80, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true, infer_long_args = false)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fetch by name: a JSON object, or a template filled in
    #[command(after_help = SOURCES)]
    Get(Get),
    /// Fetch a list: a line of JSON for each, in the order given
    #[command(after_help = SOURCES)]
    List(List),
    /// Fetch the same from several places: the first good reply
    #[command(after_help = SOURCES)]
    Race(Race),
    /// Fetch many objects into one zip or tar, in the order they arrive
    #[command(after_help = LISTS)]
    Archive(Archive),
    /// See what it saves: a page from four stores, one after another and at once
    Demo(Demo),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page, of the tool or of one command
    Man {
        /// Which command
        command: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// What to fetch, and its name. A URI may use other entries:
    /// 'photos=https://host/photos?owner={{ user.id }}' waits for user
    #[arg(value_name = "NAME=URI", required_unless_present = "plan")]
    pub(crate) entries: Vec<String>,
    /// More entries, with headers and policies of their own (docs/cli.md)
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) plan: Option<PathBuf>,
    /// Fill in a template, which waits only for what it shows
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// Take every document for JSON, whatever its media type
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) documents: Documents,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// What to fetch; - reads URIs from stdin, one a line
    #[arg(value_name = "URI", required_unless_present = "input")]
    pub(crate) uris: Vec<String>,
    /// Read URIs from a file, one a line; - is stdin
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Take every document for JSON, whatever its media type
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) documents: Documents,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Race {
    /// Where the same can be had
    #[arg(value_name = "URI", required = true)]
    pub(crate) uris: Vec<String>,
    #[command(flatten)]
    pub(crate) documents: Documents,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Archive {
    /// What to fetch; - reads a list from stdin
    #[arg(value_name = "URI", required_unless_present = "input")]
    pub(crate) uris: Vec<String>,
    /// Read a list from a file; - is stdin
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Where the archive goes: a file, - for stdout, or s3://bucket/key (gs:// too)
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: String,
    /// zip, tar, tar.gz or tar.zst [default: by the name of OUT]
    #[arg(long, value_name = "FORMAT", value_parser = formats(), hide_possible_values = true)]
    pub(crate) format: Option<Format>,
    /// Go on with what an interrupted run to OUT has left
    #[arg(long)]
    pub(crate) resume: bool,
    /// Leave out what fails, and tell it [the default]
    #[arg(long, overrides_with = "fail_fast")]
    pub(crate) keep_going: bool,
    /// End with the first failure, without an archive
    #[arg(long, overrides_with = "keep_going")]
    pub(crate) fail_fast: bool,
    /// Where failures are told, a line of JSON each [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) failures: Option<PathBuf>,
    /// For bodies on their way; the rest takes up to 60 MiB more
    #[arg(long, default_value = "48MiB", value_name = "SIZE", value_parser = size::parse)]
    pub(crate) memory: u64,
    /// The most that large bodies may take on disk, compressed, before they are in the
    /// archive [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(crate) spill_limit: Option<u64>,
    /// Of an object store: parts of one size [default: 8MiB, growing]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(crate) part_size: Option<u64>,
    /// The longest that a source may bring nothing
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = duration::parse)]
    pub(crate) timeout: Duration,
    /// The largest that an object may be, unpacked [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(crate) max_size: Option<u64>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Take the profiles from a real MongoDB: they are put there and removed
    #[arg(long, value_name = "URI")]
    pub(crate) mongodb: Option<String>,
    /// Other latencies, and other photos
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) seed: u64,
    /// Where to write the page
    #[arg(short, long, default_value = "page.html", value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// What verbs take that hold whole documents.
#[derive(Debug, clap::Args)]
pub(crate) struct Documents {
    /// The longest that one attempt may take
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = duration::parse)]
    pub(crate) timeout: Duration,
    /// The largest that a document may be, unpacked
    #[arg(long, default_value = "64MiB", value_name = "SIZE", value_parser = size::parse)]
    pub(crate) max_size: u64,
    /// A value for what fails; NAME is the entry's, its line in a list, or * for all
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) default: Vec<String>,
    /// End with the first failure; in a race, with the first reply of any kind
    #[arg(long)]
    pub(crate) fail_fast: bool,
}

/// What every verb takes that fetches.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// How many run at once
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = limit)]
    pub(crate) limit: usize,
    /// The longest that everything may take [default: none]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) deadline: Option<Duration>,
    /// How often to try again what may go well later
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) retry: u32,
    /// A header, with ${VAR} from the environment; sent to the origins that are named
    /// on the command line or in the plan, and to no others
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// One more origin that gets the headers, as for URIs from a file
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) header_to: Vec<String>,
    /// Connect to public addresses only: no loopback, no private network, no metadata
    /// service, whatever a URI, a name or a redirect says
    #[arg(long)]
    pub(crate) public_only: bool,
    /// Write down what happened when to each entry
    #[arg(long, value_name = "FILE.json")]
    pub(crate) report: Option<PathBuf>,
    /// Show how far it is: auto is on a terminal, and after a second; or never
    #[arg(long, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    #[arg(hide_possible_values = true)]
    pub(crate) progress: When,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    let names = ["zip", "tar", "tar.gz", "tar.zst"];
    PossibleValuesParser::new(names).map(|name| {
        Format::of_name(format!(".{name}")).expect("each of these names is that of a format")
    })
}

fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("nothing could run".to_owned()),
        Ok(limit) => Ok(limit),
        Err(_) => Err("is no number".to_owned()),
    }
}

/// What was typed; or what to exit with, once it was told what is wrong with it.
pub(crate) fn parse() -> Result<Verb, Exit> {
    Args::try_parse().map(|args| args.verb).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => shown(&error),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            drop(error.print());
            Exit::Usage
        }
        _ => {
            say(&line(&error));
            Exit::Usage
        }
    })
}

fn shown(help: &clap::Error) -> Exit {
    let printed = output::print_styled(&help.render().ansi().to_string());
    crate::run::exit(printed.map(|()| Exit::Ok))
}

/// What clap has to say, in one line, without the secrets of what was typed.
fn line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let told = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let told = told.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let mut line = String::new();
    for part in told {
        let (part, between) = match part.strip_prefix("tip: ") {
            Some(tip) => (tip, "; "),
            None => (part.strip_prefix("error: ").unwrap_or(part), " "),
        };
        line.push_str(if line.is_empty() { "" } else { between });
        line.push_str(part);
    }
    format!("{} (see {} --help)", redact(&line), command())
}

/// The command that was meant, as far as it is one.
fn command() -> String {
    let tool = Args::command();
    let verb = std::env::args_os().nth(1);
    match verb.and_then(|verb| tool.find_subcommand(verb).map(clap::Command::get_name)) {
        Some(verb) => format!("codap {verb}"),
        None => "codap".to_owned(),
    }
}

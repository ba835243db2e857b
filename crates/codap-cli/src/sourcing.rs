//! The sources of a run, and which headers they send where.

use std::collections::BTreeSet;
use std::time::Duration;

use codap_sources::{Builder, Sources, Uri};

use crate::args;
use crate::entry::Entry;
use crate::header::Header;
use crate::stop::Stop;

/// The sources of all entries: one for those without headers of their own, which share its
/// connections, and one for each other set of headers.
pub(crate) struct Sourcing {
    common: Common,
    shared: Sources,
    own: Vec<(Vec<Header>, String, Sources)>,
}

/// What holds for every entry.
struct Common {
    headers: Vec<Header>,
    /// To these they are sent, and nowhere else.
    origins: BTreeSet<String>,
    bounds: Bounds,
    public_only: bool,
}

/// What a fetch may take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bounds {
    /// Documents of so many bytes. Each attempt has its time from the policy of its entry.
    Whole(u64),
    /// Bodies that are streamed, of so many bytes, and nothing may stall for longer.
    Streamed(Option<u64>, Duration),
}

impl Bounds {
    fn builder(self) -> Builder {
        let builder = Sources::builder();
        match self {
            Self::Whole(max_size) => builder.timeout(Duration::MAX).max_size(max_size),
            Self::Streamed(None, timeout) => builder.timeout(timeout),
            // What comes whole, from a database, is bounded as well, by what is the smaller.
            Self::Streamed(Some(size), timeout) => {
                let whole = size.min(64 << 20);
                builder.timeout(timeout).max_streamed_size(size).max_size(whole)
            }
        }
    }
}

impl Sourcing {
    /// The headers of `args` go to the origins among `named`, to those that `--header-to` adds,
    /// and nowhere else.
    pub(crate) fn new<'a>(
        args: &args::Common,
        named: impl Iterator<Item = &'a str>,
        bounds: Bounds,
    ) -> Result<Self, Stop> {
        let origins = origins(named, &args.header_to)?;
        let headers: Result<Vec<Header>, String> =
            args.headers.iter().map(|it| Header::parse(it)).collect();
        let headers = headers.map_err(|error| Stop::usage(format!("-H: {error}")))?;
        if !headers.is_empty() && origins.is_empty() {
            return Err(Stop::usage(
                "-H: goes to nobody, as no http or https origin is named (add --header-to ORIGIN)",
            ));
        }
        let common = Common { headers, origins, bounds, public_only: args.public_only };
        let shared = common.sources(&[], "", "-H")?;
        Ok(Self { common, shared, own: Vec::new() })
    }

    pub(crate) fn shared(&self) -> Sources {
        self.shared.clone()
    }

    /// The sources that send the headers of `entry`.
    pub(crate) fn of(&mut self, entry: &Entry) -> Result<Sources, Stop> {
        let origin = match entry.link.origin() {
            Some(origin) if !entry.headers.is_empty() => origin,
            _ => return Ok(self.shared()),
        };
        let known = self.own.iter().find(|own| own.0 == entry.headers && own.1 == origin);
        if let Some((_, _, sources)) = known {
            return Ok(sources.clone());
        }
        let sources = self.common.sources(&entry.headers, origin, &entry.name)?;
        self.own.push((entry.headers.clone(), origin.to_owned(), sources.clone()));
        Ok(sources)
    }
}

impl Common {
    /// Sources that send these headers, and those that are sent for every entry. `of` says whose
    /// they are.
    fn sources(&self, own: &[Header], own_origin: &str, of: &str) -> Result<Sources, Stop> {
        let mut builder = self.bounds.builder().refuse_private_addresses(self.public_only);
        for Header { name, value } in own {
            builder = builder.header(own_origin, name, value);
        }
        let is_own =
            |header: &Header| own.iter().any(|it| it.name.eq_ignore_ascii_case(&header.name));
        for origin in &self.origins {
            for header in &self.headers {
                if origin != own_origin || !is_own(header) {
                    builder = builder.header(origin, &header.name, &header.value);
                }
            }
        }
        builder.build().map_err(|error| Stop::usage(format!("{of}: {error}")))
    }
}

/// The http and https origins among `named`, and those that `--header-to` adds.
fn origins<'a>(
    named: impl Iterator<Item = &'a str>,
    added: &[String],
) -> Result<BTreeSet<String>, Stop> {
    let is_web = |origin: &str| origin.starts_with("http://") || origin.starts_with("https://");
    let mut origins: BTreeSet<String> =
        named.filter(|origin| is_web(origin)).map(str::to_owned).collect();
    for text in added {
        let uri: Uri =
            text.parse().map_err(|error| Stop::usage(format!("--header-to: {error}")))?;
        if !is_web(uri.origin()) {
            let what = "is no origin of http or https; write https://host";
            return Err(Stop::usage(format!("--header-to: {uri} {what}")));
        }
        origins.insert(uri.origin().to_owned());
    }
    Ok(origins)
}

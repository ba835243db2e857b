//! Data goes to stdout, and nothing else does.

use std::io::{self, BufWriter, Stdout, Write as _};

use crate::stop::Stop;

/// Stdout, buffered until told.
#[derive(Debug)]
pub(crate) struct Output(BufWriter<Stdout>);

impl Output {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 << 10, io::stdout()))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.0.write_all(bytes).map_err(|error| Stop::of_output(&error))
    }

    /// Hands over what was written so far.
    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        self.0.flush().map_err(|error| Stop::of_output(&error))
    }
}

/// Writes all of it at once.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Stop> {
    let mut output = Output::new();
    output.write(bytes)?;
    output.flush()
}

/// Writes text with styles, which are left out where they would not be seen: elsewhere than on a
/// terminal, and under `NO_COLOR`.
pub(crate) fn print_styled(text: &str) -> Result<(), Stop> {
    let choice = anstream::AutoStream::choice(&io::stdout());
    match choice {
        anstream::ColorChoice::Never => {
            print(anstream::adapter::strip_str(text).to_string().as_bytes())
        }
        _ => print(text.as_bytes()),
    }
}

//! The terminal as the bar of progress has it: a few columns short of what it is.
//!
//! A bar fills its line with blanks. On the whole width of the terminal, the `^C` that the terminal
//! shows for Ctrl-C would come on the next line, where the bar is then looked for when it is to be
//! taken away: its line would stay.

use std::io;

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// For `^C`, and for the cursor.
const SPARE: u16 = 4;

/// Redrawn so often a second at most.
const RATE: u8 = 20;

/// The terminal that stderr is.
pub(crate) fn stderr() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(Screen(Term::buffered_stderr())), RATE)
}

#[derive(Debug)]
struct Screen(Term);

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(SPARE).max(1)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

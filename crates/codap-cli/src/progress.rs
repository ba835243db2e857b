//! How far it is: a bar on stderr, if that is a terminal, and only after a second.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::screen;

/// What is done by then needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bar that is on the screen now, for messages to go above.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    // Its help is that of the option.
    Auto,
    Never,
}

/// Counts endings, and shows them. Dropping it takes the bar away.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of so many entries, if that is known.
    pub(crate) fn start(when: When, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "  {bar:32} {pos} of {len}, {elapsed}",
            None => "  {spinner} {pos} done, {elapsed}",
        };
        Self::with(when, total, template)
    }

    /// What [`tell`](Self::tell) says.
    pub(crate) fn of_text(when: When) -> Self {
        Self::with(when, None, "  {spinner} {wide_msg}")
    }

    fn with(when: When, total: Option<u64>, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        if when == When::Auto && std::io::stderr().is_terminal() {
            let later = bar.clone();
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━╸─"));
            }
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
                if !later.is_finished() {
                    later.set_draw_target(screen::stderr());
                    later.enable_steady_tick(Duration::from_millis(100));
                    *shown = Some(later.clone());
                }
            });
        }
        Self(bar)
    }

    pub(crate) fn one_more(&self) {
        self.0.inc(1);
    }

    pub(crate) fn tell(&self, text: String) {
        self.0.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.finish_and_clear();
        *shown = None;
    }
}

/// Writes to the terminal without the bar being in the way.
pub(crate) fn above(write: impl FnOnce()) {
    // Held meanwhile, so that `clear` knows.
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*shown {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Takes the bar away, for an end that waits for nobody: not while somebody writes above it, who may
/// be held up for ever.
pub(crate) fn clear() {
    if let Ok(mut shown) = SHOWN.try_lock()
        && let Some(bar) = shown.take()
    {
        bar.finish_and_clear();
    }
}

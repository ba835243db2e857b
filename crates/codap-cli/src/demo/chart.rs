//! What ran when, as a picture: in characters for terminals, in HTML for the page.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::assemble::{Store, waited};
use crate::timeline::Life;

/// How many characters the bars of a picture take.
const CELLS: usize = 54;
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// One entry: its name and store, and when it waited, was queued, and ran.
#[derive(Debug)]
pub(super) struct Row<'a> {
    name: &'a str,
    store: Store,
    queued: Vec<Span>,
    waited: Vec<Span>,
    ran: Vec<Span>,
}

type Span = (Duration, Duration);

impl Store {
    fn color(self) -> Style {
        let color = match self {
            Self::Documents => AnsiColor::Green,
            Self::Database => AnsiColor::Yellow,
            Self::Objects => AnsiColor::Magenta,
            Self::Web => AnsiColor::Cyan,
        };
        color.on_default()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Database => "database",
            Self::Objects => "objects",
            Self::Web => "web",
        }
    }

    /// Its name in its colour, so wide.
    pub(super) fn label(self, width: usize) -> String {
        let (color, name) = (self.color(), self.name());
        format!("{color}{name:width$}{color:#}")
    }
}

/// The rows of a picture of these entries.
pub(super) fn rows<'a>(entries: &[(&'a str, Store)], lives: &[Life]) -> Vec<Row<'a>> {
    let rows = entries.iter().zip(lives).enumerate();
    rows.map(|(at, (&(name, store), life))| {
        let started = life.started.unwrap_or_default();
        let ended = life.ended.unwrap_or(started);
        let mut waited: Vec<Span> = waited(lives, at).map(|wait| (wait.from, wait.until)).collect();
        waited.sort();
        let mut ran = Vec::new();
        let mut since = started;
        for &(from, until) in &waited {
            ran.push((since, from));
            since = until.max(since);
        }
        ran.push((since, ended));
        ran.retain(|(from, until)| from < until);
        Row { name, store, queued: vec![(life.queued, started)], waited, ran }
    })
    .collect()
}

fn length(spans: &[Span]) -> Duration {
    spans.iter().map(|(from, until)| until.saturating_sub(*from)).sum()
}

impl Row<'_> {
    /// Its bar; `scale` is what a character stands for.
    fn bar(&self, scale: Duration) -> String {
        let mut bar = String::new();
        let (color, short) = (self.store.color(), length(&self.ran) < scale);
        for cell in 0..CELLS {
            let span = (scale * cell as u32, scale * (cell as u32 + 1));
            let mut drawn = self.cell(span);
            // What takes no time to speak of is there nevertheless.
            if drawn == ' ' && short && self.begins_in(span) {
                drawn = '▏';
            }
            match drawn {
                ' ' => bar.push(' '),
                '░' | '·' => {
                    let _ = write!(bar, "{DIM}{drawn}{DIM:#}");
                }
                drawn => {
                    let _ = write!(bar, "{color}{drawn}{color:#}");
                }
            }
        }
        bar
    }

    /// The work proper begins in there.
    fn begins_in(&self, (from, until): Span) -> bool {
        self.ran.last().is_some_and(|(begins, _)| (from..until).contains(begins))
    }

    /// A character: how much of it the entry ran, waited, was queued.
    fn cell(&self, (from, until): Span) -> char {
        const LEFT: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
        let whole = (until - from).as_secs_f64();
        let share = |spans: &[Span]| {
            let within = spans.iter().map(|it| (it.0.max(from), it.1.min(until)));
            length(&within.filter(|(from, until)| from < until).collect::<Vec<_>>()).as_secs_f64()
                / whole
        };
        let ran = share(&self.ran);
        let from_left = self.ran.iter().any(|it| it.0 <= from && it.1 > from);
        if from_left && ran >= 0.0625 {
            return LEFT[(ran * 8.0).round() as usize];
        }
        match ran {
            0.75.. => '█',
            0.25.. => '▐',
            _ if share(&self.waited) >= 0.5 => '░',
            _ if share(&self.queued) >= 0.5 => '·',
            _ => ' ',
        }
    }
}

/// A picture with a title, how long it took in all, and a scale of its own.
pub(super) fn picture(title: &str, rows: &[Row<'_>], took: Duration) -> String {
    let scale = took / CELLS as u32;
    let took = millis(took);
    let mut text =
        format!("{BOLD}{title}{BOLD:#}{took:>width$}\n", width = 79 - title.chars().count());
    let _ = writeln!(text, "{DIM}{:13}{}{DIM:#}", "", axis(scale));
    for row in rows {
        let ran = millis(length(&row.ran));
        let _ = writeln!(text, "  {:11}{}{ran:>12}", row.name, row.bar(scale));
    }
    text
}

/// Round numbers of milliseconds, each at its place.
fn axis(scale: Duration) -> String {
    let all = scale.as_secs_f64() * 1000.0 * CELLS as f64;
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0];
    let step = steps.into_iter().find(|step| all / step <= 6.0).unwrap_or(5000.0);
    let mut line = String::new();
    for tick in 0.. {
        let at = (step * f64::from(tick) / all * CELLS as f64).round() as usize;
        let label = format!("{:.0}", step * f64::from(tick));
        if at + label.len() > CELLS {
            break;
        }
        line.push_str(&" ".repeat(at.saturating_sub(line.chars().count())));
        line.push_str(&label);
    }
    line
}

/// Two bars on one scale.
pub(super) fn comparison(slow: (&str, Duration), fast: (&str, Duration)) -> String {
    let mut text = String::new();
    for (name, took) in [slow, fast] {
        let eighths = took.as_secs_f64() / slow.1.as_secs_f64() * (CELLS * 8) as f64;
        let mut bar = "█".repeat(eighths as usize / 8);
        bar.extend("▏▎▍▌▋▊▉".chars().nth((eighths as usize % 8).wrapping_sub(1)));
        let pad = " ".repeat(CELLS.saturating_sub(bar.chars().count()));
        let _ = writeln!(text, "  {name:11}{BOLD}{bar}{BOLD:#}{pad}{:>12}", millis(took));
    }
    text
}

/// The legend of pictures.
pub(super) fn legend(rows: &[Row<'_>], scale: Duration) -> String {
    let was_queued = rows.iter().any(|row| length(&row.queued) > scale);
    let queued = if was_queued { "   · queued" } else { "" };
    format!("{DIM}{:13}█ running   ░ waiting for another entry{queued}{DIM:#}\n", "")
}

/// `1,234 ms`; below 10 with one decimal.
pub(super) fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    match millis.round() as u64 {
        0..10 => format!("{millis:.1} ms"),
        whole @ 10..1000 => format!("{whole} ms"),
        whole => format!("{},{:03} ms", whole / 1000, whole % 1000),
    }
}

/// The rows as HTML, for a page that has the styles of them.
pub(super) fn html(rows: &[Row<'_>], took: Duration) -> String {
    let share = |at: Duration| at.as_secs_f64() / took.as_secs_f64() * 100.0;
    let mut html = String::new();
    for row in rows {
        let _ = write!(html, r#"<div class="entry"><span>{}</span><div>"#, row.name);
        let spans = row.waited.iter().map(|span| ("wait", span));
        // Between its waits an entry runs for no time to speak of.
        let spans = spans.chain(row.ran.last().map(|span| (row.store.name(), span)));
        for (class, &(from, until)) in spans {
            let (left, width) = (share(from), share(until.saturating_sub(from)));
            let _ = write!(
                html,
                r#"<i class="{class}" style="left:{left:.2}%;width:{width:.2}%"></i>"#
            );
        }
        let _ = writeln!(html, "</div><b>{}</b></div>", millis(length(&row.ran)));
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_bar_shows_queued_waited_and_ran() {
        let row = Row {
            name: "a",
            store: Store::Web,
            queued: vec![(ms(0), ms(10))],
            waited: vec![(ms(10), ms(30))],
            ran: vec![(ms(30), ms(54))],
        };
        let bar = plain(&row.bar(ms(1)));
        assert_eq!(bar, format!("{}{}{}", "·".repeat(10), "░".repeat(20), "█".repeat(24)));
    }

    #[test]
    fn the_shortest_bar_is_seen() {
        let ran = vec![(ms(20), ms(21))];
        let row = Row { name: "a", store: Store::Web, queued: vec![], waited: vec![], ran };
        assert_eq!(plain(&row.bar(ms(50))).trim(), "▏");
    }

    #[test]
    fn every_line_fits_into_80_columns() {
        let lives = [Life { ended: Some(ms(1_234)), started: Some(ms(3)), ..Life::default() }];
        let rows = rows(&[("picture_1", Store::Objects)], &lives);
        let text = plain(&picture("One after another", &rows, ms(1_300)));
        for line in text.lines() {
            assert!(line.chars().count() <= 79, "{line}");
        }
        assert!(text.contains("1,231 ms"), "{text}");
    }

    #[test]
    fn ticks_stand_where_they_say() {
        assert!(axis(ms(10)).starts_with("0"), "{}", axis(ms(10)));
        assert_eq!(axis(ms(10)).find("200"), Some(20));
    }
}

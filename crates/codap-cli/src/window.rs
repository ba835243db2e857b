//! Order: what has arrived waits here for what stands before it.

use std::collections::VecDeque;

/// Lines that have been started, in their order, and their results as far as they have come.
///
/// The room is bounded in lines and in bytes, so a line that hangs holds up those behind it before
/// they fill the memory. What has begun may go beyond the bytes.
#[derive(Debug)]
pub(crate) struct Window<L, R> {
    seats: VecDeque<(L, Option<(R, usize)>)>,
    /// How many have left.
    gone: usize,
    /// The bytes of all results.
    bytes: usize,
    lines_max: usize,
    bytes_max: usize,
}

impl<L, R> Window<L, R> {
    pub(crate) fn new(lines_max: usize, bytes_max: usize) -> Self {
        Self { seats: VecDeque::new(), gone: 0, bytes: 0, lines_max, bytes_max }
    }

    /// Whether another line may begin.
    pub(crate) fn has_room(&self) -> bool {
        self.seats.len() < self.lines_max && self.bytes < self.bytes_max
    }

    /// The next line takes its seat.
    pub(crate) fn begin(&mut self, line: L) {
        self.seats.push_back((line, None));
    }

    /// The result of the line that was the `nth` to begin, and its size.
    pub(crate) fn fill(&mut self, nth: usize, result: R, bytes: usize) {
        let seat = nth.checked_sub(self.gone).and_then(|at| self.seats.get_mut(at));
        let (_, empty) = seat.expect("a line that has begun keeps its seat until it has a result");
        *empty = Some((result, bytes));
        self.bytes += bytes;
    }

    /// The first line, if its result is there.
    pub(crate) fn leave(&mut self) -> Option<(L, R)> {
        self.seats.front()?.1.as_ref()?;
        let (line, result) = self.seats.pop_front()?;
        let (result, bytes) = result?;
        self.gone += 1;
        self.bytes -= bytes;
        Some((line, result))
    }

    /// All lines that are left, those without a result too.
    pub(crate) fn close(&mut self) -> Vec<(L, Option<R>)> {
        self.gone += self.seats.len();
        self.bytes = 0;
        self.seats.drain(..).map(|(line, result)| (line, result.map(|it| it.0))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_leave_in_the_order_of_their_lines() {
        let mut window = Window::new(2, 10);
        window.begin("a");
        window.begin("b");
        assert!(!window.has_room());
        window.fill(1, 1, 4);
        assert_eq!(window.leave(), None);
        window.fill(0, 0, 4);
        assert_eq!((window.leave(), window.leave()), (Some(("a", 0)), Some(("b", 1))));
        window.begin("c");
        assert_eq!(window.close(), [("c", None)]);
        window.begin("d");
        window.fill(3, 3, 10);
        assert!(!window.has_room(), "ten bytes are there");
        assert!(window.leave().is_some() && window.has_room());
    }
}

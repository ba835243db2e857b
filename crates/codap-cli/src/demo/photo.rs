//! The photos of the demo, as their cameras would take them if mountains were polygons.

use std::fmt::Write as _;

use super::latency::Draw;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 320.0;

/// Skies from top to bottom, the sun, and the hue of the ridges.
const LIGHTS: [(&str, &str, &str, f64); 5] = [
    ("#3a4f8f", "#f3c6d3", "#fff4e8", 228.0),
    ("#1f3b73", "#f6a15b", "#ffe9c4", 258.0),
    ("#5aa9d6", "#e8f4fb", "#ffffff", 205.0),
    ("#2b2350", "#e0637a", "#ffd9b0", 290.0),
    ("#0f2f4a", "#7fd1c7", "#f4fff8", 178.0),
];

/// The landscape of the `nth` photo: SVG, about 3 KB.
pub(super) fn landscape(seed: u64, nth: usize, name: &str) -> String {
    let mut draw = Draw::new(seed, name);
    let (top, bottom, sun, hue) = LIGHTS[(seed as usize).wrapping_add(nth) % LIGHTS.len()];
    let id: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let (x, y) = (draw.between(90.0, 390.0), draw.between(70.0, 150.0));
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 320" role="img"><defs><linearGradient id="{id}" x2="0" y2="1"><stop stop-color="{top}"/><stop offset="1" stop-color="{bottom}"/></linearGradient></defs><rect width="480" height="320" fill="url(#{id})"/><circle cx="{x:.0}" cy="{y:.0}" r="70" fill="{sun}" opacity=".18"/><circle cx="{x:.0}" cy="{y:.0}" r="28" fill="{sun}" opacity=".92"/>"#
    );
    for ridge in 0..5 {
        let depth = f64::from(ridge) / 4.0;
        let base = 150.0 + 130.0 * depth;
        let rough = 62.0 - 34.0 * depth;
        let lightness = 62.0 - 48.0 * depth;
        let line = skyline(&mut draw, base, rough);
        // To a String, which cannot fail.
        let _ = write!(
            svg,
            r#"<path d="M0 {HEIGHT}{line}L{WIDTH} {HEIGHT}z" fill="hsl({hue:.0} {:.0}% {lightness:.0}%)"/>"#,
            34.0 - 10.0 * depth
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A line from left to right, made rough by moving middles, each time less.
fn skyline(draw: &mut Draw, base: f64, rough: f64) -> String {
    let mut heights = vec![draw.between(-rough, rough), draw.between(-rough, rough)];
    let mut reach = rough;
    for _ in 0..5 {
        reach *= 0.55;
        let middles = heights.windows(2).map(|pair| f64::midpoint(pair[0], pair[1]));
        let middles: Vec<f64> = middles.map(|it| it + draw.between(-reach, reach)).collect();
        let mut finer = Vec::with_capacity(heights.len() * 2);
        for (at, height) in heights.iter().enumerate() {
            finer.push(*height);
            finer.extend(middles.get(at));
        }
        heights = finer;
    }
    let step = WIDTH / (heights.len() - 1) as f64;
    let mut line = String::new();
    for (at, height) in heights.iter().enumerate() {
        // To a String, which cannot fail.
        let _ = write!(line, "L{:.0} {:.0}", step * at as f64, base + height);
    }
    line
}

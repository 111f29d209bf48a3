//! The figures as SVG: dots on a logarithmic scale, and lines over the number of daemons.

use crate::report::{Spread, begun, returned};
use crate::{Row, trace};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
/// Where names end and the scale begins.
const LEFT: f64 = 190.0;
const RIGHT: f64 = WIDTH - 60.0;
const LINE: f64 = 20.0;
const TOP: f64 = 52.0;

const OURS: &str = "#c2410c";
const FLOOR: &str = "#6b7280";
const OTHERS: &str = "#2563eb";

/// Names and texts of all plots that have something to show.
pub fn all(rows: &[Row]) -> Vec<(&'static str, String)> {
    let exact = |value: f64| Spread { low: value, median: value, high: value };
    let launchers = || rows.iter().filter(|row| row.peer.kind.returns() && !row.peer.kind.monitors());
    let monitors = || rows.iter().filter(|row| row.peer.kind.monitors());
    let micro = |spread: Spread| Spread { low: spread.low / 1e3, median: spread.median / 1e3, high: spread.high / 1e3 };
    let latency = launchers().filter_map(|row| Some((row, micro(returned(&row.one_processor)?))));
    let first = monitors().filter_map(|row| Some((row, micro(begun(&row.one_processor)?))));
    let size = rows.iter().filter_map(|row| Some((row, exact(trace::bytes(&row.calls.as_ref()?.files) as f64 / 1e3))));
    let kept = monitors().filter_map(|row| Some((row, exact(row.growth.last()?.one_more()))));
    let plots = [
        ("latency.svg", dots("Until the launcher has returned: µs, one CPU, median and 10 to 90 %", latency.collect())),
        (
            "monitors.svg",
            dots("Until the program of a monitor begins: µs, one CPU, median and 10 to 90 %", first.collect()),
        ),
        ("size.svg", dots("On disk, with every library: kB", size.collect())),
        ("memory.svg", dots("What one more monitor costs: private changed memory and page tables, kB", kept.collect())),
        ("growth.svg", lines("Starts a second while so many daemons live, one CPU", rows)),
    ];
    plots.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

fn colour(name: &str) -> &'static str {
    match name {
        _ if name.starts_with("dmz") => OURS,
        _ if name.starts_with("floor") => FLOOR,
        _ => OTHERS,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn open(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    )
}

/// A logarithmic scale from one place to another that holds all the values.
struct Scale {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn new(values: &[f64], from: f64, to: f64) -> Scale {
        let logs = || values.iter().map(|value| value.max(0.1).log10());
        let low = logs().fold(f64::INFINITY, f64::min).floor();
        let high = logs().fold(f64::NEG_INFINITY, f64::max).ceil().max(low + 1.0);
        Scale { from, to, low, high }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value.max(0.1).log10() - self.low) / (self.high - self.low)
    }

    /// The powers of ten on it, and their places.
    fn marks(&self) -> impl Iterator<Item = (f64, f64)> {
        (self.low as i32..=self.high as i32).map(|power| 10_f64.powi(power)).map(|value| (value, self.at(value)))
    }
}

fn short(value: f64) -> String {
    if value < 10.0 && value.fract() != 0.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn dots(title: &str, mut rows: Vec<(&Row, Spread)>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    rows.sort_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    let values: Vec<f64> = rows.iter().flat_map(|(_, spread)| [spread.low, spread.high]).collect();
    let scale = Scale::new(&values, LEFT, RIGHT);
    let bottom = TOP + LINE * rows.len() as f64;
    let mut text = open(title, bottom + 10.0);
    for (value, x) in scale.marks() {
        writeln!(text, "<path d=\"M{x:.1} {:.1}V{bottom:.1}\" stroke=\"#ddd\"/>", TOP - 8.0).unwrap();
        writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            TOP - 12.0,
            short(value)
        )
        .unwrap();
    }
    for (index, (row, spread)) in rows.iter().enumerate() {
        let (y, colour) = (TOP + LINE * (index as f64 + 0.5), colour(&row.peer.name));
        let [low, middle, high] = [spread.low, spread.median, spread.high].map(|value| scale.at(value));
        let name = escaped(&row.peer.name);
        writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>",
            LEFT - 10.0,
            y + 4.0
        )
        .unwrap();
        writeln!(text, "<path d=\"M{low:.1} {y:.1}H{high:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>").unwrap();
        writeln!(text, "<circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>").unwrap();
        writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#333\">{}</text>",
            high + 8.0,
            y + 4.0,
            short(spread.median)
        )
        .unwrap();
    }
    text.push_str("</svg>\n");
    Some(text)
}

/// A line for each peer; names stand at the right, moved apart.
fn lines(title: &str, rows: &[Row]) -> Option<String> {
    let rows: Vec<_> = rows.iter().filter(|row| row.growth.len() > 1).collect();
    let points: Vec<_> = rows.iter().flat_map(|row| &row.growth).collect();
    if points.is_empty() {
        return None;
    }
    let (left, right, bottom) = (60.0, WIDTH - 200.0, TOP + 400.0);
    let across = Scale::new(&points.iter().map(|step| step.count as f64).collect::<Vec<_>>(), left, right);
    let up = Scale::new(&points.iter().map(|step| step.rate).collect::<Vec<_>>(), bottom, TOP);
    let mut text = open(title, bottom + 30.0);
    for (value, x) in across.marks() {
        writeln!(text, "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>").unwrap();
        writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            bottom + 16.0,
            short(value)
        )
        .unwrap();
    }
    for (value, y) in up.marks() {
        writeln!(text, "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#ddd\"/>").unwrap();
        writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
            left - 6.0,
            y + 4.0,
            short(value)
        )
        .unwrap();
    }
    let mut ends: Vec<_> = rows.iter().map(|row| (up.at(row.growth.last().unwrap().rate), *row)).collect();
    ends.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut free = TOP;
    for (y, row) in ends {
        let colour = colour(&row.peer.name);
        let places: Vec<_> = row
            .growth
            .iter()
            .map(|step| format!("{:.1},{:.1}", across.at(step.count as f64), up.at(step.rate)))
            .collect();
        let width = if colour == OURS { 2.5 } else { 1.2 };
        writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            places.join(" ")
        )
        .unwrap();
        let name_at = free.max(y);
        free = name_at + 14.0;
        let x = across.at(row.growth.last().unwrap().count as f64);
        writeln!(
            text,
            "<path d=\"M{x:.1} {y:.1}L{:.1} {name_at:.1}\" stroke=\"{colour}\" stroke-width=\"0.5\"/>",
            right + 6.0
        )
        .unwrap();
        let name = escaped(&row.peer.name);
        writeln!(text, "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>", right + 10.0, name_at + 4.0)
            .unwrap();
    }
    text.push_str("</svg>\n");
    Some(text)
}

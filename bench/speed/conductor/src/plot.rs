//! The plot: processor time per message, each client a bar with its range.

use std::fmt::Write;

use crate::cases::{Transport, name};
use crate::clients::{EVENKEEL, RAW};
use crate::page::{Cells, short};
use crate::results::{Results, Run};

const WIDTH: f64 = 960.0;
const COLUMNS: usize = 2;
const PANEL: f64 = WIDTH / COLUMNS as f64;
const LABEL: f64 = 100.0;
const VALUE: f64 = 60.0;
const ROW: f64 = 18.0;
const TITLE: f64 = 34.0;
/// Above all panels, what the picture shows.
const HEAD: f64 = 68.0;
/// Below each panel, its axis.
const AXIS: f64 = 30.0;

/// What fits on a log scale: processor seconds per million.
const LEAST: f64 = 0.01;
const MOST: f64 = 200.0;

pub(crate) fn plot(results: &Results, cells: &Cells<'_>) -> String {
    let panels: Vec<String> = [false, true]
        .iter()
        .flat_map(|receives| (0..=2).map(|qos| name(*receives, qos, 100, 64, Transport::Tcp)))
        .collect();
    let height = TITLE + ROW * results.clients.len() as f64 + AXIS;
    let rows = panels.len().div_ceil(COLUMNS);
    let total = HEAD + height * rows as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let _ = writeln!(
        svg,
        "<text x=\"10\" y=\"20\" font-size=\"15\" font-weight=\"bold\">Processor seconds of the \
         client per million messages: shorter is better</text>\
         <text x=\"10\" y=\"40\" fill=\"#444444\">Bars end at the median; the thin line goes from the \
         least to the most of {} rounds. The scale is logarithmic.</text>\
         <text x=\"10\" y=\"56\" fill=\"#444444\">{RAW} is no client: it writes packets that were \
         encoded ahead, and looks at no more than it must.</text>",
        results.rounds
    );
    // Publishing on the left, receiving on the right.
    for (place, case) in panels.iter().enumerate() {
        let (column, row) = (place / rows, place % rows);
        let (x, y) = (column as f64 * PANEL, HEAD + row as f64 * height);
        panel(&mut svg, case, x, y, results, cells);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, case: &str, x: f64, y: f64, results: &Results, cells: &Cells<'_>) {
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{case}</text>",
        x + 10.0,
        y + 22.0
    );
    let start = x + LABEL;
    let scale = (PANEL - LABEL - VALUE) / (MOST / LEAST).ln();
    let at = |value: f64| start + (value.clamp(LEAST, MOST) / LEAST).ln() * scale;
    axis(svg, y + TITLE, ROW * results.clients.len() as f64, at);
    for (row, (client, _)) in results.clients.iter().enumerate() {
        let cell = cells.get(&(case, client.as_str()));
        let Some(cpu) = cell.and_then(|cell| cell.spread(Run::cpu_per_million)) else {
            missing(svg, client, start, y + TITLE + row as f64 * ROW + 12.0);
            continue;
        };
        let top = y + TITLE + row as f64 * ROW;
        let fill = match client.as_str() {
            EVENKEEL => "#0b6e4f",
            RAW => "#c9c9c9",
            _ => "#7a9cc6",
        };
        let middle = top + ROW / 2.0 - 1.0;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{client}</text>\
             <rect x=\"{start:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\
             <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\" stroke=\"#222222\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            start - 6.0,
            top + 12.0,
            at(cpu.median) - start,
            ROW - 4.0,
            at(cpu.least),
            at(cpu.most),
            at(cpu.most) + 6.0,
            top + 12.0,
            short(cpu.median)
        );
    }
}

/// A line and a number for each power of ten.
fn axis(svg: &mut String, top: f64, height: f64, at: impl Fn(f64) -> f64) {
    for (value, label) in [(0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100 s")]
    {
        let (x, bottom) = (at(value), top + height);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444444\">{label}</text>",
            bottom + 13.0
        );
    }
}

/// A client without a figure: the page says why.
fn missing(svg: &mut String, client: &str, start: f64, y: f64) {
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{client}</text>\
         <text x=\"{:.1}\" y=\"{y:.1}\" fill=\"#444444\">no figure: see the page</text>",
        start - 6.0,
        start + 4.0
    );
}

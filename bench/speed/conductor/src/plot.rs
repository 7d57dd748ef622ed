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

/// What fits on a log scale: processor seconds per million.
const LEAST: f64 = 0.01;
const MOST: f64 = 200.0;

pub(crate) fn plot(results: &Results, cells: &Cells<'_>) -> String {
    let panels: Vec<String> = [false, true]
        .iter()
        .flat_map(|receives| (0..=2).map(|qos| name(*receives, qos, 100, 64, Transport::Tcp)))
        .collect();
    let height = TITLE + ROW * results.clients.len() as f64 + 12.0;
    let rows = panels.len().div_ceil(COLUMNS);
    let total = height * rows as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    // Publishing on the left, receiving on the right.
    for (place, case) in panels.iter().enumerate() {
        let (column, row) = (place / rows, place % rows);
        let (x, y) = (column as f64 * PANEL, row as f64 * height);
        panel(&mut svg, case, x, y, results, cells);
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#444444\">processor seconds of the \
         client per million messages (logarithmic; line: least to most of {} rounds)</text>\n</svg>",
        WIDTH / 2.0,
        total - 10.0,
        results.rounds
    );
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
    for (row, (client, _)) in results.clients.iter().enumerate() {
        let cell = cells.get(&(case, client.as_str()));
        let Some(cpu) = cell.and_then(|cell| cell.spread(Run::cpu_per_million)) else { continue };
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

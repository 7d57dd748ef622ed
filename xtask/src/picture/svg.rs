//! Lines of a terminal as an SVG: text as text, in the colours of a light or a
//! dark page.

use std::fmt::Write as _;

use super::terminal::{Color, Line};

/// The least width of the terminal, in columns.
pub const COLUMNS: usize = 80;

// In pixels.
const COLUMN: f64 = 7.8;
const ROW: usize = 18;
const MARGIN: usize = 16;

const STYLE: &str = "\
  <style>
    text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; fill: #1f2328 }
    .page { fill: #f6f8fa; stroke: #d1d9e0 }
    .red { fill: #b3261e } .green { fill: #11692d } .yellow { fill: #7d4e00 } .cyan { fill: #0b5f73; font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .page { fill: #0d1117; stroke: #3d444d }
      .red { fill: #ff7b72 } .green { fill: #56d364 } .yellow { fill: #e3b341 } .cyan { fill: #56d4dd }
    }
  </style>
";

/// Draws the lines in a box that all of them fit into.
pub fn draw(title: &str, lines: &[Line]) -> String {
    let columns = lines.iter().map(Line::columns).max().unwrap_or(0).max(COLUMNS);
    let width = MARGIN * 2 + pixels(columns).ceil() as usize;
    let height = MARGIN * 2 + lines.len() * ROW;
    let title = escape(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n  <title>{title}</title>\n{STYLE}  \
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        width - 1,
        height - 1
    );
    for (row, line) in lines.iter().enumerate() {
        let baseline = MARGIN + row * ROW + 13;
        let mut column = 0;
        for span in &line.spans {
            // Blanks at the beginning are skipped: not every viewer keeps them.
            let blanks = span.text.chars().take_while(|c| *c == ' ').count();
            let text = span.text.trim();
            let length = text.chars().count();
            if length > 0 {
                let x = MARGIN as f64 + pixels(column + blanks);
                let _ = writeln!(
                    svg,
                    "  <text{} x=\"{x:.1}\" y=\"{baseline}\" textLength=\"{:.1}\" \
                     xml:space=\"preserve\">{}</text>",
                    class(span.color),
                    pixels(length),
                    escape(text)
                );
            }
            column += span.text.chars().count();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// `textLength` holds each text to this width, whatever font the viewer has.
fn pixels(columns: usize) -> f64 {
    columns as f64 * COLUMN
}

fn class(color: Option<Color>) -> &'static str {
    match color {
        None => "",
        Some(Color::Red) => " class=\"red\"",
        Some(Color::Green) => " class=\"green\"",
        Some(Color::Yellow) => " class=\"yellow\"",
        Some(Color::Cyan) => " class=\"cyan\"",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

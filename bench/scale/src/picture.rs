//! The picture: a panel for each group, both axes logarithmic, a line for each
//! series. Lower is better unless the panel's goal says "at least".

use std::fmt::Write;

use crate::figures::Figures;
use crate::group::{Bound, Group};
use crate::page::{count, short};

const COLUMNS: usize = 2;
const PANEL: (f64, f64) = (480.0, 270.0);
/// Room around the drawn area: left, right, top, bottom.
const LEFT: f64 = 48.0;
const RIGHT: f64 = 32.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 36.0;
/// A name of a series: two of them stand side by side.
const LEGEND: (f64, f64) = (205.0, 13.0);
const COLOURS: [&str; 5] = ["#0b6e4f", "#b5541c", "#3b5bab", "#8a3b8f", "#6b6b6b"];

pub(crate) fn picture(groups: &[&Group], figures: &Figures) -> String {
    let rows = groups.len().div_ceil(COLUMNS);
    let (width, height) = (PANEL.0 * COLUMNS as f64, PANEL.1 * rows as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (place, group) in groups.iter().enumerate() {
        let (column, row) = (place % COLUMNS, place / COLUMNS);
        let (x, y) = (column as f64 * PANEL.0, row as f64 * PANEL.1);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        panel(&mut svg, group, figures);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, group: &Group, figures: &Figures) {
    let better = match group.goals.first().map(|goal| &goal.bound) {
        Some(Bound::AtLeast(_)) => "higher is better",
        _ => "lower is better",
    };
    text(svg, (LEFT, 16.0), "start", "#000000", group.title);
    text(svg, (LEFT, 30.0), "start", "#444444", &format!("{}; {better}", group.unit));
    let points = || group.series.iter().flat_map(|one| one.points).map(|at| axis_value(*at));
    let values = || {
        let keys = group.series.iter().flat_map(|one| one.points.iter().map(|at| (one.name, *at)));
        keys.filter_map(|(name, at)| Some(figures.spread(group, name, at)?.median))
    };
    let across = Scale::over(points(), LEFT, PANEL.0 - RIGHT);
    let up = Scale::over(values().map(|value| value.max(1e-6)), PANEL.1 - BOTTOM, TOP).decade();
    grid(svg, group, &across, &up);
    for (place, series) in group.series.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let (column, row) = (place % 2, place / 2);
        let at = (LEFT + column as f64 * LEGEND.0, 46.0 + row as f64 * LEGEND.1);
        text(svg, at, "start", colour, series.name);
        let mut line = String::new();
        for point in series.points {
            let Some(one) = figures.spread(group, series.name, *point) else { continue };
            let (x, y) = (across.at(axis_value(*point)), up.at(one.median));
            let _ = write!(line, "{x:.1},{y:.1} ");
            let _ =
                writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
        }
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            line.trim_end()
        );
    }
}

/// A logarithmic axis has no zero: it stands before one.
fn axis_value(at: u64) -> f64 {
    (at as f64).max(0.5)
}

/// A line and a number at the ends of each axis, and at each power of ten
/// between them.
fn grid(svg: &mut String, group: &Group, across: &Scale, up: &Scale) {
    for value in up.ticks() {
        let y = up.at(value);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>",
            PANEL.0 - RIGHT
        );
        text(svg, (LEFT - 5.0, y + 4.0), "end", "#444444", &short(value));
    }
    for value in across.ticks() {
        let label = count(value as u64);
        text(svg, (across.at(value), PANEL.1 - BOTTOM + 15.0), "middle", "#444444", &label);
    }
    let middle = (LEFT + PANEL.0 - RIGHT) / 2.0;
    text(svg, (middle, PANEL.1 - BOTTOM + 29.0), "middle", "#444444", group.axis);
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, words: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
    );
}

/// A logarithmic axis.
struct Scale {
    least: f64,
    most: f64,
    start: f64,
    end: f64,
}

impl Scale {
    fn over(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let (least, most) =
            values.fold((f64::MAX, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)));
        let least = if least <= most { least } else { 1.0 };
        // Room for one value alone.
        Self { least, most: most.max(least * 1.01), start, end }
    }

    /// At least a power of ten, so that what hardly changes looks flat.
    fn decade(self) -> Self {
        let least = 10.0_f64.powf(self.least.log10().floor());
        Self { least, most: self.most.max(least * 10.0), ..self }
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value / self.least).ln() / (self.most / self.least).ln();
        self.start + part.clamp(0.0, 1.0) * (self.end - self.start)
    }

    fn ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.least];
        let mut power = 10.0_f64.powf(self.least.log10().ceil());
        // Labels of a tick beside an end would meet the end's.
        while power < self.most / 1.6 {
            if power > self.least * 1.6 {
                ticks.push(power);
            }
            power *= 10.0;
        }
        if self.most > self.least * 1.3 {
            ticks.push(self.most);
        }
        ticks
    }
}

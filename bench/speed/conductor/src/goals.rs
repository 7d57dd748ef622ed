//! The goals, held against what was measured in the same run.

use crate::cases::{Transport, name};
use crate::clients::{EVENKEEL, RAW, is_ours};
use crate::page::Cells;
use crate::results::{Run, Spread};

const KIB: usize = 1024;
const MIB: usize = 1 << 20;

/// One line of the table.
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) goal: String,
    pub(crate) measured: String,
    /// `None` if it was not measured.
    pub(crate) met: Option<bool>,
}

/// All goals, in the order of the issue that set them.
pub(crate) fn all(cells: &Cells<'_>) -> Vec<Goal> {
    let view = View { cells };
    let mut goals = publishing(&view);
    goals.extend(receiving(&view));
    goals.extend(large(&view));
    goals.extend(idle(&view));
    goals.extend(secure(&view));
    goals
}

struct View<'a> {
    cells: &'a Cells<'a>,
}

fn case(receives: bool, qos: u8, window: u16, size: usize) -> String {
    name(receives, qos, window, size, Transport::Tcp)
}

impl View<'_> {
    fn spread(&self, case: &str, client: &str, figure: impl Fn(&Run) -> f64) -> Option<Spread> {
        self.cells.get(&(case, client))?.spread(figure)
    }

    fn cpu(&self, case: &str, client: &str) -> Option<f64> {
        Some(self.spread(case, client, Run::cpu_per_million)?.median)
    }

    fn rate(&self, case: &str, client: &str) -> Option<f64> {
        Some(self.spread(case, client, Run::rate)?.median)
    }

    /// The best of the peers by a figure that is better when it is greater.
    fn best_peer(
        &self,
        case: &str,
        figure: impl Fn(&Run) -> f64,
        only_rust: bool,
    ) -> Option<(String, f64)> {
        let peers = self.cells.iter().filter(|((of, client), _)| {
            *of == case && !is_ours(client) && (!only_rust || is_rust(client))
        });
        let figures = peers.filter_map(|((_, client), cell)| {
            Some(((*client).to_owned(), cell.spread(&figure)?.median))
        });
        figures.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn is_rust(client: &str) -> bool {
    client.starts_with("rumqttc") || ["ntex-mqtt", "mqtt5", "gneiss-mqtt"].contains(&client)
}

fn at_most(what: String, unit: &str, limit: f64, measured: Option<f64>) -> Goal {
    Goal {
        what,
        goal: format!("at most {limit} {unit}"),
        measured: measured.map_or_else(|| "–".into(), |value| format!("{value:.3} {unit}")),
        met: measured.map(|value| value <= limit),
    }
}

/// A ratio of two figures, to be at least, or at most, the limit.
fn ratio(what: String, of: &str, limit: f64, least: bool, pair: Option<(f64, f64)>) -> Goal {
    let ratio = pair.map(|(ours, theirs)| ours / theirs);
    let word = if least { "at least" } else { "at most" };
    Goal {
        what,
        goal: format!("{word} {limit} x {of}"),
        measured: ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.2} x")),
        met: ratio.map(|ratio| if least { ratio >= limit } else { ratio <= limit }),
    }
}

fn publishing(view: &View<'_>) -> Vec<Goal> {
    let (q0, q1) = (case(false, 0, 100, 64), case(false, 1, 100, 64));
    let (wide, q2) = (case(false, 1, 10_000, 64), case(false, 2, 100, 64));
    let rates =
        |case: &str, of: &str, peer: &str| Some((view.rate(case, EVENKEEL)?, view.rate(of, peer)?));
    let cpus = |case: &str, peer: &str| Some((view.cpu(case, EVENKEEL)?, view.cpu(case, peer)?));
    vec![
        at_most(format!("{q0}: CPU"), "s/M", 0.10, view.cpu(&q0, EVENKEEL)),
        ratio(format!("{q0}: CPU"), "ntex-mqtt", 1.0, false, cpus(&q0, "ntex-mqtt")),
        ratio(format!("{q0}: CPU"), "raw", 2.0, false, cpus(&q0, RAW)),
        ratio(format!("{q0}: rate"), "rumqttc", 8.0, true, rates(&q0, &q0, "rumqttc")),
        at_most(format!("{q1}: CPU"), "s/M", 0.55, view.cpu(&q1, EVENKEEL)),
        ratio(format!("{q1}: CPU"), "raw", 1.5, false, cpus(&q1, RAW)),
        ratio(format!("{q1}: rate"), "raw", 0.7, true, rates(&q1, &q1, RAW)),
        ratio(format!("{wide}: rate"), "ntex-mqtt", 2.0, true, rates(&wide, &wide, "ntex-mqtt")),
        ratio(format!("{wide}: rate"), "window 100", 1.0, true, rates(&wide, &q1, EVENKEEL)),
        at_most(format!("{q2}: CPU"), "s/M", 1.0, view.cpu(&q2, EVENKEEL)),
    ]
}

fn receiving(view: &View<'_>) -> Vec<Goal> {
    let q0 = case(true, 0, 100, 64);
    let pair = view.cpu(&q0, EVENKEEL).zip(view.cpu(&q0, RAW));
    let mut goals = vec![ratio(format!("{q0}: CPU"), "raw", 8.0, false, pair)];
    for qos in 0..=2 {
        let case = case(true, qos, 100, 64);
        let pair = view.cpu(&case, EVENKEEL).zip(view.cpu(&case, "rumqttc"));
        goals.push(ratio(format!("{case}: CPU"), "rumqttc", 0.6, false, pair));
        goals.push(ahead(view, &case, false));
    }
    goals
}

/// Ahead of every peer in rate.
fn ahead(view: &View<'_>, case: &str, only_rust: bool) -> Goal {
    let best = view.best_peer(case, Run::rate, only_rust);
    let pair = view.rate(case, EVENKEEL).zip(best.as_ref().map(|(_, rate)| *rate));
    let of =
        best.map_or_else(|| "the best peer".into(), |(peer, _)| format!("the best peer, {peer}"));
    ratio(format!("{case}: rate"), &of, 1.0, true, pair)
}

fn large(view: &View<'_>) -> Vec<Goal> {
    let mut goals = Vec::new();
    let base = case(false, 0, 100, 64);
    let base = view.spread(&base, EVENKEEL, |run| run.rss as f64);
    for (receives, qos) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        let case = case(receives, qos, 100, MIB);
        let pair = view.cpu(&case, EVENKEEL).zip(view.cpu(&case, RAW));
        goals.push(ratio(format!("{case}: CPU"), "raw", 1.2, false, pair));
        let rss = view.spread(&case, EVENKEEL, |run| run.rss as f64);
        let payloads =
            rss.zip(base).map(|(rss, base)| (rss.median - base.median).max(0.0) / MIB as f64);
        goals.push(at_most(format!("{case}: memory beyond 64 B"), "payloads", 3.0, payloads));
    }
    goals
}

fn idle(view: &View<'_>) -> Vec<Goal> {
    let case = "10000 idle";
    let each = view.spread(case, EVENKEEL, |run| run.bytes_each / KIB as f64);
    let share = |client| Some(view.spread(case, client, |run| run.cpu_share)?.median);
    let fullest = view.spread(case, EVENKEEL, |run| run.pings_most / run.pings_mean);
    vec![
        at_most("10,000 idle: memory each".into(), "KiB", 2.5, each.map(|each| each.median)),
        ratio(
            "10,000 idle, keep-alive 5 s: CPU".into(),
            "raw",
            2.0,
            false,
            share(EVENKEEL).zip(share(RAW)),
        ),
        at_most(
            "10,000 idle: pings in the fullest 100 ms".into(),
            "x the mean",
            1.5,
            fullest.map(|fullest| fullest.median),
        ),
    ]
}

fn secure(view: &View<'_>) -> Vec<Goal> {
    let mut goals = Vec::new();
    for transport in [Transport::Tls, Transport::WebSocket] {
        for receives in [false, true] {
            for qos in [0, 1] {
                let case = name(receives, qos, 100, 64, transport);
                goals.push(ahead(view, &case, true));
            }
        }
    }
    goals
}

//! Several sources together: their clocks, and what they do not agree on, in words.

use std::time::Duration;

use evenkeel_doctor::{Doctor, Place, Side, Source, SourceId, TextId, Time};
use evenkeel_evidence::witness::{Alignment, Clocks, Comparison, Contrary, Difference, Unaligned};

use super::told::{Told, time};
use crate::plural::plural;

/// Clocks that are nearer than this are said to agree.
const AGREE: Duration = Duration::from_secs(1);

/// A whole number of hours, give or take this, is a matter of zones.
const NEAR: i64 = 2_000_000_000;

/// What all sources together show.
#[derive(Clone, Debug, Default)]
pub(super) struct Compared {
    pub(super) clocks: Vec<Clocks>,
    pub(super) differences: Vec<Differs>,
    pub(super) differences_left_out: usize,
    /// How many connections of which sources are not compared.
    pub(super) forgotten: Vec<(SourceId, usize)>,
}

/// What two sources do not agree on.
#[derive(Clone, Debug)]
pub(super) struct Differs {
    pub(super) client: String,
    pub(super) difference: Difference,
}

impl Compared {
    /// Tells the doctor whose connections are whose.
    pub(super) fn new(comparison: Comparison, doctor: &mut Doctor) -> Self {
        for (host, id) in &comparison.identified {
            doctor.identify(*host, *id);
        }
        let mut name = |id: TextId| doctor.texts().text(id).to_owned();
        let differences = (comparison.differences.into_iter())
            .map(|difference| Differs { client: name(difference.client), difference })
            .collect();
        let Comparison { clocks, differences_left_out, forgotten, .. } = comparison;
        Self { clocks, differences, differences_left_out, forgotten }
    }

    /// A time by the clock that all sources are compared with: that of the first
    /// source with which its own is aligned.
    pub(super) fn common(&self, source: SourceId, at: Time) -> Time {
        // Sources only lead to earlier ones.
        match self
            .reference(source)
            .and_then(|clocks| Some((clocks, clocks.aligned.as_ref().ok()?)))
        {
            Some((clocks, alignment)) => self.common(clocks.sources.0, alignment.back(at)),
            None => at,
        }
    }

    /// The source whose clock [`Compared::common`] has for this one.
    pub(super) fn root(&self, source: SourceId) -> SourceId {
        self.reference(source).map_or(source, |clocks| self.root(clocks.sources.0))
    }

    /// The first source with which the clock of this one is aligned.
    fn reference(&self, source: SourceId) -> Option<&Clocks> {
        self.clocks.iter().find(|it| it.sources.1 == source && it.aligned.is_ok())
    }

    /// The clocks that people are told of: each source beside one other.
    pub(super) fn told(&self) -> Vec<&Clocks> {
        let of = |it: &&Clocks| {
            let aligned = self.reference(it.sources.1);
            let first = self.clocks.iter().find(|other| other.sources.1 == it.sources.1);
            aligned.or(first).is_some_and(|shown| shown.sources == it.sources)
        };
        self.clocks.iter().filter(of).collect()
    }
}

/// How two clocks compare, as a sentence.
pub(super) fn clocks(told: &Told, clocks: &Clocks) -> String {
    let sources = told.source_of(clocks.sources.0).zip(told.source_of(clocks.sources.1));
    let Some((one, other)) = sources else { return String::new() };
    let (one_name, other_name) = (&one.name, &other.name);
    match &clocks.aligned {
        Ok(aligned) => {
            let seen = format!("by {} of {}", aligned.joined, plural(aligned.of, "connection"));
            let drift = drift(aligned.gains_nanos_per_second, other_name);
            if one.calendar == other.calendar {
                let coarsest = one.resolution.max(other.resolution);
                let offset = offset(aligned.ahead_nanos, coarsest, one_name, other_name);
                format!("{offset}{drift} ({seen})")
            } else {
                format!("{}{drift} ({seen})", began(aligned, one, other))
            }
        }
        Err(Unaligned::TooFew(matching)) => format!(
            "the clocks of {one_name} and {other_name} are not compared: {} in both, which is too few",
            match matching {
                0 => "no connection is".to_owned(),
                1 => "1 connection may be".to_owned(),
                more => format!("{more} connections may be"),
            }
        ),
        Err(Unaligned::TooRegular) => format!(
            "the clocks of {one_name} and {other_name} are not compared: connections come so \
             regularly that they match in several ways"
        ),
    }
}

/// How many connections of a source are not compared, as a sentence.
pub(super) fn forgotten(told: &Told, (source, count): (SourceId, usize)) -> String {
    let name = told.source_of(source).map_or("", |source| source.name.as_str());
    format!("{} of {name} not compared: too many, the oldest", plural(count, "connection"))
}

fn offset(ahead: i64, coarsest: Duration, one: &str, other: &str) -> String {
    let by = Duration::from_nanos(ahead.unsigned_abs());
    if by <= AGREE.max(coarsest) {
        let by = span(by.max(coarsest));
        return format!("the clocks of {one} and {other} agree within {by}");
    }
    let quarter = 900_000_000_000;
    let beside = ahead.rem_euclid(quarter).min(quarter - ahead.rem_euclid(quarter));
    let zone = beside <= NEAR && by <= Duration::from_secs(26 * 3600);
    let why = if zone { ", as if one of them had another time zone" } else { "" };
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    format!("the clock of {other} is {} {way} that of {one}{why}", span(by))
}

fn drift(gains: i64, other: &str) -> String {
    if gains == 0 {
        return String::new();
    }
    let hourly = Duration::from_nanos(gains.unsigned_abs().saturating_mul(3600));
    let way = if gains > 0 { "gains" } else { "loses" };
    format!("; that of {other} {way} {} an hour", span(hourly))
}

/// When a source without a calendar began, by one that has one.
fn began(aligned: &Alignment, one: &Source, other: &Source) -> String {
    let (dated, undated) = if one.calendar { (one, other) } else { (other, one) };
    let zero = if one.calendar { aligned.back(Time(0)) } else { Time(aligned.ahead_nanos) };
    let at = time(zero, true);
    format!("0 s of {} is {at} by the clock of {}", undated.name, dated.name)
}

/// Seconds with as many digits as tell something.
fn span(of: Duration) -> String {
    let seconds = of.as_secs_f64();
    match of.as_secs() {
        0 => format!("{:.0} ms", (seconds * 1000.0).max(1.0)),
        1..60 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// What two sources do not agree on, as a sentence that begins with the client.
pub(super) fn sentence(told: &Told, differs: &Differs) -> String {
    let client = if differs.client.is_empty() { "a client" } else { &differs.client };
    format!("{client}: {}", rest(told, &differs.difference))
}

fn rest(told: &Told, difference: &Difference) -> String {
    let name = |id: SourceId| told.source_of(id).map_or("", |source| source.name.as_str());
    let (one, other) = (name(difference.sources.0), name(difference.sources.1));
    let beside = |id: SourceId| if id == difference.sources.0 { other } else { one };
    let side = |side: Side| if side == Side::Client { "the client" } else { "the server" };
    let said = match difference.contrary {
        Contrary::KeepAlive(here, there) => {
            format!("it asks for a keep-alive of {here} s in {one}, of {there} s in {other}")
        }
        Contrary::LetIn(of) => {
            format!("{} says that the server let it in, {} that it refused", name(of), beside(of))
        }
        Contrary::EndedBy(here, there) => {
            let (here, there) = (side(here), side(there));
            format!(
                "{one} says that {here} ended its connection, {other} that {there} did: something \
                 between them may have done it"
            )
        }
        Contrary::EndedSooner(of, by) => format!(
            "its connection ended {} sooner in {} than in {}: the end did not get through",
            span(by),
            name(of),
            beside(of)
        ),
        Contrary::EndedFor(of, on) => format!(
            "its connection ended in {}; {} goes on for {} and shows no end of it",
            name(of),
            beside(of),
            span(on)
        ),
        Contrary::OnlyIn(of) => format!(
            "its connection is in {} and not in {}, which has others of it",
            name(of),
            beside(of)
        ),
    };
    match difference.times {
        1 => said,
        times => format!("{said} ({times} connections)"),
    }
}

/// Where each source shows it.
pub(super) fn places(difference: &Difference) -> impl Iterator<Item = (SourceId, Time, Place)> {
    let (one, other) = difference.sources;
    let at = |source: SourceId| move |(at, place): (Time, Place)| (source, at, place);
    let [here, there] = difference.places;
    here.map(at(one)).into_iter().chain(there.map(at(other)))
}

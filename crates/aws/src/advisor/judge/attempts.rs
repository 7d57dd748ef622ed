//! Cases about the distances between attempts.

use evenkeel_codec::PacketType;

use super::super::backoff::{FEWEST, Round, Shape};
use super::super::{Moment, Verdict};
use super::{Setting, times};

/// CONNECTs of a round whose last one is answered.
pub(super) const ROUND: usize = 6;

/// Two rounds of five CONNECTs without answer and one with.
pub(super) fn two_rounds(moments: &[Moment]) -> Verdict {
    let connects = times(PacketType::Connect, moments);
    let rounds: Vec<Round> = connects.chunks(ROUND).take(2).map(Round::of).collect();
    if connects.len() < 2 * ROUND {
        let count = connects.len();
        return Verdict::Fail(format!("{count} CONNECTs of {}, {}", 2 * ROUND, shown(&rounds)));
    }
    by_shape(&rounds)
}

/// Five CONNECTs without answer or more, whose distances grow.
pub(super) fn growing(moments: &[Moment]) -> Verdict {
    let connects = times(PacketType::Connect, moments);
    let round = Round::of(&connects);
    if connects.len() < ROUND - 1 {
        return Verdict::Fail(format!("{} CONNECTs of {}, {round}", connects.len(), ROUND - 1));
    }
    match round.shape {
        Some(Shape::Exponential | Shape::Jitter) if round.grows => Verdict::Pass(round.to_string()),
        Some(Shape::Jitter) => Verdict::Fail(format!("no growth, {round}")),
        _ => Verdict::Fail(round.to_string()),
    }
}

/// CONNECTs that the cases of reconnecting wait for.
pub(super) fn wanted(setting: &Setting) -> usize {
    setting.attempts.max(FEWEST) + 1
}

/// So many CONNECTs after the first. If the first connection had a life of its
/// own, that is part of the first distance, which then says nothing.
pub(super) fn reconnects(setting: &Setting, has_lived: bool, moments: &[Moment]) -> Verdict {
    let connects = times(PacketType::Connect, moments);
    let round = Round::of(connects.get(usize::from(has_lived)..).unwrap_or_default());
    let wanted = wanted(setting);
    if connects.len() < wanted {
        return Verdict::Fail(format!("{} CONNECTs of {wanted}, {round}", connects.len()));
    }
    by_shape(&[round])
}

/// The worst round counts.
fn by_shape(rounds: &[Round]) -> Verdict {
    let shown = shown(rounds);
    match rounds.iter().filter_map(|round| round.shape).min() {
        Some(Shape::Jitter) => Verdict::Pass(shown),
        Some(Shape::Exponential) => Verdict::Warn(shown),
        Some(Shape::Linear | Shape::Constant) | None => Verdict::Fail(shown),
    }
}

fn shown(rounds: &[Round]) -> String {
    let rounds: Vec<String> = rounds.iter().map(ToString::to_string).collect();
    rounds.join("; ")
}

//! Rates of PUBLISH that are lowered for a time, as acknowledgements were withheld (R17).

use evenkeel_proto::codec::{Packet, Version};
use evenkeel_proto::{Event, SetBy};

use super::*;

fn withholding(rates: &[(u32, Duration)]) -> Config {
    let mut config = publishing(Version::V311, rates);
    config.rates.withheld = true;
    config
}

fn in_force(rig: &Rig) -> Vec<(u32, SetBy)> {
    let rates = rig.client.limits().unwrap().rates.as_ref().unwrap();
    rates.publish.iter().map(|limit| (limit.amount, limit.set_by)).collect()
}

fn is_told(rig: &mut Rig) -> bool {
    let told = |event: &Event| matches!(event, Event::AcknowledgementsWithheld { .. });
    rig.take_events().iter().any(told)
}

/// The server answers the second of two messages alone, until the client has noticed.
fn pass_over_one(rig: &mut Rig) {
    for number in 0..2 {
        rig.publish("t", AtLeastOnce, number);
    }
    rig.advance(secs(3));
    let (_, later) = (rig.expect_publish(), rig.expect_publish());
    rig.send(&puback(later.packet_id.unwrap()));
    while !is_told(rig) {
        rig.advance(secs(1));
    }
}

/// The renewed connection comes, in a new session, and what was lost is answered.
fn renew(rig: &mut Rig) {
    while rig.client.limits().is_some() {
        rig.advance(secs(1));
    }
    rig.forget_wire();
    rig.accept_with(&accepted());
    rig.advance(secs(3));
    let again = rig.expect_publish();
    rig.send(&puback(again.packet_id.unwrap()));
}

#[test]
fn withheld_answers_halve_the_rates_of_the_next_connection_for_five_minutes() {
    let mut rig = Rig::online(withholding(&[(10, secs(1)), (401, secs(60))]));
    assert_eq!(in_force(&rig), [(10, SetBy::Client), (401, SetBy::Client)]);
    pass_over_one(&mut rig);
    let noticed = rig.now;
    let halved = [(5, SetBy::Withheld), (200, SetBy::Withheld)];
    renew(&mut rig);
    assert_eq!(rig.opens.len(), 2);
    assert_eq!(in_force(&rig), halved);
    rig.advance(secs(300) - rig.now.since(noticed) - MICRO);
    assert_eq!(in_force(&rig), halved);
    rig.advance(MICRO);
    assert_eq!(in_force(&rig), [(10, SetBy::Client), (401, SetBy::Client)]);
    assert_eq!(rig.opens.len(), 2, "within the connection");
}

/// What has passed without a connection counts as well.
#[test]
fn rates_rise_while_there_is_no_connection() {
    let mut rig = Rig::online(withholding(&[(10, secs(1))]));
    pass_over_one(&mut rig);
    rig.advance(secs(300));
    rig.await_open();
    rig.accept_with(&accepted());
    assert_eq!(in_force(&rig), [(10, SetBy::Client)]);
}

#[test]
fn rates_are_lowered_to_a_sixteenth_or_one_and_rise_in_steps() {
    for (amount, falling, rising) in [
        (100, [50, 25, 12, 6, 6], &[6, 12, 25, 50, 100][..]),
        (3, [1, 1, 1, 1, 1], &[1, 3]),
        (1, [1, 1, 1, 1, 1], &[1]),
    ] {
        let mut rig = Rig::online(withholding(&[(amount, secs(1))]));
        for lowered in falling {
            let is_first = rig.opens.len() == 1;
            pass_over_one(&mut rig);
            if !is_first {
                assert_eq!(in_force(&rig)[0].0, lowered, "at once, as a renewal has to wait");
            }
            renew(&mut rig);
            assert_eq!(in_force(&rig)[0].0, lowered);
        }
        let mut steps = vec![(rig.now, in_force(&rig)[0].0)];
        for _ in 0..6 * 60 {
            rig.advance(secs(60));
            let present = in_force(&rig)[0].0;
            if present != steps.last().unwrap().1 {
                steps.push((rig.now, present));
            }
        }
        assert!(!is_told(&mut rig));
        let amounts: Vec<_> = steps.iter().map(|step| step.1).collect();
        assert_eq!(amounts, rising);
        let risen = steps[1..].windows(2).map(|pair| pair[1].0.since(pair[0].0));
        assert!(risen.into_iter().all(|gap| gap == secs(3600)), "{steps:?}");
        assert_eq!(in_force(&rig), [(amount, SetBy::Client)]);
    }
}

/// P2, across the moments at which the rate changes.
#[test]
fn what_is_written_keeps_to_the_lowered_rate_and_never_breaks_the_whole_one() {
    let mut rig = Rig::online(withholding(&[(10, secs(1))]));
    for number in 0..6000 {
        rig.publish("t", AtLeastOnce, number);
    }
    let (mut withheld, mut noticed, mut renewed) = (None, None, false);
    for _ in 0..4000 {
        rig.advance(millis(100));
        if is_told(&mut rig) {
            noticed = Some(rig.now);
        }
        while let Some(packet) = rig.wire.pop_front() {
            if let Packet::Publish(publish) = packet {
                let id = publish.packet_id.unwrap();
                if renewed || *withheld.get_or_insert(id) != id {
                    rig.send(&puback(id));
                }
            }
        }
        if noticed.is_some() && !renewed && rig.opens.len() == 2 {
            renewed = true;
            rig.accept_with(&resumed());
            let wait = rig.client.waits_for_rate().unwrap();
            assert_eq!((wait.limit.amount, wait.limit.set_by), (5, SetBy::Withheld));
            let text = wait.to_string();
            assert!(text.starts_with("publish_rate of 5 in 1s (lowered for a time) is"), "{text}");
        }
    }
    assert!(renewed, "one renewed connection");
    let (sent, noticed) = (rig.published(), noticed.unwrap());
    assert!(most_in(secs(1), &sent) <= 10);
    let between = |from: Instant, until: Instant| -> Vec<Instant> {
        sent.iter().copied().filter(|at| (from..until).contains(at)).collect()
    };
    let raised = noticed + secs(300);
    let lowered = between(noticed, raised);
    assert!(most_in(secs(1), &lowered) <= 5);
    assert!((5 * 280..=5 * 300).contains(&lowered.len()), "{}", lowered.len());
    let after = between(raised, raised + secs(30));
    assert!((10 * 29..=10 * 30).contains(&after.len()), "{}", after.len());
}

#[test]
fn rates_are_not_lowered_without_withheld_answers() {
    let unaware = publishing(Version::V311, &[(10, secs(1))]);
    let mut newer = withholding(&[(10, secs(1))]);
    newer.version = Version::V5;
    for (config, answers_first) in
        [(unaware, false), (newer, false), (withholding(&[(10, secs(1))]), true)]
    {
        let mut rig = Rig::online(config);
        for _ in 0..10 {
            for number in 0..2 {
                rig.publish("t", AtLeastOnce, number);
            }
            rig.advance(secs(60));
            let ids = [rig.expect_publish(), rig.expect_publish()].map(|it| it.packet_id.unwrap());
            if answers_first {
                rig.send(&puback(ids[0]));
            }
            rig.send(&puback(ids[1]));
            rig.advance(secs(60));
            assert_eq!(in_force(&rig), [(10, SetBy::Client)]);
        }
        rig.cut();
        rig.await_open();
        rig.accept_with(&accepted());
        assert_eq!((in_force(&rig), is_told(&mut rig)), (vec![(10, SetBy::Client)], false));
    }
}

/// P2, where as many as possible go just before a rate rises and just after.
#[test]
fn a_rate_that_rises_brings_no_tokens_with_it() {
    let mut rig = Rig::online(withholding(&[(500, secs(1))]));
    pass_over_one(&mut rig);
    let noticed = rig.now;
    renew(&mut rig);
    rig.advance(secs(300) - rig.now.since(noticed) - MICRO);
    assert_eq!(in_force(&rig), [(250, SetBy::Withheld)]);
    let before = rig.published().len();
    for number in 0..6 {
        rig.publish("a", AtMostOnce, number);
    }
    assert!(rig.published().len() >= before + 5, "the lowered bucket is full");
    rig.advance(MICRO);
    assert_eq!(in_force(&rig), [(500, SetBy::Client)]);
    for number in 0..1000 {
        rig.publish("a", AtMostOnce, number);
    }
    rig.advance(secs(2));
    let most = most_in(secs(1), &rig.published()[before..]);
    assert!((480..=500).contains(&most), "{most}");
}

//! ID01: two programs use one client identifier.

use crate::rule::prelude::*;
use crate::texts::TextId;
use crate::track::{Swap, swaps, taken_over};

const SWAPS: Threshold = Threshold {
    name: "ID01.swaps",
    value: 3,
    reason: "a client that takes over its own dead connection does so once",
};
const SWAPS_TLS: Threshold = Threshold {
    name: "ID01.swaps_tls",
    value: 4,
    reason: "without identifiers a swap may be chance: one more is asked for",
};
const WITHIN: Threshold = Threshold {
    name: "ID01.within_ms",
    value: 1000,
    reason: "brokers close the old connection within this time; recorded: 35 ms at most",
};
const WINDOW: Threshold = Threshold {
    name: "ID01.window_s",
    value: 300,
    reason: "rivals with delays of a minute still show three swaps",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "ID01",
        slug: "client-id-conflict",
        severity: Severity::Error,
        vantages: Vantages { show: &Vantage::ALL, support: &[] },
        sees: "Two devices throw each other off: each works for a moment, then the other one.",
        why: "A broker keeps one connection for each client identifier. As the second program \
              connects with it, the broker closes the connection of the first, which reconnects, \
              and so on. Each end comes within a moment of the other's CONNECT. Brokers may say \
              why (MQTT 5: 0x8E), but often close without a word.",
        fix: "Give each program an identifier of its own, such as the serial number of its \
              device. The finding names the addresses between which the identifier alternates: \
              look there for the second program, also for a second copy of the same one.",
        raises: "The broker's log, or a capture in which both programs are seen.",
        explains: &[
            "RC01", "RC02", "RC03", "RC04", "RC05", "RC10", "RC11", "ID02", "ID06", "ID07", "NW03",
            "SV02", "KA12", "AU01", "AU02", "AU03", "RC06", "ID06",
        ],
        references: &["MQTT-3.1.4-3", "MQTT-3.1.4-2"],
        thresholds: &[SWAPS, SWAPS_TLS, WITHIN, WINDOW],
        ..Meta::EMPTY
    },
    on: &[On::Connect, On::End, On::Words, On::Disconnect],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    match view.source.vantage {
        Vantage::Plain | Vantage::BrokerLog => both_seen(view, hits),
        Vantage::Encrypted => under_tls(view, hits),
        Vantage::ClientLog | Vantage::ClientEvents => told(view, hits),
    }
}

/// The identifiers are seen, and so are both programs.
fn both_seen(view: &View<'_>, hits: &mut Hits) {
    if !view.may_have_swaps() || matches!(view.event, Some(event) if is_words(&event.what)) {
        return;
    }
    let open = view.open();
    let lives = view.lives(&open);
    let window = view.seconds(&WINDOW);
    let before = view.millis(&WITHIN).max(view.source.resolution * 2);
    let swaps: Vec<Swap<'_>> = swaps(&lives, before, view.source.vantage.is_wire())
        .into_iter()
        .filter(|swap| view.now.since(swap.at) <= window)
        .collect();
    let Some(newest) = swaps.last() else { return };
    // Only the connection of this moment tells something new.
    let moment = view.connection.and_then(|it| it.tcp.opened);
    if moment != newest.old.opened && moment != newest.new.opened {
        return;
    }
    let hosts = |swap: &Swap<'_>| (swap.old.client.host, swap.new.client.host);
    let (one, other) = hosts(newest);
    let across: Vec<&Swap<'_>> = swaps
        .iter()
        .filter(|swap| one != other && [(one, other), (other, one)].contains(&hosts(swap)))
        .collect();
    let both_ways = across.iter().any(|swap| hosts(swap) != (one, other));
    let enough = |n: usize| n as u64 >= view.number(&SWAPS);
    let (count, places) = if enough(across.len()) && both_ways {
        let places = format!("at {} and at {}", host(view, one), host(view, other));
        (across.len(), places)
    } else if enough(swaps.len()) && one == other && two_programs(&swaps) {
        (swaps.len(), format!("both at {}", host(view, one)))
    } else {
        return;
    };
    let since = swaps.first().map_or(Duration::ZERO, |first| newest.at.since(first.at));
    let sentence = format!(
        "it shares its identifier with another program: two of them, {places}, threw each other off \
         {count} times in {:.0} s",
        since.as_secs_f64(),
    );
    let mut hit = Hit::new(sentence).rounds(1);
    hit.proven = swaps.iter().any(|swap| taken_over(swap.old));
    for swap in swaps.iter().rev().take(3).rev() {
        hit = hit.at(swap.new.said.connect.or(swap.new.opened), "one connects");
        hit = hit.end(swap.old.end.as_ref(), "the other is closed");
    }
    hits.add(hit);
}

fn is_words(what: &What) -> bool {
    matches!(what, What::Words(_))
}

fn host<'a>(view: &View<'a>, host: TextId) -> &'a str {
    match view.texts.text(host) {
        "" => "an unknown address",
        text => text,
    }
}

/// At one address: two programs differ in what they say as they connect, or
/// their ports come from two ranges, and they take turns.
fn two_programs(swaps: &[Swap<'_>]) -> bool {
    let say =
        |round: &Round| (round.said.credentials_digest, round.said.keep_alive, round.said.version);
    if swaps.iter().all(|swap| say(swap.old) != say(swap.new)) {
        return true;
    }
    let ports = swaps.iter().map(|swap| (swap.old.client.port, swap.new.client.port));
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (n, (old, new)) in ports.enumerate() {
        let (one, other) = if n % 2 == 0 { (old, new) } else { (new, old) };
        up.push(one);
        down.push(other);
    }
    let apart = |low: &[u16], high: &[u16]| low.iter().max() < high.iter().min();
    let in_order = |ports: &[u16]| ports.is_sorted();
    (apart(&up, &down) || apart(&down, &up)) && in_order(&up) && in_order(&down)
}

/// Under TLS: two hosts take turns at one server.
fn under_tls(view: &View<'_>, hits: &mut Hits) {
    let (Some(round), Some(connection)) = (view.ended(), view.connection) else { return };
    let by_server = |by, goodbye: bool| by == Some(Side::Server) && !goodbye;
    let Some(end) = round.end.filter(|end| by_server(end.by, end.goodbye)) else { return };
    if connection.end != Some(end) || view.client.rounds.len() < 2 {
        return;
    }
    let within = view.millis(&WITHIN).max(view.slack());
    let window = view.seconds(&WINDOW);
    let (server, host_of) = (round.server.host, round.client.host);
    // Who began at this server just before an end?
    let beginner = |at: crate::Time, than: u32| {
        let all = view.all.beginnings.iter().rev().skip_while(move |it| it.at > at);
        let mut near = all.take_while(move |it| at.since(it.at) <= within);
        near.find(move |it| it.server == server && it.client != than)
    };
    let mine = |ending: &&crate::track::Ending| {
        ending.server == server && by_server(ending.by, ending.goodbye)
    };
    let endings = view.all.endings.iter().rev();
    let recent = endings.take_while(|ending| end.at.since(ending.at) <= window);
    let Some(me) = view.all.endings.last().map(|ending| ending.client) else { return };
    let Some(rival) = beginner(end.at, me).filter(|it| it.host != host_of) else { return };
    let turns: Vec<u32> = recent
        .filter(mine)
        .filter(|ending| ending.client == me || ending.client == rival.client)
        .take(32)
        .filter_map(|ending| {
            let other = if ending.client == me { rival.client } else { me };
            beginner(ending.at, ending.client)
                .is_some_and(|it| it.client == other)
                .then_some(ending.client)
        })
        .collect();
    let alternate = turns.iter().zip(turns.iter().skip(1)).all(|(one, next)| one != next);
    if turns.len() as u64 >= view.number(&SWAPS_TLS) && alternate {
        let sentence = format!(
            "it shares its identifier with {}, it seems: the server closed the one within a moment \
             of the other's beginning, {} times in turn",
            host(view, rival.host),
            turns.len(),
        );
        let hit = Hit::new(sentence).rounds(1);
        hits.add(hit.end(&end, "closed as the other host connected"));
    }
}

/// What a client is told. It cannot log the end of a connection that was dead.
fn told(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    let told = match event.what {
        What::Words(words) => words == Words::TakenOver,
        What::Packet { packet: PacketSeen::Disconnect(code), from: Side::Server, .. } => {
            code == 0x8E
        }
        _ => false,
    };
    if told {
        let text = "it shares its identifier with another program: the server says that another \
                    connection took its session over";
        hits.add(Hit::new(text).proven().event(event, "the session was taken over"));
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// Number n of a row of connections, one each second.
    fn begins(n: u32, host: u32) -> String {
        format!(
            "c{n} 0 open 127.0.0.{host}:{} 127.0.0.1:1883
             c{n} 0.01 > CONNECT id=pump
             c{n} 0.02 < CONNACK\n",
            5000 + n,
        )
    }

    /// Eight of them; `ends` is what happens to the one before.
    fn row(trace: Trace, begins: impl Fn(u32) -> String, ends: &str) -> Trace {
        (0..8).fold(trace, |trace, n| {
            let trace = trace.after(f64::from(n), &begins(n));
            match n {
                0 => trace,
                _ => trace.after(f64::from(n), &ends.replace("OLD", &format!("c{}", n - 1))),
            }
        })
    }

    fn in_turn(n: u32) -> String {
        begins(n, 2 + n % 2)
    }

    fn sealed_in_turn(n: u32) -> String {
        in_turn(n).replace("CONNECT id=pump", "sealed").replace("CONNACK", "sealed")
    }

    #[test]
    fn true_two_addresses() {
        let finding = row(Trace::plain(), in_turn, "OLD 0.03 < fin").finds("ID01");
        assert_eq!(finding.confidence, Confidence::Shown);
        assert!(finding.sentence.contains("127.0.0.2") && finding.sentence.contains("127.0.0.3"));
        assert!(finding.sentence.contains("7 times"), "{}", finding.sentence);
    }

    #[test]
    fn true_in_a_broker_log() {
        let ends = "OLD 0.03 words taken-over\nOLD 0.03 < closed";
        let trace = row(Trace::of(Vantage::BrokerLog), in_turn, ends);
        trace.finds_at_least("ID01", Confidence::Proven);
    }

    #[test]
    fn true_at_one_address_with_two_programs() {
        let two = |n: u32| begins(n, 2).replace("pump", &format!("pump k={}", 30 + n % 2));
        row(Trace::plain(), two, "OLD 0.03 < fin").finds_at_least("ID01", Confidence::Shown);
    }

    #[test]
    fn true_told_to_the_client() {
        for vantage in [Vantage::ClientLog, Vantage::ClientEvents] {
            let lines = "c1 0 open a b\nc1 0.1 > CONNECT id=pump v=5\nc1 0.2 < CONNACK v5
                c1 5 < DISCONNECT code=142\nc1 5.1 < closed";
            Trace::of(vantage).lines(lines).finds_at_least("ID01", Confidence::Proven);
        }
    }

    #[test]
    fn true_under_tls() {
        let finding = row(Trace::encrypted(), sealed_in_turn, "OLD 0.03 < fin").finds("ID01");
        assert_eq!(finding.confidence, Confidence::Inferred);
    }

    #[test]
    fn alike_one_device_roams() {
        // Many networks, but each of them once.
        row(Trace::plain(), |n| begins(n, 2 + n), "OLD 0.03 < fin").does_not_find("ID01");
    }

    #[test]
    fn alike_always_the_same_way() {
        // From WiFi to mobile again and again; the way back it closes itself.
        let trace = (0..8).fold(Trace::plain(), |trace, n| {
            let trace = trace.after(f64::from(n), &in_turn(n));
            let old = format!("c{}", n.max(1) - 1);
            match n {
                0 => trace,
                _ if n % 2 == 1 => trace.after(f64::from(n), &format!("{old} 0.03 < fin")),
                _ => trace.after(f64::from(n), &format!("{old} 0.03 > fin")),
            }
        });
        trace.does_not_find("ID01");
    }

    #[test]
    fn alike_a_client_takes_over_its_own_dead_connection() {
        let trace = Trace::plain().after(0.0, &begins(0, 2)).after(60.0, &begins(1, 2));
        trace.after(60.0, "c0 0.03 < fin").does_not_find("ID01");
    }

    #[test]
    fn alike_two_hosts_that_end_on_their_own() {
        row(Trace::plain(), in_turn, "OLD 0.005 > fin").does_not_find("ID01");
        row(Trace::encrypted(), sealed_in_turn, "OLD 0.03 > fin").does_not_find("ID01");
    }
}

//! Time is virtual here: tokio's paused clock jumps to the next timer.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{LATE, Order, interleave, race};

const DELAY: Duration = Duration::from_millis(250);

fn v4(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 1883))
}

fn v6(last: u16) -> SocketAddr {
    SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 1883))
}

/// How a simulated address takes a connection.
#[derive(Clone, Copy)]
enum Answer {
    Connects(u64),
    Refuses(u64),
    Never,
}

/// Races addresses that answer as told, each after its milliseconds. Returns the winner or the
/// losers, the time it took, and when each attempt started, in milliseconds.
async fn simulate(
    answers: &[(SocketAddr, Answer)],
) -> (Result<SocketAddr, Vec<SocketAddr>>, u128, Vec<(SocketAddr, u128)>) {
    simulate_with(answers, &[]).await
}

/// The same with addresses that are to come last.
async fn simulate_with(
    answers: &[(SocketAddr, Answer)],
    late: &[SocketAddr],
) -> (Result<SocketAddr, Vec<SocketAddr>>, u128, Vec<(SocketAddr, u128)>) {
    let begin = Instant::now();
    let starts = RefCell::new(Vec::new());
    let attempt = |address| {
        starts.borrow_mut().push((address, begin.elapsed().as_millis()));
        let answer = answers.iter().find(|(known, _)| *known == address).unwrap().1;
        async move {
            match answer {
                Answer::Connects(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Ok(address)
                }
                Answer::Refuses(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Err(io::ErrorKind::ConnectionRefused.into())
                }
                Answer::Never => std::future::pending().await,
            }
        }
    };
    let first = answers.iter().map(|(address, _)| *address).filter(|known| !late.contains(known));
    let addresses = Order { first: first.collect(), last: late.to_vec() };
    let result = race(&addresses, DELAY, attempt).await;
    let losers = |failed: Vec<super::FailedAttempt>| failed.iter().map(|f| f.address).collect();
    (result.map_err(losers), begin.elapsed().as_millis(), starts.into_inner())
}

#[test]
fn families_take_turns() {
    let (a, b, c) = (v4(1), v4(2), v4(3));
    let (x, y) = (v6(1), v6(2));
    for (resolved, ordered) in [
        (vec![], vec![]),
        (vec![a], vec![a]),
        (vec![a, b, x, y], vec![a, x, b, y]),
        (vec![x, a, b, c], vec![x, a, b, c]),
        (vec![x, y, a], vec![x, a, y]),
        (vec![a, b, a, x, b], vec![a, x, b]),
    ] {
        assert_eq!(interleave(resolved), ordered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_address_costs_only_the_delay() {
    let answers = [(v6(1), Answer::Never), (v4(1), Answer::Connects(10))];
    let (result, took, starts) = simulate(&answers).await;
    assert_eq!(result, Ok(v4(1)));
    assert_eq!(took, 260);
    assert_eq!(starts, [(v6(1), 0), (v4(1), 250)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_starts_the_next_at_once() {
    let answers =
        [(v6(1), Answer::Refuses(5)), (v4(1), Answer::Refuses(5)), (v6(2), Answer::Connects(5))];
    let (result, took, starts) = simulate(&answers).await;
    assert_eq!(result, Ok(v6(2)));
    assert_eq!(took, 15);
    assert_eq!(starts, [(v6(1), 0), (v4(1), 5), (v6(2), 10)]);
}

#[tokio::test(start_paused = true)]
async fn the_next_waits_while_the_delay_runs() {
    let answers = [(v6(1), Answer::Connects(249)), (v4(1), Answer::Connects(0))];
    let (result, took, starts) = simulate(&answers).await;
    assert_eq!((result, took), (Ok(v6(1)), 249));
    assert_eq!(starts, [(v6(1), 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_first_connection_wins_whoever_started_first() {
    let answers = [(v6(1), Answer::Connects(300)), (v4(1), Answer::Connects(100))];
    assert_eq!(simulate(&answers).await.0, Ok(v6(1)));
    let answers = [(v6(1), Answer::Connects(400)), (v4(1), Answer::Connects(100))];
    assert_eq!(simulate(&answers).await.0, Ok(v4(1)));
}

#[tokio::test(start_paused = true)]
async fn every_failed_address_is_in_the_error() {
    let answers =
        [(v6(1), Answer::Refuses(900)), (v4(1), Answer::Refuses(10)), (v6(2), Answer::Refuses(10))];
    let (result, took, _) = simulate(&answers).await;
    assert_eq!(result, Err(vec![v4(1), v6(2), v6(1)]));
    assert_eq!(took, 900);
}

#[tokio::test(start_paused = true)]
async fn the_losers_are_dropped() {
    struct Guard<'a>(&'a Cell<u32>);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Cell::new(0);
    let attempt = |address: SocketAddr| {
        let guard = Guard(&dropped);
        async move {
            let _guard = guard;
            if address.is_ipv6() { std::future::pending().await } else { Ok(address) }
        }
    };
    let addresses = Order { first: vec![v6(1), v6(2), v4(1)], last: vec![] };
    let winner = race(&addresses, DELAY, attempt).await;
    assert_eq!(winner, Ok(v4(1)));
    assert_eq!(dropped.get(), 3);
}

/// One that is no good above TCP may be the fastest to take it.
#[tokio::test(start_paused = true)]
async fn what_failed_recently_lets_the_others_go_first() {
    let answers = [(v4(1), Answer::Connects(1)), (v4(2), Answer::Connects(2000))];
    let (result, took, starts) = simulate_with(&answers, &[v4(1)]).await;
    assert_eq!((result, took), (Ok(v4(2)), 2000));
    assert_eq!(starts, [(v4(2), 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_failed_recently_joins_once_the_others_have_failed_or_take_too_long() {
    let answers = [(v4(1), Answer::Connects(1)), (v4(2), Answer::Refuses(700))];
    let (result, took, starts) = simulate_with(&answers, &[v4(1)]).await;
    assert_eq!((result, took), (Ok(v4(1)), 701));
    assert_eq!(starts, [(v4(2), 0), (v4(1), 700)]);
    let answers = [(v4(1), Answer::Connects(1)), (v4(2), Answer::Never), (v4(3), Answer::Never)];
    let (result, took, starts) = simulate_with(&answers, &[v4(1)]).await;
    let late = 250 + LATE.as_millis();
    assert_eq!((result, took), (Ok(v4(1)), late + 1));
    assert_eq!(starts, [(v4(2), 0), (v4(3), 250), (v4(1), late)]);
    let answers =
        [(v4(1), Answer::Connects(1)), (v4(2), Answer::Never), (v4(3), Answer::Refuses(9))];
    let (result, _, starts) = simulate_with(&answers, &[v4(1)]).await;
    assert_eq!(result, Ok(v4(1)));
    assert_eq!(starts[2], (v4(1), 259 + LATE.as_millis()), "one of them may still connect");
}

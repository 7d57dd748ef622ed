//! Random worlds of a fixed list of seeds.

use sim::plan::Plan;

/// Runs the worlds of these seeds; none may break a law.
#[track_caller]
fn explore(seeds: impl Iterator<Item = u64>) {
    run(seeds.map(Plan::of));
}

/// The same for worlds in which clients have stores, and processes end.
#[track_caller]
fn explore_with_stores(seeds: impl Iterator<Item = u64>) {
    run(seeds.map(Plan::durable));
}

#[track_caller]
fn run(plans: impl Iterator<Item = Plan>) {
    let broken: Vec<String> = plans
        .filter_map(|plan| {
            let violation = sim::run(&plan.setup()).violation?;
            let (seed, durable) = (plan.seed, if plan.is_durable { "--durable " } else { "" });
            Some(format!("seed {seed}: {violation}\n  cargo run -p sim -- {durable}--seed {seed}"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

// In parts, so that they run side by side.
#[test]
fn seeds_1_to_150_keep_all_laws() {
    explore(1..=150);
}

#[test]
fn seeds_151_to_300_keep_all_laws() {
    explore(151..=300);
}

#[test]
fn seeds_301_to_450_keep_all_laws() {
    explore(301..=450);
}

#[test]
fn seeds_451_to_600_keep_all_laws() {
    explore(451..=600);
}

#[test]
fn seeds_1_to_200_keep_all_laws_with_stores() {
    explore_with_stores(1..=200);
}

#[test]
fn seeds_201_to_400_keep_all_laws_with_stores() {
    explore_with_stores(201..=400);
}

/// From 100,000 on the first pings of connections are spread.
#[test]
fn seeds_from_100_000_keep_all_laws() {
    explore(100_000..100_150);
}

#[test]
fn seeds_from_100_000_keep_all_laws_with_stores() {
    explore_with_stores(100_000..100_150);
}

/// From 300,000 on some applications have streams with topics in common.
#[test]
fn seeds_from_300_000_keep_all_laws() {
    explore(300_000..300_150);
}

/// Worlds that were found to break a law, by the client or in the eyes of an oracle.
#[test]
fn worlds_that_broke_a_law_keep_all_laws() {
    let durable = [
        20101, 21127, 40425, 60128, 61032, 70570, 70630, 72065, 72305, 72629, 73448, 73707, 73709,
        74010, 74290, 74397, 75827, 77959, 78388, 79370, 79405, 79716, 201039, 201273, 202097,
        202777, 210488, 213185, 213321, 215085, 215853, 218086, 220076, 220692, 230826,
    ];
    explore_with_stores(durable.into_iter());
    explore([200049, 301621].into_iter());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for plan in [Plan::of, Plan::durable] {
        for seed in 1..=20 {
            let once = sim::run(&plan(seed).setup());
            let twice = sim::run(&plan(seed).setup());
            assert!(once.events > 0, "seed {seed}");
            assert_eq!((once.hash, once.steps), (twice.hash, twice.steps), "seed {seed}");
            let other = sim::run(&plan(seed + 1).setup());
            assert_ne!(once.hash, other.hash, "seed {seed}");
        }
    }
}

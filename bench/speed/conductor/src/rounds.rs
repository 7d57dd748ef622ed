//! Every client in every case, in turns, round by round.

use std::time::{Duration, Instant};

use crate::cases::{Case, Group};
use crate::clients::Client;
use crate::measure::Measure;
use crate::options::Options;
use crate::results::{Cell, Results};

/// Seconds that all rounds of one client in one throughput case may take: one
/// that is hopelessly slow gets fewer rounds than the others.
const BUDGET: f64 = 10.0;

/// Measures what `results` do not hold yet, and saves them case by case.
pub(crate) fn all(
    options: &Options,
    clients: &[Client],
    earlier: Option<&Results>,
    results: &mut Results,
) -> Result<(), String> {
    let file = options.out.join("results.json");
    results.save(&file)?;
    let cases = crate::cases::all(options);
    let known: Vec<&Results> = earlier.into_iter().chain([&*results]).collect();
    let mut measure = Measure::new(options, &known);
    let begun = Instant::now();
    for round in 0..options.rounds {
        for case in &cases {
            let left = left(options, clients, &cases, earlier, results);
            let times = format!("{}, {} left:", minutes(begun.elapsed()), minutes(left));
            // Another order in each round, so that no client always follows the same one.
            for turn in 0..clients.len() {
                let client = &clients[(turn + round) % clients.len()];
                if !is_due(results.find(&client.name, &case.name), client, case, round) {
                    continue;
                }
                eprint!("{times} {} {:36} {:12} ", round + 1, case.name, client.name);
                one(&mut measure, results.cell(&client.name, &case.name), client, case);
            }
            results.save(&file)?;
        }
        results.rounds = round + 1;
        results.save(&file)?;
    }
    eprintln!("measured in {}", minutes(begun.elapsed()));
    Ok(())
}

/// True if this client is to run this case in this round.
fn is_due(cell: Option<&Cell>, client: &Client, case: &Case, round: usize) -> bool {
    let Some(cell) = cell else { return client.takes(case) };
    // What has failed twice will not succeed, nor what failed at first.
    let hopeless = cell.failures.len() > 1 || (cell.tries() > 0 && cell.runs.is_empty());
    let slow = case.is_throughput() && cell.spent + cell.expected().unwrap_or(0.0) > BUDGET;
    cell.tries() <= round && round < case.rounds(client) && !hopeless && !slow
}

fn one(measure: &mut Measure, cell: &mut Cell, client: &Client, case: &Case) {
    let begun = Instant::now();
    match measure.run(client, case) {
        Ok(run) => {
            eprintln!("{run}");
            cell.runs.push(run);
        }
        Err(why) => {
            eprintln!("failed: {why}");
            cell.failures.push(why);
        }
    }
    cell.spent += begun.elapsed().as_secs_f64();
}

/// How long the rest will take, by what each cell took so far, or in earlier results.
fn left(
    options: &Options,
    clients: &[Client],
    cases: &[Case],
    earlier: Option<&Results>,
    results: &Results,
) -> Duration {
    let mut seconds = 0.0;
    for case in cases {
        for client in clients {
            let now = results.find(&client.name, &case.name);
            let before = earlier.and_then(|before| before.find(&client.name, &case.name));
            let each = now.and_then(Cell::expected).or(before.and_then(Cell::expected));
            let done = now.map_or(0, Cell::tries);
            let rounds = done..options.rounds.min(case.rounds(client));
            let due = rounds.filter(|round| is_due(now, client, case, *round)).count();
            let each = each.unwrap_or(guess(case.group));
            let most = if case.is_throughput() { BUDGET } else { f64::INFINITY };
            seconds += (due as f64 * each).min(most);
        }
    }
    Duration::from_secs_f64(seconds)
}

/// Seconds of a run that was never done.
const fn guess(group: Group) -> f64 {
    match group {
        Group::Idle => 20.0,
        Group::Latency => 3.0,
        _ => 0.5,
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

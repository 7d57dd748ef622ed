//! Runs MQTT clients against the development broker's faults and judges them by
//! the broker's own record. Called by `bench/torture/run`; see the README there.

mod adapter;
mod clients;
mod measure;
mod report;
mod scenario;
mod scenarios;
mod stage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use clients::{CLIENTS, Client, Places};
use measure::Measure;
use report::{Cells, Report};
use scenario::Scenario;
use stage::{Failure, Lag};

/// A cell in which this program's own timers were later than this is run again.
const LAG_MAX: Duration = Duration::from_millis(250);

/// How often a cell is run at most.
const TRIES: u32 = 3;

struct Options {
    places: Places,
    commit: String,
    date: String,
    jobs: usize,
    scenarios: Vec<&'static Scenario>,
    clients: Vec<&'static Client>,
    /// Where the report goes; nowhere for a partial run.
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse()?;
    let cells = run_all(&options).await;
    let report = Report { scenarios: &options.scenarios, clients: &options.clients, cells: &cells };
    let notes = notes(&options.places)?;
    let page = page(&options, &report, &notes);
    println!("{}", report.overview());
    match &options.write {
        Some(path) => std::fs::write(path, page)?,
        None => println!("{}", report.sections(&BTreeMap::new())),
    }
    let expected = options.scenarios.len() * options.clients.len();
    if cells.len() < expected {
        return Err(
            format!("{} of {expected} cells have no figures", expected - cells.len()).into()
        );
    }
    Ok(())
}

/// All cells, a few at a time, the clients of one scenario side by side.
async fn run_all(options: &Options) -> Cells {
    let lag = Lag::default();
    tokio::spawn(lag.clone().watch());
    let room = Arc::new(Semaphore::new(options.jobs));
    let mut running = JoinSet::new();
    for (row, scenario) in options.scenarios.iter().copied().enumerate() {
        for (column, client) in options.clients.iter().copied().enumerate() {
            let (places, lag) = (options.places.clone(), lag.clone());
            let place = room.clone().acquire_owned().await;
            running.spawn(async move {
                let _place = place;
                ((row, column), run_one(scenario, client, &places, &lag).await)
            });
        }
    }
    let mut cells = Cells::new();
    while let Some(done) = running.join_next().await {
        match done {
            Ok((place, Some(measure))) => drop(cells.insert(place, measure)),
            Ok((_, None)) => {}
            Err(error) => eprintln!("a cell broke: {error}"),
        }
    }
    cells
}

async fn run_one(
    scenario: &Scenario,
    client: &Client,
    places: &Places,
    lag: &Lag,
) -> Option<Measure> {
    for attempt in 1..=TRIES {
        match stage::play(scenario, client, places, lag).await {
            Ok(measure) if measure.lag <= LAG_MAX || attempt == TRIES => {
                let verdict = (scenario.judge)(&measure);
                eprintln!(
                    "{:24} {:18} {:8} {:4} connects, lag {:?}{}",
                    scenario.name,
                    client.name,
                    verdict.word(),
                    measure.connects.len(),
                    measure.lag,
                    tail(&measure),
                );
                return Some(measure);
            }
            Ok(measure) => eprintln!(
                "{} {}: timers were {:?} late; again",
                scenario.name, client.name, measure.lag
            ),
            Err(error) => eprintln!("{} {}: {error}", scenario.name, client.name),
        }
    }
    None
}

/// What a person wants to know first when a cell looks odd.
fn tail(measure: &Measure) -> String {
    let words = measure.told.last_words.trim();
    if words.is_empty() { String::new() } else { format!(", last: {words}") }
}

impl Options {
    fn parse() -> Result<Self, Failure> {
        let mut values = BTreeMap::new();
        let mut args = std::env::args().skip(1);
        while let Some(key) = args.next() {
            let value = args.next().ok_or_else(|| format!("{key} needs a value"))?;
            values.insert(key, value);
        }
        let mut take = |key: &str| values.remove(key);
        let wanted = |list: Option<String>| {
            list.map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>())
        };
        let (only, from) = (wanted(take("--only")), wanted(take("--clients")));
        let fits = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|it| it == name))
        };
        let mut need = |key: &str| take(key).ok_or_else(|| format!("{key} is missing"));
        let places = Places {
            home: need("--home")?.into(),
            programs: need("--programs")?.into(),
            modules: need("--modules")?.into(),
            python: need("--python")?.into(),
        };
        let options = Self {
            places,
            commit: need("--commit")?,
            date: need("--date")?,
            jobs: take("--jobs").map_or(Ok(16), |jobs| jobs.parse())?,
            scenarios: scenarios::all().filter(|it| fits(&only, it.name)).collect(),
            clients: CLIENTS.iter().filter(|it| fits(&from, it.key)).collect(),
            write: take("--write").map(PathBuf::from),
        };
        let partial = only.is_some() || from.is_some();
        if let Some(key) = values.keys().next() {
            return Err(format!("{key} is unknown").into());
        }
        if options.scenarios.is_empty() || options.clients.is_empty() {
            return Err("no such scenario or client; see scenarios/ and clients.rs".into());
        }
        if partial && options.write.is_some() {
            return Err("only a whole run may write the report".into());
        }
        Ok(options)
    }
}

/// Notes written by hand: in notes.md, a heading for each scenario.
fn notes(places: &Places) -> Result<BTreeMap<String, String>, Failure> {
    let text = std::fs::read_to_string(places.home.join("notes.md"))?;
    let sections = text.split("\n## ").skip(1);
    Ok(sections
        .filter_map(|section| section.split_once('\n'))
        .map(|(name, note)| (name.trim().to_owned(), note.to_owned()))
        .collect())
}

fn page(options: &Options, report: &Report<'_>, notes: &BTreeMap<String, String>) -> String {
    let template = include_str!("page.md");
    let clients: String = (options.clients.iter())
        .map(|client| {
            let version = client.version(&options.places.home, &options.commit);
            format!("| {} | {version} | {} |\n", client.name, client.settings)
        })
        .collect();
    template
        .replace("{date}", &options.date)
        .replace("{clients}", &clients)
        .replace("{storm}", &stage::STORM.to_string())
        .replace("{overview}", &report.overview())
        .replace("{sections}", report.sections(notes).trim_end())
}

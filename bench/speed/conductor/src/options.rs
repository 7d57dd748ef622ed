//! The command line.

use std::path::PathBuf;

use crate::cases::Group;

const HELP: &str = "\
Options (each with its value as the next argument):
  --programs DIR    the compiled programs
  --home DIR        bench/speed itself
  --modules DIR     where client.mjs and its node_modules are
  --python FILE     the Python with paho-mqtt
  --out DIR         where results.json, performance.md and performance.svg go
  --rounds N        rounds of everything; 5
  --seconds S       processor time that a run of a throughput case shall take; 0.1
  --resume yes      goes on with the results.json in --out, of a run that was cut off
  --groups A,B      some of: publish, receive, large, secure, latency, start, idle, build
  --clients A,B     some clients
  --cases TEXT      only cases whose name holds this
  --note TEXT       what else is to be known about the machine, for the page
  --command TEXT    how this was called, for the page
  --commit TEXT     the commit of Evenkeel, for the page
  --report FILE     measures nothing; writes the page and plot from these results";

pub(crate) struct Options {
    pub(crate) programs: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) modules: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) resume: bool,
    groups: Option<Vec<String>>,
    pub(crate) clients: Option<Vec<String>>,
    pub(crate) cases: String,
    pub(crate) note: String,
    pub(crate) command: String,
    pub(crate) commit: String,
    pub(crate) report: Option<PathBuf>,
}

impl Options {
    pub(crate) fn from_args() -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        if args.iter().any(|arg| arg == "--help") {
            println!("{HELP}");
            std::process::exit(0);
        }
        if let Some(unknown) = args.chunks(2).map(|pair| &pair[0]).find(|key| !HELP.contains(*key))
        {
            eprintln!("unknown option {unknown}\n{HELP}");
            std::process::exit(2);
        }
        let value = |key: &str| {
            let pairs = args.chunks_exact(2).filter(|pair| pair[0] == key);
            pairs.map(|pair| pair[1].clone()).next_back()
        };
        let path = |key: &str| PathBuf::from(value(key).unwrap_or_else(|| ".".into()));
        let list = |key: &str| {
            value(key).map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>())
        };
        Self {
            programs: path("--programs"),
            home: path("--home"),
            modules: path("--modules"),
            python: path("--python"),
            out: path("--out"),
            rounds: value("--rounds").map_or(5, |value| number("--rounds", &value)),
            seconds: value("--seconds").map_or(0.1, |value| number("--seconds", &value)),
            resume: value("--resume").is_some_and(|value| value == "yes"),
            groups: list("--groups"),
            clients: list("--clients"),
            cases: value("--cases").unwrap_or_default(),
            note: value("--note").unwrap_or_default(),
            command: value("--command").unwrap_or_default(),
            commit: value("--commit").unwrap_or_default(),
            report: value("--report").map(PathBuf::from),
        }
    }

    /// All cases, for a page of results that exist.
    pub(crate) fn everything() -> Self {
        let path = PathBuf::new;
        Self {
            programs: path(),
            home: path(),
            modules: path(),
            python: path(),
            out: path(),
            rounds: 0,
            seconds: 0.0,
            resume: false,
            groups: None,
            clients: None,
            cases: String::new(),
            note: String::new(),
            command: String::new(),
            commit: String::new(),
            report: None,
        }
    }

    pub(crate) fn is_only(&self, group: Group) -> bool {
        self.groups.as_ref().is_some_and(|groups| *groups == [group.name()])
    }

    /// True if this group is asked for. Builds take minutes, and are asked
    /// for by name.
    pub(crate) fn builds(&self, group: Group) -> bool {
        match &self.groups {
            Some(groups) => groups.iter().any(|name| name == group.name()),
            None => group != Group::Build,
        }
    }
}

/// The value of an option; ends the program if it is none.
fn number<N: std::str::FromStr>(option: &str, value: &str) -> N {
    value.parse().unwrap_or_else(|_| {
        eprintln!("{option} takes a number, not {value}");
        std::process::exit(2);
    })
}

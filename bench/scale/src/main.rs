//! How the cost of one operation grows with the work around it.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml -p evenkeel-bench-scale
//!     --groups A,B   some groups; all by default
//!     --rounds N     rounds of everything; 3
//!     --write yes    also writes bench/scale/curves.md and docs/curves.svg, which
//!                    `bench/speed/run --report bench/speed/results.json` takes into
//!                    docs/performance.md
//! ```
//!
//! `-- emulator` puts a load on a running broker instead: see `emulator`.
//!
//! Each point is measured in a process of its own, on the last core (two-core
//! points: on all), against a server on the first: see `server`. A group is a
//! file in `groups`; it says what its figures are and what they shall be.

mod emulator;
mod figures;
mod group;
mod groups;
mod page;
mod picture;
mod process;
mod server;

use std::path::Path;

use figures::Figures;
use group::Group;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => server::serve(),
        ["emulator", ref rest @ ..] => emulator::run(rest),
        ["measure", group, series, at, port] => {
            let point = group::find(group, series).ok_or("no such series")?;
            println!("{}", (point.measure)(at.parse()?, port.parse()?)?);
            Ok(())
        }
        _ => conduct(&Options::parse(&args)?),
    }
}

struct Options {
    groups: Option<Vec<String>>,
    rounds: usize,
    write: bool,
}

impl Options {
    fn parse(args: &[String]) -> Outcome<Self> {
        let mut options = Self { groups: None, rounds: 3, write: false };
        for pair in args.chunks(2) {
            match pair {
                [key, value] if key == "--groups" => {
                    let names: Vec<_> = value.split(',').map(str::to_owned).collect();
                    if let Some(name) = names.iter().find(|name| group::named(name).is_none()) {
                        return Err(format!("no group is named {name}").into());
                    }
                    options.groups = Some(names);
                }
                [key, value] if key == "--rounds" => options.rounds = value.parse()?,
                [key, value] if key == "--write" => options.write = value == "yes",
                _ => return Err(format!("unknown option or no value: {}", pair[0]).into()),
            }
        }
        Ok(options)
    }

    fn wants(&self, group: &Group) -> bool {
        self.groups.as_ref().is_none_or(|names| names.iter().any(|name| name == group.name))
    }
}

fn conduct(options: &Options) -> Outcome {
    let groups: Vec<&Group> = groups::ALL.iter().filter(|group| options.wants(group)).collect();
    let mut figures = Figures::default();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for group in &groups {
            measure(group, &mut figures);
        }
    }
    let page = format!(
        "Measured on {} at commit {}; rounds: {}; cores: {}.\n\n{}",
        said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?,
        said_by("git", &["log", "-1", "--format=%h", "--", "crates"])?,
        options.rounds,
        std::thread::available_parallelism()?,
        page::page(&groups, &figures)
    );
    print!("{page}");
    if options.write {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::write(home.join("curves.md"), page)?;
        let picture = picture::picture(&groups, &figures);
        std::fs::write(home.join("../../docs/curves.svg"), picture)?;
    }
    Ok(())
}

/// What a program prints.
fn said_by(program: &str, args: &[&str]) -> Outcome<String> {
    let home = env!("CARGO_MANIFEST_DIR");
    let mut command = std::process::Command::new(program);
    let output = command.args(args).current_dir(format!("{home}/../..")).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Measures each point of a group once; one that fails is told and left out.
fn measure(group: &Group, figures: &mut Figures) {
    for series in group.series {
        for at in series.points {
            match process::measure(group, series, *at) {
                Ok(figure) => figures.add(group, series, *at, figure),
                Err(error) => eprintln!("{} {} {at}: {error}", group.name, series.name),
            }
        }
    }
}

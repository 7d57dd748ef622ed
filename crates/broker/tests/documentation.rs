//! The examples of docs/broker.md are what the broker reads.

use evenkeel_broker::fault::{Action, Script};

#[test]
fn the_example_of_a_broker_file_can_be_read() {
    let text = include_str!("../../../docs/broker.md");
    let files: Vec<&str> = text
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    assert_eq!(files.len(), 1, "one whole file");
    let script = Script::parse(files[0]).unwrap();
    assert_eq!(script.config.limits.filters_per_subscribe, Some(8));
    assert_eq!(script.config.access.denials.len(), 2);
    assert_eq!((script.rules.len(), script.steps.len()), (5, 1));
}

#[test]
fn every_action_of_the_table_can_be_read() {
    let text = include_str!("../../../docs/broker.md");
    let (_, rest) = text.split_once("### Rules: what").unwrap();
    let (table, _) = rest.split_once("### Steps").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `") && !line.contains("action ="));
    let mut names = Vec::new();
    for row in rows {
        let cell = row.split(" | ").next().unwrap();
        for action in cell.trim_start_matches("| ").split("`, `") {
            let action = action.trim_matches('`');
            #[derive(serde::Deserialize)]
            struct One {
                action: Action,
            }
            let one: One = toml::from_str(&format!("action = {action}")).expect(action);
            names.push(one.action.name());
        }
    }
    names.sort_unstable();
    let all = [
        "announce",
        "close",
        "close_after",
        "corrupt",
        "delay",
        "disconnect",
        "dribble",
        "drop",
        "duplicate",
        "inject",
        "one_per",
        "refuse",
        "silence",
    ];
    assert_eq!(names, all);
}

#[test]
fn every_event_is_listed() {
    let text = include_str!("../../../docs/broker.md");
    let (_, events) = text.split_once("## Events").unwrap();
    for name in evenkeel_broker::EventKind::NAMES {
        assert!(events.contains(&format!("`{name}`")), "{name} is missing in docs/broker.md");
    }
}

/// What a program prints that shows an error with all its sources.
fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut above = error;
    while let Some(error) = above.source() {
        texts.push(error.to_string());
        above = error;
    }
    texts
}

#[test]
fn no_error_repeats_its_source_and_the_alternate_form_has_both() {
    use evenkeel_broker::fault::{RuleError, RuleProblem, ScriptError};
    use evenkeel_broker::{StartError, UsersError, UsersProblem};

    let (number, name, error) = (1, None, RuleError::NoTopic);
    let errors: [(&(dyn std::error::Error + 'static), usize); 5] = [
        (&ScriptError::Rule { number, name, problem: RuleProblem::NoAction }, 2),
        (&RuleProblem::Rule(error), 1),
        (&StartError::Rule { number, error }, 2),
        (&UsersError { line: 1, problem: UsersProblem::NoColon }, 1),
        (&Script::parse("x").map(|_| ()).unwrap_err(), 1),
    ];
    for (error, length) in errors {
        let texts = chain(error);
        assert_eq!(texts.len(), length, "{texts:?}");
        assert_eq!(format!("{error:#}"), texts.join(": "));
        for (index, text) in texts.iter().enumerate() {
            let mut below = texts[index + 1..].iter();
            assert!(below.all(|below| !text.contains(below.as_str())), "{texts:?}");
        }
    }
}

//! The specification check finds each kind of fault, and passes what is right.

use xtask::spec::{Coverage, report};
use xtask::{Repository, Source};

const CLIENT: &str = r#"
[[statement]]
id = "MQTT-3.1.2-20"
section = "3.1.2.10"
obligation = "MUST"
binds = "client"
text = "Pings."
tested = "conduct"
"#;

const SERVER: &str = r#"
[[statement]]
id = "MQTT-3.1.2-22"
section = "3.1.2.10"
obligation = "MUST"
binds = "server"
text = "Closes."
"#;

const OLDER: &str = r#"
[[statement]]
id = "MQTT311-3.1.2-23"
section = "3.1.2.10"
obligation = "MUST"
binds = "client"
text = "Pings."
same_as = ["MQTT-3.1.2-20"]
tested = "conduct"
"#;

const TEST: &str = "//= [MQTT-3.1.2-20] test\n#[test]\nfn pings() {}\n";

fn list(statements: &[&str]) -> String {
    format!("count = {}\n{}", statements.len(), statements.concat())
}

/// The coverage of these lists and one source file.
fn coverage(mqtt5: &str, mqtt311: &str, path: &str, code: &str) -> Coverage {
    let sources = vec![
        Source::new("specs/mqtt5.toml", mqtt5),
        Source::new("specs/mqtt311.toml", mqtt311),
        Source::new(path, code),
    ];
    Coverage::of(&Repository { sources })
}

fn faults(mqtt5: &str, mqtt311: &str, code: &str) -> Vec<String> {
    let coverage = coverage(mqtt5, mqtt311, "crates/proto/src/ping.rs", code);
    coverage.faults.iter().map(ToString::to_string).collect()
}

/// The faults of one list of MQTT 5 statements beside a test of the first.
fn faults_of(mqtt5: &str) -> Vec<String> {
    faults(mqtt5, &list(&[OLDER]), TEST)
}

#[test]
fn tested_statements_pass() {
    assert_eq!(faults_of(&list(&[CLIENT, SERVER])), Vec::<String>::new());
}

#[test]
fn a_statement_without_a_test_is_missing_and_so_is_the_one_that_repeats_it() {
    let code = "//= [MQTT-3.1.2-20]\nfn ping() {}\n";
    assert_eq!(
        faults(&list(&[CLIENT, SERVER]), &list(&[OLDER]), code),
        [
            "specs/mqtt5.toml: MQTT-3.1.2-20 has no test of conduct: Pings.",
            "specs/mqtt311.toml: MQTT311-3.1.2-23 has no test of conduct: Pings.",
        ]
    );
}

#[test]
fn an_older_statement_counts_its_own_test_and_the_one_it_repeats() {
    let own = "//= [MQTT311-3.1.2-23] test\n#[test]\nfn pings() {}\n";
    assert_eq!(
        faults(&list(&[CLIENT]), &list(&[OLDER]), own),
        ["specs/mqtt5.toml: MQTT-3.1.2-20 has no test of conduct: Pings."]
    );
}

#[test]
fn all_repeated_statements_need_a_test() {
    let second = CLIENT.replace("2-20", "2-21");
    let older = OLDER.replace("20\"]", "20\", \"MQTT-3.1.2-21\"]");
    assert_eq!(
        faults(&list(&[CLIENT, &second]), &list(&[&older]), TEST),
        [
            "specs/mqtt5.toml: MQTT-3.1.2-21 has no test of conduct: Pings.",
            "specs/mqtt311.toml: MQTT311-3.1.2-23 has no test of conduct: Pings.",
        ]
    );
}

#[test]
fn only_known_statements_of_mqtt_5_can_be_repeated() {
    for id in ["MQTT-9.9.9-9", "MQTT311-3.1.2-23"] {
        let older = OLDER.replace("MQTT-3.1.2-20", id);
        let faults = faults(&list(&[CLIENT]), &list(&[&older]), TEST);
        let wrong = format!(
            "specs/mqtt311.toml: MQTT311-3.1.2-23 is the same as {id}, which is no other MQTT 5 statement"
        );
        assert!(faults.contains(&wrong), "{faults:?}");
    }
}

#[test]
fn an_exception_stands_for_a_test_but_not_beside_one() {
    let why = "exception = \"the client never does what this asks about\"";
    let excepted = CLIENT.replace("tested = \"conduct\"", why);
    assert_eq!(
        faults(&list(&[&excepted]), &list(&[]).replace("count = 0", EMPTY), ""),
        EMPTY_FAULTS
    );
    assert_eq!(
        faults(&list(&[&excepted]), &list(&[]).replace("count = 0", EMPTY), TEST),
        ["specs/mqtt5.toml: MQTT-3.1.2-20 has an exception, but crates/proto/src/ping.rs tests it"]
    );
}

const EMPTY: &str = "count = 0\nstatement = []";
const EMPTY_FAULTS: [&str; 0] = [];

#[test]
fn claims_fit_the_statement() {
    for (statement, text) in [
        (CLIENT.replace("tested = \"conduct\"", ""), "is neither tested nor excepted"),
        (CLIENT.replace("tested = \"conduct\"", "exception = \"no\""), "without a reason"),
        (
            CLIENT.replace("\"conduct\"", "\"conduct\"\nexception = \"a b c d e\""),
            "is both tested and excepted",
        ),
        (SERVER.replace("2-22", "2-20") + "tested = \"conduct\"", "binds servers only"),
        (SERVER.replace("2-22", "2-20") + "exception = \"a b c d e\"", "binds servers only"),
    ] {
        let faults = faults_of(&list(&[&statement]));
        assert!(faults.iter().any(|fault| fault.contains(text)), "{text}: {faults:?}");
    }
}

#[test]
fn lists_are_counted_and_hold_each_statement_once() {
    let twice = format!("count = 3\n{CLIENT}{CLIENT}");
    assert_eq!(
        faults_of(&twice)[..2],
        [
            "specs/mqtt5.toml: count is 3, statements are 2",
            "specs/mqtt5.toml: MQTT-3.1.2-20 occurs twice",
        ]
    );
    let foreign = OLDER.replace("same_as = [\"MQTT-3.1.2-20\"]", "");
    let found = faults_of(&list(&[CLIENT, &foreign]));
    assert!(
        found.contains(&"specs/mqtt5.toml: MQTT311-3.1.2-23 does not begin with MQTT-".to_owned()),
        "{found:?}"
    );
}

#[test]
fn unreadable_lists_are_told_with_their_line() {
    let typo = list(&[CLIENT]).replace("obligation", "obligatoin");
    let faults = faults_of(&typo);
    assert!(faults[0].starts_with("specs/mqtt5.toml:6: unknown field `obligatoin`"), "{faults:?}");
    let word = list(&[CLIENT]).replace("\"MUST\"", "\"OUGHT\"");
    assert!(faults_of(&word)[0].contains("unknown variant `OUGHT`"));
}

#[test]
fn missing_lists_are_a_fault() {
    let faults = Coverage::of(&Repository::default()).faults;
    assert_eq!(faults.len(), 2);
    assert_eq!(faults[0].to_string(), "specs/mqtt5.toml: there is no such file");
}

#[test]
fn citations_name_known_statements_in_the_right_form() {
    let with = |line: &str| faults(&list(&[CLIENT]), &list(&[OLDER]), &format!("{TEST}{line}\n"));
    for (line, text) in [
        ("//= [MQTT-3.1.2-99]", "unknown id MQTT-3.1.2-99"),
        ("//= [MQTT-3.1.2-99] test", "unknown id MQTT-3.1.2-99"),
        ("//= [K1]", "[K1] is no statement's id"),
        ("//= MQTT-3.1.2-20", "malformed citation"),
        ("//= [MQTT-3.1.2-20] tests", "malformed citation"),
        ("//=[MQTT-3.1.2-20]", "malformed citation"),
        ("const RULE: &str = \"MQTT-3.1.2-99\";", "unknown id MQTT-3.1.2-99"),
        ("/// See [MQTT311-3.1.2-20].", "unknown id MQTT311-3.1.2-20"),
    ] {
        let faults = with(line);
        assert_eq!(faults.len(), 1, "{line}: {faults:?}");
        assert!(faults[0].starts_with("crates/proto/src/ping.rs:4: "), "{faults:?}");
        assert!(faults[0].contains(text), "{faults:?}");
    }
    for line in [
        "    //= [MQTT-3.1.2-20]",
        "/// Keeps [MQTT-3.1.2-20]. MQTT-5 and MQTT 3.1.1-style text is no id.",
        "// = [nothing]",
    ] {
        assert_eq!(with(line), EMPTY_FAULTS, "{line}");
    }
}

#[test]
fn a_test_citation_needs_a_file_with_tests() {
    let code = "//= [MQTT-3.1.2-20] test\nfn pings() {}\n";
    let lists = (list(&[CLIENT]), list(&[OLDER]));
    let found = faults(&lists.0, &lists.1, code);
    assert_eq!(found[0], "crates/proto/src/ping.rs:1: cites a test in a file without tests");
    assert!(found[1].contains("has no test"), "{found:?}");
    let vectors = "crates/proto/tests/vectors/connect.rs";
    assert_eq!(coverage(&lists.0, &lists.1, vectors, code).faults, []);
}

#[test]
fn only_tests_that_look_at_the_right_thing_count() {
    let missing = |level: &str, path: &str| {
        let client = CLIENT.replace("conduct", level);
        let coverage = coverage(&list(&[&client]), EMPTY, path, TEST);
        !coverage.faults.is_empty()
    };
    for path in ["crates/proto/src/a.rs", "crates/client/tests/a.rs", "crates/cli/tests/a.rs"] {
        assert!(!missing("conduct", path) && !missing("packets", path), "{path}");
    }
    assert!(missing("conduct", "crates/codec/tests/a.rs"));
    assert!(!missing("packets", "crates/codec/tests/a.rs"));
    assert!(missing("conduct", "crates/broker/tests/a.rs"));
    assert!(missing("packets", "crates/broker/tests/a.rs"));
}

#[test]
fn only_our_own_code_is_searched() {
    let lists = (list(&[CLIENT]), list(&[OLDER]));
    for path in ["xtask/tests/spec.rs", "xtask/src/main.rs", "docs/page.rs"] {
        assert_eq!(coverage(&lists.0, &lists.1, path, TEST).faults.len(), 2, "{path}");
    }
    for path in ["tests/interop.rs", "crates/client/tests/a/b.rs"] {
        assert_eq!(coverage(&lists.0, &lists.1, path, TEST).faults, [], "{path}");
    }
}

#[test]
fn summary_and_report_show_the_counts() {
    let code = format!("//= [MQTT-3.1.2-20]\nfn ping() {{}}\n{TEST}");
    let path = "crates/proto/src/ping.rs";
    let coverage = coverage(&list(&[CLIENT, SERVER]), &list(&[OLDER]), path, &code);
    let summary = coverage.summary();
    let rows: Vec<Vec<&str>> =
        summary.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["list", "statements", "client", "code", "tested", "excepted", "missing"]);
    assert_eq!(rows[1], ["specs/mqtt5.toml", "2", "1", "1", "1", "0", "0"]);
    assert_eq!(rows[2], ["specs/mqtt311.toml", "1", "1", "0", "1", "0", "0"]);
    let page = report::markdown(&coverage.statements);
    for row in [
        format!("| MQTT-3.1.2-20 | MUST | client | Pings. | {path} | {path} |"),
        "| MQTT-3.1.2-22 | MUST | server | Closes. |  |  |".to_owned(),
        format!("| MQTT311-3.1.2-23 | MUST | client | Pings. |  | {path} (as MQTT-3.1.2-20) |"),
    ] {
        assert!(page.contains(&row), "{row}\n{page}");
    }
}

//! The doctor's rules: traces beside each, ids and slugs that stay.

use xtask::tidy::doctor_rules::check;
use xtask::{Repository, Source};

const PATH: &str = "crates/doctor/src/rules/keep_alive/ka05_false_death.rs";

fn rule(id: &str, slug: &str, tests: &[&str]) -> String {
    let tests: String =
        tests.iter().map(|name| format!("    #[test]\n    fn {name}() {{}}\n")).collect();
    format!("        id: \"{id}\",\n        slug: \"{slug}\",\n{tests}")
}

fn faults(path: &str, text: &str, list: &str) -> Vec<String> {
    let family = Source::new("crates/doctor/src/rules/keep_alive/mod.rs", "mod ka05;\n");
    let repository = Repository { sources: vec![family, Source::new(path, text)] };
    check(&repository, list).iter().map(ToString::to_string).collect()
}

const ENOUGH: [&str; 3] = ["true_one", "alike_one", "alike_two"];

#[test]
fn a_rule_with_its_traces_passes() {
    let text = rule("KA05", "false-death", &ENOUGH);
    assert_eq!(faults(PATH, &text, "# The list.\nKA05 false-death\n"), [""; 0]);
}

#[test]
fn one_true_trace_and_two_look_alikes_are_asked_for() {
    for few in [&ENOUGH[1..], &ENOUGH[..2], &[]] {
        let found = faults(PATH, &rule("KA05", "false-death", few), "KA05 false-death\n");
        assert!(matches!(&*found, [one] if one.contains("look-alikes")), "{found:?}");
    }
    // A function that is no test does not count.
    let text = rule("KA05", "false-death", &ENOUGH[..2]) + "    fn alike_two() {}\n";
    assert_eq!(faults(PATH, &text, "KA05 false-death\n").len(), 1);
}

#[test]
fn an_id_or_a_slug_that_changes_is_found() {
    for (id, slug) in [("KA06", "false-death"), ("KA05", "other-death")] {
        let path = format!(
            "crates/doctor/src/rules/keep_alive/{}_{}.rs",
            id.to_lowercase(),
            slug.replace('-', "_")
        );
        let found = faults(&path, &rule(id, slug, &ENOUGH), "KA05 false-death\n");
        let [lacks, gone] = &*found else { panic!("{found:?}") };
        assert!(lacks.contains(&format!("lacks the rule {id} {slug}")), "{lacks}");
        assert!(gone.contains("KA05 false-death is gone"), "{gone}");
    }
}

#[test]
fn the_file_has_the_rules_name() {
    let text = rule("KA05", "false-death", &ENOUGH);
    let path = PATH.replace("false_death", "death");
    let found = faults(&path, &text, "KA05 false-death\n");
    assert!(matches!(&*found, [one] if one.contains("ka05_false_death.rs")), "{found:?}");
}

#[test]
fn an_id_is_listed_once() {
    let text = rule("KA05", "false-death", &ENOUGH);
    let found = faults(PATH, &text, "KA05 false-death\nKA05 false-death\n");
    assert!(matches!(&*found, [one] if one.contains("twice")), "{found:?}");
}

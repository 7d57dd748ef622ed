//! Every named scenario keeps all laws and has its outcome.

use sim::scenario::ALL;

#[test]
fn every_scenario_ends_as_it_has_to() {
    let mut failed = Vec::new();
    for scenario in ALL {
        let report = sim::run(&(scenario.setup)());
        if let Some(violation) = &report.violation {
            failed.push(format!("{}: {violation}", scenario.name));
        } else if let Err(seen) = (scenario.expect)(&report) {
            failed.push(format!("{}: {seen}", scenario.name));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

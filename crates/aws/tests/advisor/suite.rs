//! Which cases belong together.

use evenkeel_aws::advisor::{CASES, Suite};

fn count(name: &str) -> usize {
    Suite::by_name(name).unwrap().cases().count()
}

#[test]
fn every_case_is_in_a_suite() {
    assert_eq!(count("qualification"), 11);
    assert_eq!(count("tls"), 7);
    assert_eq!(count("mqtt"), 13);
    assert_eq!(count("shadow"), 2);
    assert_eq!(count("job"), 1);
    assert_eq!(count("security"), 1);
    // Hours: by itself.
    assert_eq!(count("long"), 1);
    assert_eq!(count("all") + 1, CASES.len());
    assert_eq!(Suite::by_name("MQTT"), None);
}

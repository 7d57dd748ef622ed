//! The table of limits, held against what is read.

use evenkeel_proto::Config;
use evenkeel_proto::profile::{Handling, Profile};

use super::strict::STRICT;

/// The configuration that a profile leads to; `None` if it is refused.
fn config(profile: &Profile) -> Option<String> {
    let mut config = Config::default();
    config.account_share = Some(1);
    config.obey(profile).ok()?;
    // What the Debug of the CONNECT leaves out.
    let connect = &config.connect;
    let more = (connect.receive_maximum, connect.maximum_packet_size);
    let more = (more, connect.topic_alias_maximum, &connect.will, &connect.properties);
    Some(format!("{config:?} {more:?}"))
}

/// P1.
#[test]
fn the_table_of_limits_says_which_ones_are_read() {
    let without = config(&Profile::empty());
    assert!(without.is_some());
    let mut names = Profile::limit_names();
    for (section, limits) in STRICT {
        for (name, value) in limits {
            assert_eq!(names.next(), Some(*name), "a limit without a strict value");
            let toml = format!("name = 'x'\nbased_on = 'none'\n{section}.{name}.value = {value}");
            let reads = config(&Profile::from_toml(&toml).unwrap()) != without;
            let says = Handling::of(name).unwrap().obeyed.is_some();
            assert_eq!(reads, says, "{name}: it is read, the table says so");
        }
    }
    assert_eq!(names.next(), None, "a limit without a strict value");
}

//! Every limit says what the client does about it.

use evenkeel_profile::{Action, BUILT_IN, HANDLINGS, Handling, Obeyed, Profile};

#[test]
fn every_limit_has_one_row_and_every_row_a_limit() {
    let mut names: Vec<&str> = Profile::limit_names().collect();
    let mut rows: Vec<&str> = HANDLINGS.iter().map(|handling| handling.limit).collect();
    names.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, names);
    names.dedup();
    assert_eq!(rows, names, "a name is there twice");
}

#[test]
fn every_limit_of_every_profile_is_handled() {
    for name in BUILT_IN {
        let profile = Profile::built_in(name).unwrap();
        for limit in profile.limits() {
            assert!(limit.handling().is_some(), "{name}: nothing is done about {}", limit.name);
        }
    }
}

/// What informs only cannot be obeyed, so it must not be counted as obeyed.
#[test]
fn what_a_client_cannot_break_is_not_called_obeyed() {
    for handling in HANDLINGS {
        if handling.action == Action::Informs {
            assert_eq!(handling.obeyed, Obeyed::No, "{}", handling.limit);
        }
    }
    assert_eq!(Handling::of("keep_alive").map(|handling| handling.obeyed), Some(Obeyed::Yes));
    assert_eq!(Handling::of("no_such_limit"), None);
}

//! The matcher against a slow one that splits levels and recurses.

use evenkeel_codec::{TopicFilter, TopicName};
use proptest::prelude::*;

use crate::strings::{pattern, topic};

fn levels_match(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        (["#"], _) => true,
        ([wanted, pattern @ ..], [level, topic @ ..]) => {
            (*wanted == "+" || wanted == level) && levels_match(pattern, topic)
        }
        (pattern, topic) => pattern.is_empty() && topic.is_empty(),
    }
}

fn expected(pattern: &str, topic: &str) -> bool {
    let wild = pattern.starts_with('+') || pattern.starts_with('#');
    let pattern: Vec<_> = pattern.split('/').collect();
    let topic_levels: Vec<_> = topic.split('/').collect();
    !(wild && topic.starts_with('$')) && levels_match(&pattern, &topic_levels)
}

/// A topic the pattern was made to match, unless it begins with `$`.
fn filled(pattern: &str, fillings: &[String]) -> String {
    let mut fillings = fillings.iter().cycle();
    let levels: Vec<&str> = pattern
        .split('/')
        .map(|level| if matches!(level, "+" | "#") { fillings.next().unwrap() } else { level })
        .collect();
    levels.join("/")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_filter_on_any_topic(pattern in pattern(), topic in topic()) {
        let filter = TopicFilter::try_from(&*pattern).unwrap();
        let name = TopicName::try_from(&*topic).unwrap();
        prop_assert_eq!(filter.matches_name(&name), expected(&pattern, &topic));
        let shared = TopicFilter::try_from(format!("$share/g/{pattern}")).unwrap();
        prop_assert_eq!(shared.matches_name(&name), expected(&pattern, &topic));
    }

    #[test]
    fn any_filter_on_a_topic_made_for_it(
        pattern in pattern(),
        fillings in proptest::collection::vec("[ab]{0,2}", 1..4),
    ) {
        let topic = filled(&pattern, &fillings);
        prop_assume!(!topic.is_empty());
        let filter = TopicFilter::try_from(&*pattern).unwrap();
        let name = TopicName::try_from(&*topic).unwrap();
        let dollar = topic.starts_with('$') && !pattern.starts_with('$');
        prop_assert_eq!(filter.matches_name(&name), !dollar);
        prop_assert_eq!(expected(&pattern, &topic), !dollar);
    }
}

//! All rules, by family: one file for each.

mod access;
mod cloud;
mod flow;
mod identity;
mod keep_alive;
mod limits;
mod network;
mod poison;
mod reconnect;
mod server;

use alloc::vec::Vec;

use crate::rule::{Meta, On, Rule};

/// The families, each a list in a file of its own.
const FAMILIES: &[&[Rule]] = &[
    keep_alive::RULES,
    reconnect::RULES,
    identity::RULES,
    access::RULES,
    limits::RULES,
    flow::RULES,
    network::RULES,
    server::RULES,
    cloud::RULES,
];

/// Every rule, in the order of the families.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The rules that look at each moment, by [`On`], of those that apply.
pub(crate) fn by_moment(applies: impl Fn(&Rule) -> bool) -> Vec<Vec<&'static Rule>> {
    let mut by_moment = alloc::vec![Vec::new(); On::COUNT];
    for rule in all().filter(|rule| applies(rule)) {
        for on in rule.on {
            if let Some(rules) = by_moment.get_mut(*on as usize) {
                rules.push(rule);
            }
        }
    }
    by_moment
}

/// What is known of every rule.
pub fn rules() -> impl Iterator<Item = &'static Meta> {
    all().map(|rule| &rule.meta)
}

/// The rule with this id or slug, in any case.
pub fn rule(name: &str) -> Option<&'static Meta> {
    rules().find(|meta| meta.id.eq_ignore_ascii_case(name) || meta.slug.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_slugs_are_distinct() {
        let all: Vec<_> = rules().collect();
        for (at, one) in all.iter().enumerate() {
            for other in all.iter().skip(at + 1) {
                assert_ne!(one.id, other.id);
                assert_ne!(one.slug, other.slug);
            }
        }
    }

    /// The committed list: an id or a slug that is gone or changed is found.
    #[test]
    fn every_rule_of_the_list_is_there() {
        let list = include_str!("../../rules.txt").lines().filter(|line| !line.starts_with('#'));
        let listed: Vec<&str> = list.collect();
        let mut built: Vec<_> = rules().map(|it| alloc::format!("{} {}", it.id, it.slug)).collect();
        built.sort();
        assert_eq!(built, listed);
        let of = |family| listed.iter().filter(|line| line.starts_with(family)).count();
        assert_eq!((of("KA"), of("RC"), of("ID")), (13, 11, 7));
    }

    /// What a rule is said to explain is a rule.
    #[test]
    fn consequences_are_rules() {
        for meta in rules() {
            for id in meta.explains {
                assert!(rule(id).is_some(), "{} explains {id}, which is no rule", meta.id);
            }
        }
    }

    #[test]
    fn every_rule_explains_itself() {
        for meta in rules() {
            for (name, text) in [
                ("sees", meta.sees),
                ("why", meta.why),
                ("fix", meta.fix),
                ("raises", meta.raises),
                ("slug", meta.slug),
            ] {
                assert!(!text.is_empty(), "{}: {name} is empty", meta.id);
            }
            assert!(!meta.references.is_empty(), "{}: no references", meta.id);
            for threshold in meta.thresholds {
                let name = threshold.name;
                assert!(name.starts_with(meta.id), "{name} is not named after {}", meta.id);
                assert!(!threshold.reason.is_empty(), "{name} has no reason");
            }
        }
    }
}

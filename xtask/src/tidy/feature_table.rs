//! The README's table of cargo features names those that exist, and no others.

use std::collections::BTreeSet;

use super::layers::Package;
use crate::Fault;

const PAGE: &str = "README.md";
const HEADING: &str = "| feature |";

/// Compares the table of the page with the features of a package.
pub fn check(page: &str, package: &Package) -> Vec<Fault> {
    let told: BTreeSet<&str> = rows(page).collect();
    let features = package.features.keys().map(String::as_str);
    let real: BTreeSet<&str> = features.filter(|name| *name != "default").collect();
    let missing = real.difference(&told).map(|name| format!("feature {name} is not in the table"));
    let unknown = told.difference(&real).map(|name| format!("there is no feature {name}"));
    missing.chain(unknown).map(|text| Fault::new(PAGE, 0, text)).collect()
}

/// The names in the first column.
fn rows(page: &str) -> impl Iterator<Item = &str> {
    let table = page.lines().skip_while(|line| !line.starts_with(HEADING)).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.split('`').nth(1))
}

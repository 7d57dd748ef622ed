//! The coverage as a page of the documentation.

use std::fmt::Write as _;

use super::{Covered, LISTS};

/// Where the page is, relative to the repository.
pub const PATH: &str = "docs/spec-coverage.md";

const HEAD: &str = "# Specification coverage

Written by `cargo run -p xtask -- spec --report`; not edited by hand. For each
normative statement: whom it binds, what it asks in our own words, and the
files that cite it. Statements that bind servers only are the development
broker's matter; its tests cite some of them.
";

/// Writes the page.
pub fn markdown(statements: &[Covered]) -> String {
    let mut page = HEAD.to_owned();
    for (list, _) in LISTS {
        let _ = write!(
            page,
            "\n## {list}\n\n| id | | binds | statement | code | tests |\n|---|---|---|---|---|---|\n"
        );
        for covered in statements.iter().filter(|covered| covered.list == list) {
            page.push_str(&row(covered));
        }
    }
    page
}

fn row(covered: &Covered) -> String {
    let statement = &covered.statement;
    let mut tests = covered.tests.join("<br>");
    if !statement.same_as.is_empty() {
        let _ = write!(tests, " (as {})", statement.same_as.join(", "));
    }
    if let Some(why) = &statement.exception {
        let _ = write!(tests, "exception: {why}");
    }
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        statement.id,
        statement.obligation.words(),
        statement.binds.word(),
        statement.text.replace('|', "\\|"),
        covered.code.join("<br>"),
        tests.trim(),
    )
}

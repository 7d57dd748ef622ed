//! The front page's table of errors is complete.

use xtask::Source;
use xtask::tidy::error_table::check;

const SOURCE: &str = "\
pub enum Other {
    Alien,
}
pub enum LostError {
    /// Gone.
    Gone,
    Late {
        /// By so much.
        By: u8,
    },
    Below(Other),
}
";

fn faults(page: &str) -> Vec<String> {
    let source = Source { path: "a.rs".into(), text: SOURCE.into() };
    check(page, &source, "LostError").iter().map(ToString::to_string).collect()
}

#[test]
fn a_table_with_all_variants_is_good() {
    let page =
        "//! | [`LostError::Gone`], [`LostError::Late`] | a |\n//! | [`LostError::Below`] | b |";
    assert_eq!(faults(page), [""; 0]);
}

#[test]
fn a_variant_outside_of_the_table_is_missing() {
    let page = "//! | [`LostError::Gone`] | a |\n//! [`LostError::Late`]\n//! | `Below` |";
    let lacks = |variant| format!("crates/client/src/lib.rs: the table lacks LostError::{variant}");
    assert_eq!(faults(page), [lacks("Late"), lacks("Below")]);
}

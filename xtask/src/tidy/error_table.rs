//! The front page's table of errors names each error that an operation can end
//! with.

use crate::{Fault, Source};

/// The page with the table.
pub const PAGE: &str = "crates/client/src/lib.rs";
/// Errors of operations that are explained one by one, and their sources.
pub const ERRORS: &[(&str, &str)] = &[
    ("crates/client/src/error.rs", "ConnectError"),
    ("crates/client/src/error.rs", "PublishError"),
    ("crates/client/src/error.rs", "SubscribeError"),
    ("crates/client/src/error.rs", "RequestError"),
    ("crates/proto/src/operation.rs", "DeliveryError"),
    ("crates/proto/src/operation.rs", "QueueError"),
];

/// Finds variants of `name` in `source` that no row of `page` names.
pub fn check(page: &str, source: &Source, name: &str) -> Vec<Fault> {
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("//! |")).collect();
    let is_told = |variant: &&str| {
        let link = format!("[`{name}::{variant}`]");
        rows.iter().any(|row| row.contains(&link))
    };
    let missing: Vec<&str> = variants(&source.text, name).filter(|one| !is_told(one)).collect();
    let fault = |variant| Fault::new(PAGE, 0, format!("the table lacks {name}::{variant}"));
    missing.into_iter().map(fault).collect()
}

/// The variants of an enum that rustfmt has laid out.
fn variants<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let begin = format!("pub enum {name} {{");
    let lines = text.lines().skip_while(move |line| *line != begin).skip(1);
    lines.take_while(|line| *line != "}").filter_map(|line| {
        let word = line.strip_prefix("    ")?;
        word.starts_with(char::is_uppercase).then_some(())?;
        word.split(|letter: char| !letter.is_alphanumeric()).next()
    })
}

//! The matrix as Markdown.

use std::fmt::Write as _;

use super::cell::{Cell, Fared};
use super::plan::Row;
use super::visit::Column;

/// Notes in the order of their numbers.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    /// The number of a note; the same text has the same number.
    fn number(&mut self, note: String) -> usize {
        let known = self.0.iter().position(|known| *known == note);
        known.unwrap_or_else(|| {
            self.0.push(note);
            self.0.len() - 1
        }) + 1
    }
}

/// Writes the tables, and below them what lies behind each cell that is not a
/// plain "yes".
pub fn write(rows: &[Row], columns: &[Column]) -> String {
    let mut text = String::new();
    let mut notes = Notes::default();
    // Writing into a string never fails.
    let _ = write_brokers(&mut text, rows, columns);
    let visited: Vec<_> = columns.iter().filter(|column| !column.cells.is_empty()).collect();
    let mut table = String::new();
    for (index, row) in rows.iter().enumerate() {
        if row.table() != table {
            table = row.table();
            let names: Vec<_> = visited.iter().map(|column| column.name).collect();
            let _ = writeln!(text, "\n### {table}\n\n| | {} |", names.join(" | "));
            let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
        }
        let cells: Vec<_> = (visited.iter())
            .map(|column| column.cells.get(index).map_or_else(String::new, |f| show(f, &mut notes)))
            .collect();
        let _ = writeln!(text, "| {} | {} |", row.name(), cells.join(" | "));
    }
    let _ = writeln!(text, "\n### Notes\n");
    for (index, note) in notes.0.iter().enumerate() {
        let _ = writeln!(text, "{}. {note}", index + 1);
    }
    text
}

fn write_brokers(text: &mut String, rows: &[Row], columns: &[Column]) -> std::fmt::Result {
    let first_in = rows.iter().position(Row::is_start_up);
    writeln!(
        text,
        "| broker | version | cells tried | clients in after | most connects of one client | restarted |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for column in columns {
        let version = match &column.version {
            Ok(version) => version,
            Err(reason) => {
                writeln!(text, "| {} | {reason} | | | | |", column.name)?;
                continue;
            }
        };
        let first_in = first_in.and_then(|index| column.cells.get(index));
        let first_in = first_in.filter(|fared| fared.cell == Cell::Works);
        let first_in = first_in
            .map_or_else(|| "-".to_owned(), |fared| format!("{:.1} s", fared.took.as_secs_f64()));
        let is_tried = |cell: &Cell| !matches!(cell, Cell::NotTried | Cell::NotOffered);
        let tried = column.cells.iter().filter(|fared| is_tried(&fared.cell)).count();
        let most = column.cells.iter().map(|fared| fared.connects).max().unwrap_or(0);
        let (name, anew) = (column.name, column.restarts);
        writeln!(text, "| {name} | {version} | {tried} | {first_in} | {most} | {anew} |")?;
    }
    Ok(())
}

fn show(fared: &Fared, notes: &mut Notes) -> String {
    let (word, reason) = match &fared.cell {
        Cell::Works if fared.ends.is_empty() => return "yes".to_owned(),
        Cell::Works => ("yes", String::new()),
        Cell::Refused(reason) => ("refused", reason.clone()),
        Cell::Differs(reason) => ("differs", reason.clone()),
        Cell::Silent(reason) => ("silent", reason.clone()),
        Cell::NotTried => return "-".to_owned(),
        Cell::NotOffered => return "not offered".to_owned(),
    };
    let mut note = mask(&reason);
    for end in fared.ends.iter().map(|end| mask(end)) {
        if !note.contains(&end) {
            let _ = write!(note, "{}{end}", if note.is_empty() { "on the way: " } else { "; " });
        }
    }
    let connects = fared.connects;
    let _ = write!(note, " ({connects} connect{})", if connects == 1 { "" } else { "s" });
    let number = notes.number(note);
    format!("{word} [{number}](#notes)")
}

/// Takes out what differs from run to run, so that equal reasons are equal.
fn mask(note: &str) -> String {
    let words = note.split(' ').map(|word| match word.split_once("127.0.0.1:") {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}127.0.0.1:PORT{rest}")
        }
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('\n', " ")
}

/// Replaces what is between two marks of a document; `None` if they are missing.
pub fn replace_between_marks(document: &str, name: &str, content: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- end of {name} -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", content.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_what_is_outside_of_the_marks() {
        let document = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n";
        let expected = "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n";
        assert_eq!(replace_between_marks(document, "x", "new\n").as_deref(), Some(expected));
        assert_eq!(replace_between_marks(expected, "x", "new\n").as_deref(), Some(expected));
        assert_eq!(replace_between_marks("no marks", "x", "new"), None);
    }

    #[test]
    fn equal_reasons_share_a_note() {
        let mut notes = Notes::default();
        let refused = |port: u16| Fared {
            connects: 2,
            ..Fared::not(Cell::Refused(format!("cannot connect to 127.0.0.1:{port} (no)")))
        };
        assert_eq!(show(&refused(4000), &mut notes), "refused [1](#notes)");
        assert_eq!(show(&refused(5000), &mut notes), "refused [1](#notes)");
        assert_eq!(notes.0, ["cannot connect to 127.0.0.1:PORT (no) (2 connects)"]);
    }

    #[test]
    fn ends_that_differ_in_a_port_alone_are_told_once() {
        let ends = [4000, 5000].map(|port| format!("cannot connect to 127.0.0.1:{port} (no)"));
        let fared = Fared { connects: 3, ends: ends.to_vec(), ..Fared::not(Cell::Works) };
        let mut notes = Notes::default();
        assert_eq!(show(&fared, &mut notes), "yes [1](#notes)");
        assert_eq!(notes.0, ["on the way: cannot connect to 127.0.0.1:PORT (no) (3 connects)"]);
    }
}

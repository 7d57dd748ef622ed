//! The demo prints more than a page shows. Of each scene the picture keeps the
//! heading, the first and the last coloured lines, and says how many are left
//! out; the closing table is kept whole.

use super::terminal::{Color, Line};

/// Entries kept at the beginning of a scene.
const FIRST: usize = 2;
/// Entries kept at its end.
const LAST: usize = 1;

/// The lines to show.
pub fn of(lines: &[Line]) -> Vec<Line> {
    let mut scenes: Vec<&[Line]> = lines.split(|line| line.spans.is_empty()).collect();
    let (introduction, end) = (take_first(&mut scenes), scenes.pop().unwrap_or_default());
    let mut shown = introduction.to_vec();
    for scene in scenes {
        shown.push(Line::default());
        shown.extend(shorten(scene));
    }
    shown.push(Line::default());
    shown.extend_from_slice(end);
    shown
}

fn take_first<'a>(scenes: &mut Vec<&'a [Line]>) -> &'a [Line] {
    if scenes.len() > 1 { scenes.remove(0) } else { &[] }
}

fn shorten(scene: &[Line]) -> Vec<Line> {
    let Some((heading, lines)) = scene.split_first() else { return Vec::new() };
    let colored: Vec<&[Line]> =
        entries(lines).filter(|entry| entry.iter().any(is_colored)).collect();
    let whole = colored.len() <= FIRST + LAST;
    let (first, last) = if whole { (colored.len(), 0) } else { (FIRST, LAST) };
    let beginning = colored.iter().take(first).flat_map(|entry| entry.iter());
    let end = colored.iter().skip(colored.len() - last).flat_map(|entry| entry.iter());
    let left_out = lines.len() - beginning.clone().count() - end.clone().count();
    let noun = if left_out == 1 { "line" } else { "lines" };
    let note = Line::plain(&format!("          ({left_out} more {noun})"));
    let note = (left_out > 0).then_some(&note);
    [heading].into_iter().chain(beginning).chain(note).chain(end).cloned().collect()
}

/// Lines with their continuations, which begin with many blanks.
fn entries(lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    lines.chunk_by(|_, next| {
        let text: String = next.spans.iter().map(|span| span.text.as_str()).collect();
        text.starts_with("            ")
    })
}

fn is_colored(line: &Line) -> bool {
    line.spans
        .iter()
        .any(|span| matches!(span.color, Some(Color::Green | Color::Yellow | Color::Red)))
}

//! What a program printed, as coloured lines.

/// The colours that the demo uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// SGR 31.
    Red,
    /// SGR 32.
    Green,
    /// SGR 33.
    Yellow,
    /// SGR 36.
    Cyan,
}

/// Text of one colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Without control characters.
    pub text: String,
    /// `None` is the terminal's own.
    pub color: Option<Color>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// From left to right, none of them empty.
    pub spans: Vec<Span>,
}

impl Line {
    /// A line without colour.
    pub fn plain(text: &str) -> Self {
        let mut line = Self::default();
        line.push(text, None);
        line
    }

    /// Characters, each of which is taken to fill one column.
    pub fn columns(&self) -> usize {
        self.spans.iter().map(|span| span.text.chars().count()).sum()
    }

    fn push(&mut self, text: &str, color: Option<Color>) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        if !text.is_empty() {
            self.spans.push(Span { text, color });
        }
    }
}

/// Splits output into lines. Of the control sequences only colours count.
pub fn lines(output: &str) -> Vec<Line> {
    let mut color = None;
    let mut lines = Vec::new();
    for text in output.lines() {
        let mut line = Line::default();
        let mut pieces = text.split("\x1b[");
        line.push(pieces.next().unwrap_or_default(), color);
        for piece in pieces {
            let end = piece.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(piece.len());
            let (parameters, rest) = piece.split_at(end);
            if rest.starts_with('m') {
                color = color_of(parameters);
            }
            line.push(rest.get(1..).unwrap_or_default(), color);
        }
        lines.push(line);
    }
    lines
}

fn color_of(parameters: &str) -> Option<Color> {
    match parameters.split(';').next() {
        Some("31") => Some(Color::Red),
        Some("32") => Some(Color::Green),
        Some("33") => Some(Color::Yellow),
        Some("36") => Some(Color::Cyan),
        _ => None,
    }
}

//! Limits on the length of files, functions and structs, tests aside. A
//! function that is one match over all cases has no limit.
//!
//! Items are found by their indentation, which rustfmt makes reliable.

use crate::{Fault, Source};

/// Most lines of a file.
pub const FILE_LINES: usize = 800;
/// Most lines of a function, its signature and closing brace included.
pub const FUNCTION_LINES: usize = 70;
/// Most fields of a struct.
pub const STRUCT_FIELDS: usize = 15;

/// Finds what is too long.
pub fn check(source: &Source) -> Vec<Fault> {
    let lines: Vec<(usize, &str)> = source.shipped_lines().collect();
    let mut faults = Vec::new();
    if lines.len() > FILE_LINES {
        let text = format!("file of {} lines; at most {FILE_LINES}", lines.len());
        faults.push(Fault::new(&source.path, 0, text));
    }
    for (start, (number, line)) in lines.iter().enumerate() {
        let Some(item) = Item::begins(line) else { continue };
        let rest = lines.get(start..).unwrap_or_default();
        let Some(body) = item_lines(rest) else { continue };
        if matches!(item, Item::Function) && is_total_match(body) {
            continue;
        }
        let (size, limit, unit) = match item {
            Item::Function => (body.len(), FUNCTION_LINES, "lines"),
            Item::Struct => (fields(body), STRUCT_FIELDS, "fields"),
        };
        if size > limit {
            let text = format!("{item:?} of {size} {unit}; at most {limit}");
            faults.push(Fault::new(&source.path, *number, text));
        }
    }
    faults
}

#[derive(Clone, Copy, Debug)]
enum Item {
    Function,
    Struct,
}

impl Item {
    /// The item that begins on this line.
    fn begins(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let keyword = words.find(|word| !is_modifier(word))?;
        match keyword {
            "fn" => Some(Self::Function),
            "struct" => Some(Self::Struct),
            _ => None,
        }
    }
}

fn is_modifier(word: &str) -> bool {
    matches!(word, "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\"")
        || word.starts_with("pub(")
        // The rest of `pub(in path)`.
        || word.ends_with(')')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The lines from the first to the one that closes it, if the item has braces.
fn item_lines<'a>(lines: &'a [(usize, &'a str)]) -> Option<&'a [(usize, &'a str)]> {
    let (_, first) = lines.first()?;
    let indentation = indentation(first);
    let one_line = |line: &str| line.ends_with(';') || line.ends_with('}');
    if one_line(first) {
        return lines.get(..1);
    }
    let closing = lines.iter().skip(1).position(|(_, line)| {
        self::indentation(line) == indentation && matches!(line.trim(), "}" | "};" | ");" | "},")
    })?;
    lines.get(..closing + 2)
}

/// True for a function whose body is one match with an arm for each case: cut
/// in two, it would no longer show that none is missing.
fn is_total_match(function: &[(usize, &str)]) -> bool {
    let outer = function.first().map_or(0, |(_, line)| indentation(line));
    let at = |depth: usize| {
        let lines = function.iter().map(|(_, line)| *line);
        let body = lines.skip_while(move |line| indentation(line) > outer || !line.ends_with('{'));
        body.skip(1).filter(move |line| indentation(line) == outer + 4 * depth)
    };
    let is_code = |line: &&str| !line.is_empty() && !line.trim_start().starts_with("//");
    let mut body = at(1).filter(is_code);
    let is_match = body
        .next()
        .is_some_and(|line| line.trim_start().starts_with("match ") && line.ends_with('{'));
    let ends = body.next().is_some_and(|line| line.trim() == "}") && body.next().is_none();
    is_match && ends && !at(2).any(|line| line.trim_start().starts_with("_ "))
}

/// The number of fields of a struct; those of nothing but counters count as one.
fn fields(body: &[(usize, &str)]) -> usize {
    let Some((_, first)) = body.first() else { return 0 };
    let inner = indentation(first) + 4;
    let is_field = |line: &&(usize, &str)| {
        let line = line.1;
        let name = line.trim_start().trim_start_matches("pub ").split(':').next();
        indentation(line) == inner
            && line.contains(':')
            && !line.trim_start().starts_with(['/', '#'])
            && name.is_some_and(|name| !name.is_empty())
    };
    let found = || body.iter().skip(1).filter(is_field);
    let are_counters = found().all(|(_, line)| line.trim_end().ends_with(": u64,"));
    if are_counters { found().count().min(1) } else { found().count() }
}

//! The text files of the repository.

use std::fs;
use std::io;
use std::path::Path;

/// Directories that hold nothing of ours.
const SKIPPED: [&str; 3] = ["target", "node_modules", "artifacts"];

/// The text files the checks look at.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// Sorted by path.
    pub sources: Vec<Source>,
}

/// One text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Relative to the repository, with `/` between the parts.
    pub path: String,
    /// The whole content.
    pub text: String,
}

impl Repository {
    /// Reads the Rust, TOML and Markdown files below `root`.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut sources = Vec::new();
        read_directory(root, "", &mut sources)?;
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { sources })
    }

    /// The file with this path.
    pub fn get(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    /// The Rust files below `crates/`, `tests/` and `xtask/`, without the
    /// fixtures of xtask's own tests.
    pub fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| {
            source.path.ends_with(".rs")
                && ["crates/", "sim/", "tests/", "xtask/src/"]
                    .iter()
                    .any(|top| source.path.starts_with(top))
        })
    }

    /// The Markdown files.
    pub fn markdown(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.path.ends_with(".md"))
    }
}

impl Source {
    /// A file with this path and content.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// True for files that hold nothing but tests.
    pub fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.contains(&"tests") || parts.contains(&"benches") || self.path.ends_with("/tests.rs")
    }

    /// The numbered lines of the file that are not a test module at its end.
    pub fn shipped_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = if self.is_test() { "" } else { self.text.as_str() };
        let lines = all.lines().take_while(|line| *line != "#[cfg(test)]");
        lines.enumerate().map(|(index, line)| (index + 1, line))
    }
}

fn read_directory(directory: &Path, prefix: &str, into: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                read_directory(&entry.path(), &format!("{path}/"), into)?;
            }
        } else if [".rs", ".toml", ".md"].iter().any(|end| name.ends_with(end)) {
            into.push(Source { path, text: fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}

//! The README's picture of the demo: runs it and draws what it prints.

pub mod excerpt;
pub mod svg;
pub mod terminal;

use std::io;
use std::path::Path;
use std::process::Command;

use terminal::Line;

/// Where the picture is, from the top of the repository.
pub const PATH: &str = "docs/demo.svg";

/// Runs the demo, which takes 20 seconds, and writes its picture.
pub fn write(root: &Path) -> io::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--", "demo", "--color", "always"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let lines = terminal::lines(&String::from_utf8_lossy(&output.stdout));
    let mut shown = vec![Line::plain("$ cargo run -- demo")];
    shown.extend(excerpt::of(&lines));
    std::fs::write(root.join(PATH), svg::draw("What `cargo run -- demo` prints", &shown))
}

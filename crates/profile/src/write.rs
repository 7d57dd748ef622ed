//! Profiles to TOML.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::{LimitInfo, OnBreak, Plain, Profile};

impl Profile {
    /// The profile as TOML, with all its limits: what `Profile::from_toml` reads
    /// back, and a file to begin a profile of one's own from.
    pub fn to_toml(&self) -> String {
        let mut toml = String::new();
        for (key, value) in
            [("name", &*self.name), ("revised", &*self.revised), ("based_on", "none")]
        {
            line(&mut toml, key, &quoted(value));
        }
        let mut section = "";
        for limit in self.limits() {
            if limit.section != section {
                section = limit.section;
                toml.push_str("\n[");
                toml.push_str(section);
                toml.push_str("]\n");
            }
            line(&mut toml, limit.name, &table(&limit));
        }
        toml
    }
}

fn line(toml: &mut String, key: &str, value: &str) {
    toml.push_str(key);
    toml.push_str(" = ");
    toml.push_str(value);
    toml.push('\n');
}

fn table(limit: &LimitInfo<'_>) -> String {
    let mut parts = alloc::vec![
        ("value", value(&limit.value.plain())),
        ("source", quoted(limit.source)),
        ("confidence", quoted(limit.confidence.name())),
        ("on_break", on_break(limit.on_break)),
    ];
    parts.extend(limit.on_break_v3.map(|v3| ("on_break_v3", on_break(v3))));
    inline(parts)
}

fn inline(parts: Vec<(&'static str, String)>) -> String {
    let parts: Vec<String> =
        parts.into_iter().map(|(key, value)| alloc::format!("{key} = {value}")).collect();
    alloc::format!("{{ {} }}", parts.join(", "))
}

fn on_break(on_break: OnBreak) -> String {
    match on_break.reason_code() {
        Some(code) => alloc::format!("{{ {} = 0x{code:02X} }}", on_break.name()),
        None => quoted(on_break.name()),
    }
}

fn value(plain: &Plain) -> String {
    match plain {
        Plain::Bool(value) => value.to_string(),
        Plain::Number(value) => value.to_string(),
        Plain::Time(time) if time.subsec_nanos() == 0 => time.as_secs().to_string(),
        Plain::Time(time) => time.as_secs_f64().to_string(),
        Plain::Text(text) => quoted(text),
        Plain::List(values) => {
            let values: Vec<String> = values.iter().map(value).collect();
            alloc::format!("[{}]", values.join(", "))
        }
        Plain::Table(parts) => {
            inline(parts.iter().map(|(key, part)| (*key, value(part))).collect())
        }
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                // Writing to a String does not fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

//! SARIF 2.1.0, for code scanning.

use evenkeel_doctor::{Finding, Meta, Proof, Severity};
use serde_json::{Value, json};

use super::super::told::{Told, sentence};
use super::written::Written;
use super::{Region, region};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn render(told: &Told) -> String {
    let mut used: Vec<&Meta> = told.findings.iter().map(|finding| finding.rule).collect();
    used.sort_by_key(|meta| meta.id);
    used.dedup_by_key(|meta| meta.id);
    let rules: Vec<Value> = used.iter().map(|meta| rule(meta)).collect();
    let results = told.findings.iter().map(|finding| {
        let at = used.iter().position(|meta| meta.id == finding.rule.id).unwrap_or_default();
        result(told, finding, at)
    });
    let tool = json!({ "driver": {
        "name": "evenkeel doctor",
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules,
    }});
    let run = json!({ "tool": tool, "columnKind": "unicodeCodePoints" });
    let run = Written::new(&run).list("results", results).done();
    format!("{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{run}]}}\n")
}

fn rule(meta: &Meta) -> Value {
    json!({
        "id": meta.id,
        "name": meta.slug,
        "shortDescription": { "text": meta.sees },
        "fullDescription": { "text": meta.why },
        "help": { "text": meta.fix },
        "defaultConfiguration": { "level": level(meta.severity) },
    })
}

fn result(told: &Told, finding: &Finding, rule_index: usize) -> Value {
    let locations: Vec<Value> = finding.proof.iter().map(|it| location(told, it)).collect();
    let steps: Vec<Value> = (finding.proof.iter())
        .map(|proof| {
            let mut location = location(told, proof);
            if let Some(object) = location.as_object_mut() {
                object.insert("message".into(), json!({ "text": proof.shows }));
            }
            json!({ "location": location })
        })
        .collect();
    let mut result = json!({
        "ruleId": finding.rule.id,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "message": { "text": format!("{} Fix: {}", sentence(finding), finding.rule.fix) },
        "properties": {
            "client": finding.client, "confidence": finding.confidence.name(),
            "times": finding.times,
        },
    });
    if let (Some(object), Some(first)) = (result.as_object_mut(), locations.first()) {
        object.insert("locations".into(), json!([first]));
        object.insert("codeFlows".into(), json!([{ "threadFlows": [{ "locations": steps }] }]));
    }
    result
}

fn location(told: &Told, proof: &Proof) -> Value {
    let name = told.source(proof).map_or("", |source| source.name.as_str());
    let region = match region(told, proof) {
        Region::Line(line) => json!({ "startLine": line }),
        Region::Byte(byte) => json!({ "byteOffset": byte, "byteLength": 1 }),
    };
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(name) },
        "region": region,
    }})
}

/// A path as a relative reference: what a URI does not have is encoded.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

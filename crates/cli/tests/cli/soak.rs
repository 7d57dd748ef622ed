//! A short soak: its report and its verdict.

use serde_json::Value;

use crate::support::evenkeel;

#[tokio::test]
async fn a_short_soak_ends_well_and_reports() {
    let ran = evenkeel("soak --for 4s --clients 12 --seed 5 --json --quiet").run().await.expect(0);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&report["type"], &report["seed"], &report["clients"]),
        (&"soak".into(), &5.into(), &12.into())
    );
    assert_eq!(report["charges"], Value::Array(Vec::new()));
    // What the soak does to its clients is none of theirs.
    assert_eq!(report["findings"], Value::Array(Vec::new()));
    assert!(report["seconds"].as_f64().unwrap() >= 4.0, "{report}");
    assert!(report["connections"]["accepted"].as_u64().unwrap() >= 12, "{report}");
    for (level, tally) in report["messages"].as_array().unwrap().iter().enumerate() {
        assert_eq!(tally["qos"], level);
        assert!(tally["received"].as_u64().unwrap() > 0, "{report}");
        assert_eq!(tally["open"], 0);
    }
    assert!(!report["trouble"].as_object().unwrap().is_empty(), "{report}");
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn a_signal_ends_the_trouble_and_the_report_comes() {
    let mut running = evenkeel("soak -d --for 10m --clients 4 --seed 5").start();
    running.until_says("the trouble begins").await;
    running.signal("INT").await;
    running.until_says("stopping early").await;
    let ran = running.ended().await.expect(0);
    assert!(ran.out.contains(" s of trouble, seed 5"), "{}", ran.out);
    assert!(ran.out.ends_with("verdict: good. Nothing lost, no law broken.\n"), "{}", ran.out);
}

//! What is said of texts that are no policies.

use evenkeel_aws::gate::policy::{IAM_POLICY_BYTES, POLICY_BYTES, Policy, Position};

fn error(text: &str) -> String {
    Policy::parse(text).unwrap_err().to_string()
}

/// A policy whose statement has a field replaced, or removed.
fn with(field: &str, value: &str) -> String {
    let mut fields = vec![
        ("Effect", r#""Allow""#.to_owned()),
        ("Action", r#""iot:Publish""#.to_owned()),
        ("Resource", r#""*""#.to_owned()),
    ];
    fields.retain(|(name, _)| *name != field);
    if !value.is_empty() {
        fields.push((field, value.to_owned()));
    }
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
    format!(r#"{{"Version": "2012-10-17", "Statement": [{{{}}}]}}"#, fields.join(", "))
}

#[test]
fn broken_json_has_line_and_column() {
    let found =
        Policy::parse("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [}\n").unwrap_err();
    assert_eq!(found.at, Position::Text { line: 3, column: 17 });
    assert!(found.to_string().starts_with("line 3 column 17: no JSON: "), "{found}");
    assert!(error("").contains("line 1 column 0"));
    let deep = "[".repeat(1000);
    assert!(error(&deep).contains("recursion limit"), "{}", error(&deep));
}

#[test]
fn each_fault_has_its_path_and_a_hint() {
    let condition = |text: &str| with("Condition", text);
    for (text, path, part) in [
        ("[]".to_owned(), "", "expected an object"),
        ("{}".to_owned(), "", "Version is missing"),
        (r#"{"Version": "2012-10-18", "Statement": []}"#.to_owned(), "Version", "2012-10-17"),
        (r#"{"Version": "2012-10-17"}"#.to_owned(), "", "Statement is missing"),
        (r#"{"Version": "2012-10-17", "Statement": []}"#.to_owned(), "Statement", "a statement"),
        (r#"{"version": "2012-10-17"}"#.to_owned(), "", "no field \"version\""),
        (with("Effect", ""), "Statement[0]", "Effect is missing"),
        (with("Effect", r#""allow""#), "Statement[0].Effect", "hint: \"Allow\""),
        (with("Effect", "true"), "Statement[0].Effect", "expected a text"),
        (with("Action", ""), "Statement[0]", "Action is missing"),
        (with("Action", "[]"), "Statement[0].Action", "at least one"),
        (with("Action", r#"["iot:Publish", "Connect"]"#), "Statement[0].Action[1]", "iot:Publish"),
        (with("Action", r#""iot:""#), "Statement[0].Action", "no action"),
        (with("NotAction", r#""iot:Connect""#), "Statement[0]", "exclude each other"),
        (with("Resource", ""), "Statement[0]", "Resource is missing"),
        (with("Resource", r#"["*", "topic/a"]"#), "Statement[0].Resource[1]", "arn:aws:iot:REGION"),
        (with("Resource", r#""arn:x${a""#), "Statement[0].Resource", "no ARN"),
        (with("Resource", r#""arn:aws:iot:::topic/${a""#), "Statement[0].Resource", "does not end"),
        (with("Resource", "{}"), "Statement[0].Resource", "expected a text"),
        (with("Principal", r#""*""#), "Statement[0]", "no field \"Principal\""),
        (with("Sid", "1"), "Statement[0].Sid", "expected a text"),
        (condition("[]"), "Statement[0].Condition", "an object of operators"),
        (condition(r#"{"Boolean": {}}"#), "Statement[0].Condition.Boolean", "no operator"),
        (condition(r#"{"Bool": []}"#), "Statement[0].Condition.Bool", "an object of keys"),
        (condition(r#"{"Bool": {"a": "yes"}}"#), "Statement[0].Condition.Bool.a", "true or false"),
        (
            condition(r#"{"IpAddress": {"a": ["10.0.0.0/8", "10.0.0.0/99"]}}"#),
            "Statement[0].Condition.IpAddress.a[1]",
            "such as 10.0.0.0/8",
        ),
        (
            condition(r#"{"DateLessThan": {"a": "tomorrow"}}"#),
            "Statement[0].Condition.DateLessThan.a",
            "such as 2026-11-29T12:00:00Z",
        ),
    ] {
        let found = Policy::parse(&text).unwrap_err();
        let expected =
            if path.is_empty() { Position::Whole } else { Position::Path(path.to_owned()) };
        assert_eq!(found.at, expected, "{text}: {found}");
        assert!(found.to_string().contains(part), "{text}: {found}");
    }
    let one = with("Effect", r#""allow""#).replace(['[', ']'], "");
    assert!(error(&one).starts_with("Statement.Effect: "), "{}", error(&one));
}

#[test]
fn white_space_does_not_count() {
    let padded = |bytes: usize| {
        let short = with("Sid", r#""X""#);
        let used = short.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        short.replace("\"X\"", &format!("\"{}\"", "X".repeat(bytes - used + 1)))
    };
    let fits = padded(POLICY_BYTES);
    assert!(Policy::parse(&fits).is_ok());
    assert!(Policy::parse(&fits.replace(", ", ",\n      ")).is_ok());
    let long = padded(POLICY_BYTES + 1);
    assert!(error(&long).starts_with("2049 bytes without white space, at most 2048; hint: "));
    assert!(Policy::parse_within(&long, IAM_POLICY_BYTES).is_ok());
    assert!(Policy::parse_within(&padded(IAM_POLICY_BYTES + 1), IAM_POLICY_BYTES).is_err());
}

//! What policies decide.

use evenkeel_aws::gate::policy::{Account, Action, Context, Decision, Grants, Policy};

use Action::{Connect, Publish, Receive, RetainPublish, Subscribe};

/// A policy of these statements.
fn policy(statements: &str) -> Policy {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    Policy::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A statement that allows actions on resources of the account.
fn allow(actions: &str, resources: &str) -> String {
    statement("Allow", actions, resources, "")
}

fn deny(actions: &str, resources: &str) -> String {
    statement("Deny", actions, resources, "")
}

fn list(texts: &str) -> String {
    let each: Vec<String> = texts.split_whitespace().map(|text| format!("{text:?}")).collect();
    format!("[{}]", each.join(","))
}

/// Resources may be short: `topic/a` is one of the account.
fn statement(effect: &str, actions: &str, resources: &str, condition: &str) -> String {
    let whole = |resource: &str| {
        if resource == "*" || resource.starts_with("arn:") {
            resource.to_owned()
        } else {
            format!("arn:aws:iot:us-east-1:123456789012:{resource}")
        }
    };
    let resources: Vec<String> = resources.split_whitespace().map(whole).collect();
    let condition =
        if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
    format!(
        r#"{{"Effect":"{effect}","Action":{},"Resource":{}{condition}}}"#,
        list(actions),
        list(&resources.join(" "))
    )
}

fn pump() -> Context {
    Context::new()
        .with("iot:ClientId", "pump-17")
        .with("iot:Connection.Thing.ThingName", "pump-17")
        .with("iot:Connection.Thing.ThingTypeName", "Pump")
        .with("iot:Connection.Thing.Attributes[site]", "north")
        .with("iot:Connection.Thing.IsAttached", "true")
        .with("iot:Certificate.Subject.CommonName", "pump-17.example")
        .with("aws:SourceIp", "192.0.2.7")
}

/// Each row: policy, action, name, allowed or not.
type Row<'a> = (&'a str, Action, &'a str, bool);

fn check(context: &Context, rows: &[Row<'_>]) {
    for (statements, action, name, allowed) in rows {
        let policy = policy(statements);
        let grants = Grants::of([("p", &policy)], context, &Account::default());
        let decision = grants.decide(*action, name);
        assert_eq!(grants.allow(*action, name), *allowed, "{statements} {action} {name}");
        assert_eq!(matches!(decision, Decision::Allowed(_)), *allowed);
    }
}

#[test]
fn actions_have_resources_of_their_own() {
    let topic = allow("iot:Publish iot:Receive", "topic/site/7");
    let filter = allow("iot:Subscribe", "topicfilter/site/7");
    let wrong_kind = allow("iot:Subscribe", "topic/site/7");
    let client = allow("iot:Connect", "client/pump-17");
    check(
        &pump(),
        &[
            (&topic, Publish, "site/7", true),
            (&topic, Receive, "site/7", true),
            (&topic, Subscribe, "site/7", false),
            (&topic, RetainPublish, "site/7", false),
            (&topic, Connect, "site/7", false),
            (&topic, Publish, "site/8", false),
            (&topic, Publish, "site/7/x", false),
            (&topic, Publish, "Site/7", false),
            (&topic, Publish, "", false),
            (&filter, Subscribe, "site/7", true),
            (&filter, Publish, "site/7", false),
            (&filter, Receive, "site/7", false),
            (&wrong_kind, Subscribe, "site/7", false),
            (&client, Connect, "pump-17", true),
            (&client, Connect, "pump-18", false),
            (&client, Publish, "pump-17", false),
        ],
    );
}

#[test]
fn wildcards_of_policies_are_not_those_of_filters() {
    let star = allow("iot:Publish", "topic/site/*");
    let question = allow("iot:Publish", "topic/site/?/level");
    let plus = allow("iot:Subscribe", "topicfilter/site/+/level");
    let hash = allow("iot:Subscribe", "topicfilter/site/#");
    let filters = allow("iot:Subscribe", "topicfilter/site/*");
    let published = allow("iot:Publish", "topic/site/+/level");
    check(
        &pump(),
        &[
            (&star, Publish, "site/7", true),
            (&star, Publish, "site/7/level/x", true),
            (&star, Publish, "site/", true),
            (&star, Publish, "site", false),
            (&question, Publish, "site/7/level", true),
            (&question, Publish, "site/17/level", false),
            (&question, Publish, "site///level", true),
            (&plus, Subscribe, "site/+/level", true),
            (&plus, Subscribe, "site/7/level", false),
            (&hash, Subscribe, "site/#", true),
            (&hash, Subscribe, "site/7", false),
            (&filters, Subscribe, "site/#", true),
            (&filters, Subscribe, "site/+/level", true),
            (&filters, Subscribe, "#", false),
            (&published, Publish, "site/7/level", false),
        ],
    );
}

#[test]
fn arns_and_names_of_actions_take_wildcards() {
    let everything = allow("*", "*");
    let service = allow("iot:*", "*");
    let part = allow("iot:Re*", "topic/a");
    let any_account = allow("iot:Publish", "arn:aws:iot:*:*:topic/a");
    let other_region = allow("iot:Publish", "arn:aws:iot:eu-west-1:123456789012:topic/a");
    let other_account = allow("iot:Publish", "arn:aws:iot:us-east-1:210987654321:topic/a");
    let any_case = allow("IOT:publish", "topic/a");
    let other_service = allow("s3:*", "*");
    check(
        &pump(),
        &[
            (&everything, Connect, "x", true),
            (&everything, Action::DescribeJobExecution, "x", true),
            (&service, Subscribe, "#", true),
            (&service, Action::GetThingShadow, "x", true),
            (&service, Action::DescribeJobExecution, "x", false),
            (&part, Receive, "a", true),
            (&part, RetainPublish, "a", true),
            (&part, Publish, "a", false),
            (&any_account, Publish, "a", true),
            (&any_account, Publish, "b", false),
            (&other_region, Publish, "a", false),
            (&other_account, Publish, "a", false),
            (&any_case, Publish, "a", true),
            (&other_service, Publish, "a", false),
        ],
    );
}

#[test]
fn a_denial_wins_in_any_order_and_policy() {
    let first = format!("{},{}", deny("iot:Publish", "topic/a/b"), allow("iot:*", "*"));
    let last = format!("{},{}", allow("iot:*", "*"), deny("iot:Publish", "topic/a/b"));
    check(
        &pump(),
        &[
            (&first, Publish, "a/b", false),
            (&first, Publish, "a/c", true),
            (&first, Receive, "a/b", true),
            (&last, Publish, "a/b", false),
            (&last, Publish, "a/c", true),
        ],
    );
    let (allowing, denying) =
        (policy(&allow("iot:*", "*")), policy(&deny("iot:Publish", "topic/a")));
    let policies = [("all", &allowing), ("not-a", &denying)];
    let grants = Grants::of(policies, &pump(), &Account::default());
    let Decision::Denied(by) = grants.decide(Publish, "a") else { panic!("not denied") };
    assert_eq!((by.policy.as_str(), by.index), ("not-a", 0));
    let Decision::Allowed(by) = grants.decide(Publish, "b") else { panic!("not allowed") };
    assert_eq!(by.policy, "all");
    let nothing = Grants::of([], &pump(), &Account::default());
    assert_eq!(nothing.decide(Publish, "a"), Decision::NotMentioned);
}

#[test]
fn variables_have_the_values_of_the_connection() {
    let client = allow("iot:Connect", "client/${iot:ClientId}");
    let thing = allow("iot:Connect", "client/${iot:Connection.Thing.ThingName}");
    let topic = allow("iot:Publish", "topic/${iot:Connection.Thing.ThingName}/*");
    let site = allow("iot:Publish", "topic/${iot:Connection.Thing.Attributes[site]}/*");
    let kind = allow("iot:Publish", "topic/${iot:Connection.Thing.ThingTypeName}");
    let name = allow("iot:Publish", "topic/${iot:Certificate.Subject.CommonName}");
    let indexed = allow("iot:Publish", "topic/${iot:Certificate.Subject.CommonName.0}");
    let address = allow("iot:Publish", "topic/${aws:SourceIp}");
    let rows: [Row<'_>; 11] = [
        (&client, Connect, "pump-17", true),
        (&thing, Connect, "pump-17", true),
        (&thing, Connect, "pump-18", false),
        (&topic, Publish, "pump-17/level", true),
        (&topic, Publish, "pump-18/level", false),
        (&site, Publish, "north/level", true),
        (&site, Publish, "south/level", false),
        (&kind, Publish, "Pump", true),
        (&name, Publish, "pump-17.example", true),
        (&indexed, Publish, "pump-17.example", true),
        (&address, Publish, "192.0.2.7", true),
    ];
    check(&pump(), &rows);
    for (statements, action, name, _) in rows {
        check(&Context::new(), &[(statements, action, name, false)]);
    }
}

#[test]
fn a_value_brings_no_wildcards_and_no_variables() {
    let context =
        Context::new().with("iot:ClientId", "*").with("iot:DomainName", "${iot:ClientId}");
    let client = allow("iot:Publish", "topic/${iot:ClientId}/x");
    let domain = allow("iot:Publish", "topic/${iot:DomainName}");
    let literal = allow("iot:Publish", "topic/a${*}b${?}${$}");
    check(
        &context,
        &[
            (&client, Publish, "*/x", true),
            (&client, Publish, "other/x", false),
            (&domain, Publish, "${iot:ClientId}", true),
            (&domain, Publish, "*", false),
            (&literal, Publish, "a*b?$", true),
            (&literal, Publish, "axb?$", false),
        ],
    );
}

#[test]
fn the_old_version_has_no_variables() {
    let text = r#"{"Version": "2008-10-17", "Statement": {"Effect": "Allow",
        "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/${iot:ClientId}"}}"#;
    let policy = Policy::parse(text).unwrap();
    let grants = Grants::of([("old", &policy)], &pump(), &Account::default());
    assert!(grants.allow(Publish, "${iot:ClientId}"));
    assert!(!grants.allow(Publish, "pump-17"));
}

#[test]
fn things_must_be_attached() {
    let attached = statement(
        "Allow",
        "iot:Connect",
        "client/*",
        r#"{"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}"#,
    );
    let typed = statement(
        "Allow",
        "iot:Publish",
        "topic/a",
        r#"{"StringEquals": {"iot:Connection.Thing.ThingTypeName": "Pump",
            "iot:Connection.Thing.Attributes[site]": ["south", "north"]},
            "Bool": {"iot:Connection.Thing.IsAttached": true}}"#,
    );
    let other = typed.replace("\"Pump\"", "\"Valve\"");
    check(
        &pump(),
        &[
            (&attached, Connect, "pump-17", true),
            (&typed, Publish, "a", true),
            (&typed, Publish, "b", false),
            (&other, Publish, "a", false),
        ],
    );
    let stranger = Context::new().with("iot:Connection.Thing.IsAttached", "false");
    check(&stranger, &[(&attached, Connect, "x", false), (&typed, Publish, "a", false)]);
}

#[test]
fn attributes_of_connect() {
    let with = |attributes: &[&str]| {
        let none = Context::new();
        attributes.iter().fold(none, |context, one| context.with("iot:ConnectAttributes", *one))
    };
    let only_persistent = statement(
        "Allow",
        "iot:Connect",
        "*",
        r#"{"ForAllValues:StringEquals": {"iot:ConnectAttributes": ["PersistentConnect"]}}"#,
    );
    let not_persistent = only_persistent.replace("StringEquals", "StringNotEquals");
    let must = only_persistent.replace("ForAllValues", "ForAnyValue");
    let denied = format!("{},{}", allow("iot:Connect", "*"), must.replace("\"Allow\"", "\"Deny\""));
    for (statements, none, persistent, will, both) in [
        (&only_persistent, true, true, false, false),
        (&not_persistent, true, false, true, false),
        (&must, false, true, false, true),
        (&denied, true, false, true, false),
        (&allow("iot:Connect", "*"), true, true, true, true),
    ] {
        for (attributes, allowed) in [
            (&[][..], none),
            (&["PersistentConnect"], persistent),
            (&["LastWill"], will),
            (&["PersistentConnect", "LastWill"], both),
        ] {
            check(&with(attributes), &[(statements, Connect, "x", allowed)]);
        }
    }
}

#[test]
fn addresses_and_exceptions() {
    let office = statement(
        "Allow",
        "iot:*",
        "*",
        r#"{"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}}"#,
    );
    let elsewhere = office.replace("192.0.2.0/24", "198.51.100.0/24");
    let not_action = allow("iot:Publish", "*").replace(r#""Action""#, r#""NotAction""#);
    let not_resource =
        allow("iot:Publish", "topic/secret/*").replace(r#""Resource""#, r#""NotResource""#);
    let unknown = allow("iot:Publish", "topic/${iot:DomainName}")
        .replace(r#""Resource""#, r#""NotResource""#);
    check(
        &pump(),
        &[
            (&office, Publish, "a", true),
            (&elsewhere, Publish, "a", false),
            (&not_action, Publish, "a", false),
            (&not_action, Receive, "a", true),
            (&not_resource, Publish, "secret/a", false),
            (&not_resource, Publish, "public/a", true),
            (&not_resource, Receive, "public/a", false),
            (&unknown, Publish, "a", false),
        ],
    );
}

#[test]
fn retain_needs_both() {
    let both = policy(&allow("iot:Publish iot:RetainPublish", "topic/a"));
    let publish = policy(&allow("iot:Publish", "topic/a"));
    let retain = policy(&allow("iot:RetainPublish", "topic/a"));
    for (policy, plain, retained) in
        [(&both, true, true), (&publish, true, false), (&retain, false, false)]
    {
        let grants = Grants::of([("p", policy)], &pump(), &Account::default());
        assert_eq!(grants.allow_publish("a", false), plain);
        assert_eq!(grants.allow_publish("a", true), retained);
    }
}

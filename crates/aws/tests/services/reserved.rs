//! Which topic is what, and who may use it.

use evenkeel_aws::{
    Claim, Format, JobsOperation, ProvisioningOperation, Reserved, ShadowOperation, claim,
    may_subscribe,
};

#[test]
fn topics_are_taken_apart() {
    let shadow = |name, operation| Reserved::Shadow { thing: "lamp", name, operation };
    let jobs = |operation| Reserved::Jobs { thing: "lamp", operation };
    let provisioning = |operation, format| Reserved::Provisioning { operation, format };
    let ingest = |topic| Reserved::BasicIngest { rule: "store", topic };
    let cases = [
        ("$aws/things/lamp/shadow/get", shadow(None, ShadowOperation::Get)),
        ("$aws/things/lamp/shadow/update", shadow(None, ShadowOperation::Update)),
        ("$aws/things/lamp/shadow/delete", shadow(None, ShadowOperation::Delete)),
        ("$aws/things/lamp/shadow/name/$a:b/get", shadow(Some("$a:b"), ShadowOperation::Get)),
        ("$aws/things/lamp/shadow/name/get/update", shadow(Some("get"), ShadowOperation::Update)),
        ("$aws/things/lamp/jobs/get", jobs(JobsOperation::GetPending)),
        ("$aws/things/lamp/jobs/start-next", jobs(JobsOperation::StartNext)),
        ("$aws/things/lamp/jobs/$next/get", jobs(JobsOperation::Describe("$next"))),
        ("$aws/things/lamp/jobs/j-1/get", jobs(JobsOperation::Describe("j-1"))),
        ("$aws/things/lamp/jobs/j-1/update", jobs(JobsOperation::Update("j-1"))),
        ("$aws/things/lamp/jobs/$next/update", jobs(JobsOperation::Invalid)),
        ("$aws/things/lamp/jobs/a/b/c", jobs(JobsOperation::Invalid)),
        (
            "$aws/certificates/create/json",
            provisioning(ProvisioningOperation::CreateKeysAndCertificate, Format::Json),
        ),
        (
            "$aws/certificates/create-from-csr/cbor",
            provisioning(ProvisioningOperation::CreateCertificateFromCsr, Format::Cbor),
        ),
        (
            "$aws/provisioning-templates/t_1/provision/json",
            provisioning(ProvisioningOperation::RegisterThing("t_1"), Format::Json),
        ),
        ("$aws/rules/store/a/b", ingest("a/b")),
        ("$aws/rules/store/1/2/3/4/5/6/7/8/9/10/11", ingest("1/2/3/4/5/6/7/8/9/10/11")),
        ("$aws/rules/store", ingest("")),
        ("$aws/things/lamp/defender/metrics/json", Reserved::NotEmulated),
        ("$aws/things/lamp/streams/s/get/cbor", Reserved::NotEmulated),
    ];
    for (topic, expected) in cases {
        assert_eq!(Reserved::parse(topic), Some(expected), "{topic}");
        assert_eq!(claim(topic), Claim::Consume, "{topic}");
    }
}

#[test]
fn clients_only_subscribe_to_answers() {
    let answers = [
        "$aws/things/lamp/shadow/get/accepted",
        "$aws/things/lamp/shadow/update/delta",
        "$aws/things/lamp/shadow/name/n/update/documents",
        "$aws/things/lamp/shadow/name/n/delete/rejected",
        "$aws/things/lamp/jobs/notify",
        "$aws/things/lamp/jobs/notify-next",
        "$aws/things/lamp/jobs/get/accepted",
        "$aws/things/lamp/jobs/j/update/rejected",
        "$aws/certificates/create/json/accepted",
        "$aws/provisioning-templates/t/provision/cbor/rejected",
        "$aws/events/presence/connected/lamp",
        "$aws/things/lamp/tunnels/notify",
    ];
    for topic in answers {
        assert_eq!(Reserved::parse(topic), Some(Reserved::Answer), "{topic}");
        assert_eq!(claim(topic), Claim::Forbid, "{topic}");
        assert!(may_subscribe(topic), "{topic}");
    }
}

#[test]
fn what_is_none_of_awss_is_forbidden() {
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    assert_eq!(claim(&format!("$aws/things/{longest}/shadow/get")), Claim::Consume);
    let topics = [
        format!("$aws/things/{too_long}/shadow/get"),
        "$aws/things/la mp/shadow/get".to_owned(),
        "$aws/things//shadow/get".to_owned(),
        "$aws/things/lamp/shadow".to_owned(),
        "$aws/things/lamp/shadow/name/get".to_owned(),
        format!("$aws/things/lamp/shadow/name/{}/get", "x".repeat(65)),
        "$aws/things/lamp/shadow/get/more".to_owned(),
        "$aws/certificates/create/xml".to_owned(),
        "$aws/provisioning-templates/t/create/json".to_owned(),
        "$aws/rules".to_owned(),
        "$aws/rules/no-hyphen/a".to_owned(),
        "$aws".to_owned(),
        "$SYS/broker".to_owned(),
        "$".to_owned(),
    ];
    for topic in topics {
        assert_eq!(Reserved::parse(&topic), Some(Reserved::Unknown), "{topic}");
        assert_eq!(claim(&topic), Claim::Forbid, "{topic}");
    }
}

#[test]
fn ordinary_topics_pass() {
    for topic in ["sensors/1", "a/$aws/things", "aws/things/lamp/shadow/get", ""] {
        assert_eq!(Reserved::parse(topic), None, "{topic}");
        assert_eq!(claim(topic), Claim::Pass, "{topic}");
    }
}

#[test]
fn filters_of_answers_may_have_wildcards_and_basic_ingest_has_none() {
    let allowed = [
        "#",
        "a/b",
        "+/b",
        "$aws/things/lamp/shadow/get/+",
        "$aws/things/+/shadow/#",
        "$aws/events/presence/+/+",
        "$aws/#",
        "$share/group/$aws/events/#",
        "$share/group/a",
    ];
    for filter in allowed {
        assert!(may_subscribe(filter), "{filter}");
    }
    for filter in ["$aws/rules/#", "$aws/rules/store/a", "$share/g/$aws/rules/#", "$SYS/#", "$aws"]
    {
        assert!(!may_subscribe(filter), "{filter}");
    }
}

//! Fleet provisioning, at a broker behind which somebody answers as AWS does, or not.

use std::path::{Path, PathBuf};

use evenkeel::{Client, QoS};
use evenkeel_broker::Broker;
use serde_json::{Value, json};

use crate::pki::Pki;
use crate::support::{Run, evenkeel, folder, is_private};

const CREATE: &str = "$aws/certificates/create/json";
const SIGN: &str = "$aws/certificates/create-from-csr/json";
const REGISTER: &str = "$aws/provisioning-templates/pumps/provision/json";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\n";

/// What is answered to a request, by topic and payload: the end of the topic and the payload.
type Answers = fn(&str, &Value) -> Option<(&'static str, String)>;

/// As AWS answers.
fn aws(topic: &str, request: &Value) -> Option<(&'static str, String)> {
    let mut created = json!({
        "certificateId": "c1d",
        "certificatePem": CERTIFICATE,
        "certificateOwnershipToken": "t0ken",
    });
    let answer = match topic {
        CREATE => {
            created["privateKey"] = KEY.into();
            created
        }
        SIGN if request["certificateSigningRequest"].is_string() => created,
        REGISTER if request["certificateOwnershipToken"] == "t0ken" => {
            let serial = request["parameters"]["SerialNumber"].as_str();
            let Some(serial) = serial else { return Some(rejected()) };
            json!({ "thingName": format!("pump {serial}"), "deviceConfiguration": { "a": "b" } })
        }
        other => panic!("{other}: {request}"),
    };
    Some(("accepted", answer.to_string()))
}

fn rejected() -> (&'static str, String) {
    let why = json!({
        "statusCode": 400,
        "errorCode": "InvalidParameters",
        "errorMessage": "SerialNumber is missing",
    });
    ("rejected", why.to_string())
}

/// A broker that wants the claim's certificate, with somebody who answers.
struct Cloud {
    pki: Pki,
    broker: Broker,
    _responder: Client,
}

impl Cloud {
    async fn start(answers: Answers) -> Self {
        let pki = Pki::new();
        let broker = pki.broker(true).await;
        let responder = Client::builder(broker.url()).start().unwrap();
        let topics = [CREATE, SIGN, REGISTER];
        let mut requests = responder.subscribe(topics).qos(QoS::AtLeastOnce).await.unwrap();
        let client = responder.clone();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let payload = serde_json::from_slice(request.payload()).unwrap();
                if let Some((outcome, answer)) = answers(request.topic(), &payload) {
                    let topic = format!("{}/{outcome}", request.topic());
                    client.publish(topic, answer).await.unwrap().await.unwrap();
                }
            }
        });
        Self { pki, broker, _responder: responder }
    }

    fn provision(&self, out: &Path) -> Run {
        let port = self.broker.tls_addr().unwrap().port().to_string();
        let path = |name: &str| self.pki.path(name);
        let out = out.display().to_string();
        evenkeel("aws provision -h localhost --template pumps")
            .args(["-p", &port, "--cafile", &path("ca.pem"), "--out", &out])
            .args(["--claim-cert", &path("client.pem"), "--claim-key", &path("client.key")])
    }
}

fn parameters(text: &str) -> String {
    let path = folder().join("parameters.json");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn read(path: PathBuf) -> String {
    is_private(&path);
    std::fs::read_to_string(path).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_device_gets_certificate_and_key_in_a_folder_of_its_own() {
    let cloud = Cloud::start(aws).await;
    let (base, file) = (folder(), parameters(r#"{"SerialNumber": "4711"}"#));
    let out = base.join("devices/pump");
    let provision = || cloud.provision(&out).args(["--parameters", &file]);
    let ran = provision().run().await.expect(0);
    assert_eq!(ran.out, format!("pump 4711 is registered; its files are in {}\n", out.display()));
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    let certificate = out.join("certificate.pem");
    let words = format!("--cert {} --key ", certificate.display());
    ran.says("connect by it: evenkeel pub -h localhost -p ").says(&words).says("-i 'pump 4711'");
    assert_eq!(names(&out), ["certificate.pem", "private.key", "thing.json"]);
    assert_eq!(read(certificate), CERTIFICATE);
    assert_eq!(read(out.join("private.key")), KEY);
    let thing: Value = serde_json::from_str(&read(out.join("thing.json"))).unwrap();
    let expected = json!({
        "thingName": "pump 4711",
        "certificateId": "c1d",
        "deviceConfiguration": { "a": "b" },
    });
    assert_eq!(thing, expected);
    // Nothing is written over.
    let ran = provision().run().await.expect(2);
    let place = out.display();
    ran.says(&format!(
        "error: '{place}' is there already\nwhy: a key that is written over is lost"
    ));
    assert_eq!(names(&base.join("devices")), ["pump"]);
}

#[tokio::test]
async fn a_key_may_stay_on_the_device() {
    let cloud = Cloud::start(aws).await;
    let (base, file) = (folder(), parameters(r#"{"SerialNumber": "1"}"#));
    let request = base.join("device.csr");
    let pem = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n";
    std::fs::write(&request, pem).unwrap();
    let request = request.display().to_string();
    let out = base.join("pump");
    let run = cloud.provision(&out).args(["--parameters", &file, "--csr", &request, "--json"]);
    let line: Value = serde_json::from_str(&run.run().await.out()).unwrap();
    let expected = json!({
        "v": 1,
        "type": "provisioned",
        "thing": "pump 1",
        "certificate_id": "c1d",
        "certificate": out.join("certificate.pem"),
        "key": null,
    });
    assert_eq!(line, expected);
    assert_eq!(names(&out), ["certificate.pem", "thing.json"]);
    let bad = cloud.pki.path("ca.pem");
    let ran = cloud.provision(&base.join("other")).args(["--csr", &bad]).run().await.expect(2);
    ran.says("why: the certificate signing request is none in PEM\nhint: make one with 'openssl ");
}

#[tokio::test]
async fn a_rejection_leaves_nothing() {
    let cloud = Cloud::start(aws).await;
    let base = folder();
    let ran = cloud.provision(&base.join("pump")).run().await.expect(7);
    assert_eq!(ran.out, "");
    ran.says(
        "error: the device was not provisioned\nwhy: the server rejected the request to register \
         the device: 400 InvalidParameters: SerialNumber is missing\nhint: check the parameters ",
    );
    assert!(names(&base).is_empty());
    let cloud = Cloud::start(|_, _| Some(rejected())).await;
    let ran = cloud.provision(&base.join("pump")).run().await.expect(7);
    ran.says("rejected the request to make a key and a certificate: 400 ");
    assert!(names(&base).is_empty());
}

/// What may be registered is kept. Each waits for the program's own limit.
#[tokio::test]
async fn no_answer_and_a_bad_one_keep_what_may_be_in_use() {
    let silent = async {
        let base = folder();
        let cloud = Cloud::start(
            |topic, request| {
                if topic == REGISTER { None } else { aws(topic, request) }
            },
        )
        .await;
        let out = base.join("pump");
        let ran = cloud.provision(&out).args(["-W", "4"]).run().await.expect(5);
        let partial = format!("{}.partial", out.display());
        ran.says("why: the server gave no answer within 4s to the request to register the device")
            .says("hint: the device may be registered: certificate and key are in ")
            .says(&partial);
        assert_eq!(names(Path::new(&partial)), ["certificate.pem", "private.key"]);
        assert_eq!(read(PathBuf::from(&partial).join("private.key")), KEY);
        let ran = cloud.provision(&out).run().await.expect(2);
        ran.says(".partial' is there already\nwhy: an earlier run left it");
    };
    let nothing_at_all = async {
        let base = folder();
        let cloud = Cloud::start(|_, _| None).await;
        let ran = cloud.provision(&base.join("pump")).args(["-W", "4"]).run().await.expect(5);
        ran.says("to the request to make a key and a certificate\nhint: check that the claim ");
        assert!(names(&base).is_empty());
    };
    let bad = async {
        let base = folder();
        let cloud = Cloud::start(|_, _| Some(("accepted", "hunter2".to_owned()))).await;
        let ran = cloud.provision(&base.join("pump")).run().await.expect(18);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.says(
            "certificate is no JSON object with a certificate and its ownership token\nhint: ",
        );
        assert!(names(&base).is_empty());
    };
    tokio::join!(silent, nothing_at_all, bad);
}

#[tokio::test]
async fn mistakes_are_found_before_anything_is_sent() {
    let cloud = Cloud::start(|topic, _| panic!("{topic} was asked")).await;
    let base = folder();
    let out = base.join("pump");
    for (text, line) in [("", 1), ("[]", 1), ("{\n\"a\": 1}", 2), ("{\"hunter2\"", 1)] {
        let file = parameters(text);
        let ran = cloud.provision(&out).args(["--parameters", &file]).run().await.expect(2);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.says(&format!("error: '{file}' has no parameters\nwhy: line {line} is no part"));
    }
    let provision = |words| cloud.provision(&out).args(words);
    let ran = provision(["--template", "a/b"]).run().await.expect(2);
    ran.says("why: the name of the provisioning template is none\nhint: it has 1 to 36 letters");
    let ran = provision(["--claim-cert", "/no/such/file"]).run().await.expect(2);
    ran.says("error: cannot read '/no/such/file'");
    let ran = evenkeel("aws provision -h h").run().await.expect(2);
    ran.says("--template <NAME>").says("hint: see 'evenkeel aws provision --help'");
    assert!(names(&base).is_empty());
}

/// The claim is refused: nothing is left behind.
#[tokio::test]
async fn a_claim_that_is_refused_leaves_nothing() {
    let (cloud, other, base) = (Cloud::start(aws).await, Pki::new(), folder());
    let words =
        ["--claim-cert", &other.path("client.pem"), "--claim-key", &other.path("client.key")];
    cloud.provision(&base.join("pump")).args(words).run().await.expect(6);
    assert!(names(&base).is_empty());
}

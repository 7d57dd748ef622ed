//! `evenkeel aws thing` and `certificate` beside a running broker.

use serde_json::{Value, json};

use crate::emulator::Account;
use crate::support::{Run, evenkeel, is_private};

impl Account {
    fn aws(&self, words: &str) -> Run {
        evenkeel(&format!("aws {words} --aws")).args([self.0.to_str().unwrap()])
    }

    async fn answer(&self, words: &str) -> Value {
        serde_json::from_str(&self.aws(words).run().await.out()).unwrap()
    }

    /// A client that comes in by this certificate of the folder.
    fn by(&self, name: &str, port: &str) -> Run {
        let path = |end: &str| self.path(&format!("certificates/{name}.{end}"));
        evenkeel(&format!("pub -q 1 -W 3 -h localhost -p {port} --aws-region eu-west-1 -i {name}"))
            .args(["--cafile", self.path("ca.pem").to_str().unwrap()])
            .args(["--cert", path("pem").to_str().unwrap()])
            .args(["--key", path("key").to_str().unwrap(), "site/7", "x"])
    }
}

#[tokio::test]
async fn a_thing_and_its_certificate_come_and_go() {
    let account = Account::new().await;
    let (running, port) = account.start().await;
    let added = "thing add pump-18 --type pump --attribute site=north --attribute floor=2";
    assert_eq!(account.answer(added).await, json!({ "thing": "pump-18" }));
    let things = account.answer("thing list").await;
    let expected = json!({"thing": "pump-18", "type": "pump",
        "attributes": {"site": "north", "floor": "2"}});
    assert!(things.as_array().unwrap().contains(&expected), "{things}");

    let made = "certificate add pump-18 --thing pump-18 --policy thing";
    let ran = account.aws(made).run().await.expect(0);
    let certificate: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(certificate["status"], "ACTIVE");
    assert!(ran.err.contains("certificates/pump-18.key"), "{}", ran.err);
    is_private(&account.path("certificates/pump-18.key"));
    account.by("pump-18", &port).run().await.expect(0);

    // Nothing is written over, and a certificate that is refused leaves no files.
    let key = std::fs::read(account.path("certificates/pump-18.key")).unwrap();
    let again = account.aws(made).run().await;
    assert_ne!(again.code, 0);
    again.says("pump-18.key' cannot be written");
    assert_eq!(std::fs::read(account.path("certificates/pump-18.key")).unwrap(), key);
    let refused = account.aws("certificate add pump-19 --policy none").run().await;
    assert_ne!(refused.code, 0);
    refused.says("none");
    for end in ["pem", "key", "toml"] {
        assert!(!account.path(&format!("certificates/pump-19.{end}")).exists(), "{end}");
    }

    // As at AWS, what is in use stays.
    account.aws("thing delete pump-18").run().await.says("attached");
    account.aws("certificate delete pump-18").run().await.says("it is ACTIVE");
    let off = account.answer("certificate deactivate pump-18").await;
    assert_eq!(off["status"], "INACTIVE");
    assert_ne!(account.by("pump-18", &port).run().await.code, 0);
    account.answer("certificate activate pump-18").await;
    account.by("pump-18", &port).run().await.expect(0);
    account.answer("certificate deactivate pump-18").await;
    account.aws("certificate delete pump-18").run().await.says("hint: detach it first");
    let left = account.answer("certificate detach pump-18 --thing pump-18").await;
    assert_eq!(left["things"], json!([]));
    account.aws("certificate delete pump-18").run().await.says("hint: --force");
    account.answer("certificate delete pump-18 --force").await;
    account.answer("thing delete pump-18").await;
    assert!(account.path("certificates/pump-18.key").exists(), "a device may need it");
    running.signal("KILL").await;
    running.ended().await;

    let (_running, port) = account.start().await;
    assert!(!account.answer("thing ls").await.to_string().contains("pump-18"));
    assert_ne!(account.by("pump-18", &port).run().await.code, 0);
}

#[tokio::test]
async fn what_was_added_outlives_a_kill() {
    let account = Account::new().await;
    let (running, _) = account.start().await;
    account.answer("thing add pump-18").await;
    account.answer("certificate add pump-18 --inactive").await;
    let attached = "certificate attach pump-18 --policy thing --thing pump-18 --exclusive";
    let certificate = account.answer(attached).await;
    assert_eq!(certificate["things"], json!(["pump-18"]));
    account.answer("certificate set pump-18 active").await;
    let twice = account.aws("certificate attach pump-18 --thing pump-17").run().await;
    assert_ne!(twice.code, 0, "it is exclusive");
    running.signal("KILL").await;
    running.ended().await;
    let (_running, port) = account.start().await;
    account.by("pump-18", &port).run().await.expect(0);
}

#[tokio::test]
async fn a_key_may_stay_elsewhere() {
    let account = Account::new().await;
    let (_running, _) = account.start().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::new([]).unwrap().serialize_request(&key).unwrap();
    account.write("device.csr", &request.pem().unwrap());
    let csr = account.path("device.csr").display().to_string();
    let add = || account.aws("certificate add pump-18");
    add().args(["--csr", &csr]).run().await.expect(0);
    assert!(account.path("certificates/pump-18.pem").exists());
    assert!(!account.path("certificates/pump-18.key").exists());
    account.write("device.csr", "no request");
    account.aws("certificate add pump-19").args(["--csr", &csr]).run().await.expect(2);
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_done() {
    let account = Account::new().await;
    let thing = account.aws("thing add pump-18").run().await;
    assert_ne!(thing.code, 0);
    thing.says("no broker serves");
    let made = account.aws("certificate add pump-18").run().await;
    assert_ne!(made.code, 0);
    made.says("no broker serves");
    assert!(!account.path("certificates/pump-18.key").exists());
    account.aws("certificate add ../x").run().await.expect(2).says("is no name");
    account.aws("certificate delete x").run().await.expect(2).says("is no certificate");
    account.aws("thing add x --attribute y").run().await.expect(2).says("is no attribute");
    let twice = account.aws("thing add x --attribute y=1 --attribute y=2").run().await;
    twice.expect(2).says("is given twice");
}

#[cfg(unix)]
#[tokio::test]
async fn the_key_stays_unless_it_is_sure_that_nothing_was_registered() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

    let account = Account::new().await;
    let socket = account.path("admin.sock");
    for (answer, stays) in [("", true), ("{\"error\": \"no\"}\n", false)] {
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let broker = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::BufReader::new(&mut stream).read_line(&mut String::new()).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            drop(stream);
        };
        let add = account.aws("certificate add pump-18").run();
        let (ran, ()) = tokio::join!(add, broker);
        assert_ne!(ran.code, 0);
        assert_eq!(ran.err.contains("its files stay"), stays, "{}", ran.err);
        for end in ["pem", "key"] {
            let path = account.path(&format!("certificates/pump-18.{end}"));
            assert_eq!(path.exists(), stays, "{end} after {answer:?}");
            let _ = std::fs::remove_file(path);
        }
        std::fs::remove_file(&socket).unwrap();
    }
}

#[tokio::test]
async fn a_request_whose_outcome_cannot_be_written_is_refused() {
    let account = Account::new().await;
    // In the way of the state, which is written there first.
    std::fs::create_dir(account.path("state.jsonl.partial")).unwrap();
    let (_running, _) = account.start().await;
    let ran = account.aws("thing add pump-18").run().await;
    assert_ne!(ran.code, 0);
    ran.says("the state cannot be written");
}

//! `evenkeel queue` on stores that a client left behind.

use std::path::{Path, PathBuf};

use evenkeel_store::codec::{PacketId, Properties, Property, Publish, QoS, Text};
use evenkeel_store::record::{Accepted, Priority, Record, Serial, UnixMillis};
use evenkeel_store::{FileStore, Store};

use crate::support::{Ran, evenkeel, folder};

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn accepted(serial: u64, topic: &str, payload: &[u8], priority: Priority) -> Record {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: serial == 1,
        topic: text(topic),
        packet_id: None,
        payload: payload.to_vec().into(),
        properties: Properties::new().with(Property::ContentType(text("text/plain"))),
    };
    let accepted = UnixMillis(1_800_000_000_000 + serial);
    let expires = (serial == 0).then_some(UnixMillis(1_900_000_000_000));
    let (serial, age) = (Serial(serial), None);
    Record::Accepted(Accepted { serial, publish, accepted, expires, age, priority })
}

/// Two queued messages, one sent, one in quarantine.
fn filled() -> PathBuf {
    let path = folder().join("pump.session");
    let mut store = FileStore::open(&path).unwrap();
    store
        .commit(&[
            accepted(0, "site/7/level", b"4.2", Priority::Normal),
            accepted(1, "site/7/alarm", "hei\u{df}".as_bytes(), Priority::High),
            accepted(2, "site/7/raw", &[0, 255], Priority::Normal),
            accepted(3, "site/7/poison", b"boom", Priority::Low),
            Record::Sent { serial: Serial(2), packet_id: PacketId::new(9).unwrap() },
            Record::Quarantined { serial: Serial(3), deaths: 2, attempts: 5 },
        ])
        .unwrap();
    path
}

async fn queue(action: &str, path: &Path, rest: &str) -> Ran {
    evenkeel(&format!("queue {action} {} {rest}", path.display())).run().await
}

fn json(ran: &str) -> Vec<serde_json::Value> {
    ran.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn serials(path: &Path) -> Vec<u64> {
    let listed = queue("ls", path, "--json").await.out();
    json(&listed).iter().map(|line| line["serial"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn ls_is_a_table_for_people() {
    let path = filled();
    let ran = queue("ls", &path, "").await.expect(0);
    assert_eq!(
        ran.out,
        "  SERIAL  STATE        PRIOR.  Q  ACCEPTED (UTC)           BYTES  TOPIC\n       \
         0  queued       normal  1  2027-01-15T08:00:00Z         3  site/7/level\n       \
         1  queued       high    1  2027-01-15T08:00:00Z         5  site/7/alarm\n       \
         2  sent         normal  1  2027-01-15T08:00:00Z         2  site/7/raw\n       \
         3  quarantined  low     1  2027-01-15T08:00:00Z         4  site/7/poison\n"
    );
    assert_eq!(ran.err, "4 messages, 14 bytes of payload\n1 in quarantine\n");
    let ran = queue("ls", &path, "--state sent").await.expect(0);
    assert_eq!(ran.out.lines().count(), 2);
    assert!(ran.out.ends_with("site/7/raw\n"));
}

#[tokio::test]
async fn ls_has_json_lines() {
    let listed = json(&queue("ls", &filled(), "--json").await.out());
    assert_eq!(
        listed[0],
        serde_json::json!({
            "v": 1, "type": "stored", "serial": 0, "state": "queued", "priority": "normal",
            "accepted": "2027-01-15T08:00:00.000000000Z",
            "expires": "2030-03-17T17:46:40.000000000Z",
            "topic": "site/7/level", "qos": 1, "retain": false, "payload_bytes": 3,
            "properties": { "content_type": "text/plain" },
        })
    );
    assert_eq!((&listed[1]["retain"], &listed[1]["priority"]), (&true.into(), &"high".into()));
    assert_eq!((&listed[2]["state"], &listed[2]["packet_id"]), (&"sent".into(), &9.into()));
    assert_eq!(
        (&listed[3]["state"], &listed[3]["deaths"], &listed[3]["attempts"]),
        (&"quarantined".into(), &2.into(), &5.into())
    );
}

#[tokio::test]
async fn show_tells_all_about_one_message() {
    let path = filled();
    assert_eq!(
        queue("show", &path, "3").await.out(),
        "serial    3\nstate     quarantined: 2 connections died with it in flight; sent 5 times\n\
         priority  low\naccepted  2027-01-15T08:00:00.003000000Z\ntopic     site/7/poison\n\
         qos       1\nproperty  ContentType(\"text/plain\")\npayload   4 bytes\nboom\n"
    );
    let shown = json(&queue("show", &path, "2 --json").await.out());
    assert_eq!(shown[0]["payload_base64"], "AP8=");
    let shown = json(&queue("show", &path, "1 --json").await.out());
    assert_eq!(shown[0]["payload"], "hei\u{df}");
}

#[tokio::test]
async fn rm_removes_what_is_named_and_nothing_else() {
    let path = filled();
    queue("rm", &path, "0").await.expect(0).says("removed 1 message\n");
    assert_eq!(serials(&path).await, [1, 2, 3]);
    let removed = json(&queue("rm", &path, "--quarantined --json").await.out());
    assert_eq!((&removed[0]["serial"], &removed[0]["payload_bytes"]), (&3.into(), &4.into()));
    queue("rm", &path, "--queued").await.expect(0).says("removed 1 message\n");
    assert_eq!(serials(&path).await, [2], "what was sent is not removed");
    queue("rm", &path, "").await.expect(2);
}

#[tokio::test]
async fn rm_refuses_what_is_being_delivered_and_then_removes_none() {
    let path = filled();
    queue("rm", &path, "0 2").await.expect(23).says(
        "error: message 2 is being delivered\nwhy: packet identifier 9 is taken until the server \
         has answered\nhint: let the client connect and finish it\n",
    );
    queue("rm", &path, "0 77").await.expect(23).says(
        "error: there is no message 77\nwhy: it was delivered, removed, or never there\n\
         hint: evenkeel queue ls shows what is there\n",
    );
    assert_eq!(serials(&path).await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn requeue_gives_a_new_serial_behind_all_others() {
    let path = filled();
    queue("requeue", &path, "0").await.expect(23).says(
        "error: message 0 is not in quarantine\nwhy: it is queued\nhint: evenkeel queue ls \
         --state quarantined shows which are\n",
    );
    let ran = queue("requeue", &path, "--all").await.expect(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("3 is 4 now\n", "queued 1 message again\n"));
    let listed = json(&queue("ls", &path, "--json").await.out());
    let last = listed.last().unwrap();
    assert_eq!((&last["serial"], &last["state"]), (&4.into(), &"queued".into()));
    assert_eq!(
        (&last["topic"], &last["accepted"], &last["priority"]),
        (&"site/7/poison".into(), &"2027-01-15T08:00:00.003000000Z".into(), &"low".into())
    );
    assert_eq!(serials(&path).await, [0, 1, 2, 4]);
    queue("requeue", &path, "--all").await.expect(0).says("queued 0 messages again\n");
}

#[tokio::test]
async fn export_prints_payloads_or_writes_them_to_files() {
    let path = filled();
    let exported = json(&queue("export", &path, "").await.out());
    assert_eq!(exported.len(), 4);
    assert_eq!(exported[0]["payload"], "4.2");
    assert_eq!(exported[2]["payload_base64"], "AP8=");
    let to = path.with_file_name("payloads");
    let ran = queue("export", &path, &format!("2 1 --to {}", to.display())).await.expect(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", "exported 2 messages\n"));
    assert_eq!(std::fs::read(to.join("2.payload")).unwrap(), [0, 255]);
    #[cfg(unix)]
    exported_files_are_private(&path, &to).await;
    assert_eq!(std::fs::read(to.join("1.payload")).unwrap(), "hei\u{df}".as_bytes());
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 2);
    assert_eq!(serials(&path).await, [0, 1, 2, 3], "exporting removes nothing");
}

/// S2: whoever else could read an earlier file; and none is written through a
/// link.
#[cfg(unix)]
async fn exported_files_are_private(path: &Path, to: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = to.join("2.payload");
    assert_eq!((mode(to), mode(&file)), (0o700, 0o600));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let again = format!("2 --to {}", to.display());
    queue("export", path, &again).await.expect(0);
    assert_eq!(mode(&file), 0o600);
    std::fs::rename(&file, to.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(to.join("elsewhere"), &file).unwrap();
    std::fs::write(to.join("elsewhere"), "keep me").unwrap();
    let ran = queue("export", path, &again).await.expect(1);
    assert!(
        ran.err.contains("it is a link, a folder or a device, and is left alone"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read(to.join("elsewhere")).unwrap(), b"keep me");
    std::fs::remove_file(&file).unwrap();
    std::fs::rename(to.join("elsewhere"), &file).unwrap();
}

/// S5: what only reads never writes. Case 24, and a disk that is read-only.
#[tokio::test]
async fn what_only_reads_changes_nothing() {
    let path = filled();
    let image = || -> Vec<(PathBuf, Vec<u8>)> {
        let entries = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.map(|file| (file.clone(), std::fs::read(file).unwrap())).collect();
        files.sort();
        files
    };
    let reads = ["ls", "show", "export", "export --salvage"];
    let before = image();
    for action in reads {
        let (action, flags) = action.split_once(' ').unwrap_or((action, ""));
        let rest = if action == "show" { "1" } else { flags };
        queue(action, &path, rest).await.expect(0);
    }
    assert_eq!(image(), before);
    // The last batch was being written as the process was killed.
    let mut store = FileStore::open(&path).unwrap();
    store.commit(&[accepted(4, "site/7/level", b"later", Priority::Normal)]).unwrap();
    drop(store);
    std::fs::remove_file(path.join("end")).unwrap();
    let file = path.join("segment-0000000001");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 3]).unwrap();
    let before = image();
    for action in ["ls", "show", "export"] {
        let rest = if action == "show" { "1" } else { "" };
        let ran = queue(action, &path, rest).await.expect(0);
        let warning = "warning: segment-0000000001: the last batch was not written to its end: ";
        assert!(ran.err.starts_with(warning), "{}", ran.err);
    }
    assert_eq!(image(), before);
    // One who writes cuts it off, and says so once.
    let ran = queue("requeue", &path, "--all").await.expect(0);
    assert!(ran.err.starts_with("warning: segment-0000000001: "), "{}", ran.err);
    let ran = queue("ls", &path, "").await.expect(0);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[tokio::test]
async fn a_damaged_store_is_refused_and_can_be_salvaged() {
    let path = filled();
    let mut store = FileStore::open(&path).unwrap();
    let more = accepted(4, "site/7/level", b"later", Priority::Normal);
    store.commit(&[more]).unwrap();
    drop(store);
    let file = path.join("segment-0000000001");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let ran = queue("ls", &path, "").await.expect(22);
    assert_eq!(
        ran.err,
        format!(
            "error: the store cannot be used\nwhy: {}: the bytes from 69 on are damaged\n\
             hint: restore the folder from a copy, or save what is left by `evenkeel queue export \
             --salvage`; nothing was changed\n",
            file.display()
        )
    );
    let ran = queue("export", &path, "--salvage").await.expect(0);
    assert_eq!(json(&ran.out)[0]["payload"], "later");
    assert_eq!(ran.err, "exported 1 message\nwarning: 1 damaged place was left out\n");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn a_store_in_use_is_refused_politely() {
    let path = filled();
    let _held = FileStore::open(&path).unwrap();
    for action in ["ls", "export", "export --salvage", "rm --queued", "requeue --all"] {
        let (action, flags) = action.split_once(' ').unwrap_or((action, ""));
        let ran = queue(action, &path, flags).await.expect(21);
        assert_eq!(
            ran.err,
            format!(
                "error: the store cannot be used\nwhy: the store {} is in use by process {}\n\
                 hint: stop the other process, or give each its own store\n",
                path.display(),
                std::process::id()
            )
        );
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_not_made() {
    let path = folder().join("absent");
    let ran = queue("ls", &path, "").await.expect(22);
    assert!(ran.err.contains("there is no folder "), "{}", ran.err);
    assert!(!path.exists());
    let file = folder().join("file");
    std::fs::write(&file, "x").unwrap();
    let ran = queue("ls", &file, "").await.expect(22);
    assert!(ran.err.contains("it is a file, where a folder was expected"), "{}", ran.err);
}

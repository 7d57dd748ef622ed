//! Cases about TLS: a client that passes each, and one that fails it.

use super::{advise, client};

const SUBSCRIBER: &str = "sub -h {host} -p {port} -i {client_id} -t {topic} -q 1 \
                          --cafile {ca} --cert {cert} --key {key}";

const UNTRUSTED: [&str; 3] = [
    "TLS_Unsecure_Server_Cert",
    "TLS_Incorrect_Subject_Name_Server_Cert",
    "TLS_Expired_Server_Cert",
];

#[tokio::test]
async fn a_client_with_tls_passes() {
    let out = advise("--suite tls", SUBSCRIBER).await.out();
    let lines: Vec<&str> = out.lines().collect();
    for (line, part) in lines.iter().zip([
        "pass    TLS_Connect (1",
        "warn    TLS_Support_AWS_IoT_Cipher_Suites (1",
        "pass    TLS_Large_Size_Server_Cert (1",
        "pass    TLS_Receive_Maximum_Size_Fragments (1",
        "pass    TLS_Unsecure_Server_Cert (",
        "pass    TLS_Incorrect_Subject_Name_Server_Cert (",
        "pass    TLS_Expired_Server_Cert (",
    ]) {
        assert!(line.starts_with(&part[..part.len() - 1]), "{line:?} is not {part:?}\n{out}");
    }
    assert!(lines[0].contains("TLSv1_3 TLS13_AES_256_GCM_SHA384"), "{out}");
    assert!(lines[1].contains("2 others: 0xcca9 0xcca8"), "{out}");
    assert!(lines[4].contains("closed it: alert "), "{out}");
    assert!(lines[6].contains("alert CertificateExpired"), "{out}");
    let ran = advise("--strict --case TLS_Support_AWS_IoT_Cipher_Suites", SUBSCRIBER).await;
    ran.expect(9);
}

#[tokio::test]
async fn a_client_without_tls_fails() {
    let plain = "sub -h {host} -p {port} -t {topic}";
    let flags = "--case TLS_Connect --case TLS_Support_AWS_IoT_Cipher_Suites \
                 --case TLS_Large_Size_Server_Cert --execution-timeout 1s";
    let out = advise(flags, plain).await.expect(9).out;
    assert_eq!(out.matches("what the client sends is no TLS").count(), 3, "{out}");
}

#[tokio::test]
async fn a_client_that_trusts_everybody_fails() {
    let flags = UNTRUSTED.map(|case| format!("--case {case}")).join(" ");
    let out = client::advise(&format!("{flags} --execution-timeout 2s"), "trusting").await;
    let out = out.expect(9).out;
    assert_eq!(out.matches("trusts the server: client: CONNECT").count(), 3, "{out}");
    // It takes the large records, and acknowledges nothing.
    let case = "--case TLS_Receive_Maximum_Size_Fragments --execution-timeout 2s";
    let out = client::advise(case, "trusting").await.expect(9).out;
    assert!(out.contains("PUBACK never came"), "{out}");
}

#[tokio::test]
async fn cases_about_mqtt_run_over_tls_too() {
    let flags = "--tls --case MQTT_Connect --case MQTT_Client_Puback_Qos1";
    let out = advise(flags, SUBSCRIBER).await.out();
    assert!(out.ends_with("2 passed, 0 with warnings, 0 failed, 0 not run\n"), "{out}");
    let out = advise("--tls --case MQTT_Connect --execution-timeout 1s", "pub -t {topic} -u {url}");
    out.await.expect(9);
}

#[tokio::test]
async fn a_client_that_says_nothing_fails() {
    let flags = "--tls --case TLS_Connect --case TLS_Unsecure_Server_Cert --execution-timeout 1s";
    let out = client::advise(flags, "silent").await.expect(9).out;
    assert_eq!(out.matches("no handshake of TLS").count(), 2, "{out}");
}

//! `--retry-unacked`, against the cases of AWS Device Advisor that want it.

use crate::support::{PROGRAM, evenkeel};

#[tokio::test]
async fn what_has_no_answer_is_sent_again_on_its_connection() {
    let flags = "-h {host} -p {port} -i {client_id} -t {topic} -q 1 -V 311 --retry-unacked 1";
    for (case, client) in
        [("MQTT_Publish_Retry_No_Puback", "pub -m x"), ("MQTT_Subscribe_Retry_No_Suback", "sub")]
    {
        let line = format!("advisor --case {case} -- {PROGRAM} {client} {flags}");
        let out = evenkeel(&line).run().await.out();
        assert!(out.starts_with(&format!("pass    {case} (")), "{out}");
    }
}

//! Cases about TLS, on both sides.

use evenkeel_aws::advisor::{Hello, Moment, Packet, Side, What};
use evenkeel_codec::PacketType;

use super::judge::check;
use super::scene::{at, closed, received, sent};

fn offered(seconds: f64, suites: &[u16]) -> Moment {
    let hello =
        Hello { versions: vec![0x0304, 0x0303], suites: suites.to_vec(), server_name: None };
    at(seconds, 1, What::Offered(hello))
}

fn secured() -> Moment {
    at(0.2, 1, What::Secured("TLSv1_3 TLS13_AES_256_GCM_SHA384".into()))
}

fn unsecured(why: &str) -> Moment {
    at(0.2, 1, What::Unsecured(why.into()))
}

#[test]
fn a_handshake_is_complete_or_not() {
    for case in ["TLS_Connect", "TLS_Large_Size_Server_Cert"] {
        let hello = offered(0.1, &[0x1301]);
        check(case, &[hello.clone(), secured()], "pass", "TLSv1_3");
        let alert = unsecured("alert DecodeError");
        check(case, &[hello.clone(), alert], "fail", "alert DecodeError");
        check(case, &[hello], "fail", "no handshake");
        check(case, &[unsecured("what the client sends is no TLS")], "fail", "no TLS");
    }
}

#[test]
fn suites_are_those_of_aws() {
    let case = "TLS_Support_AWS_IoT_Cipher_Suites";
    let hello = |suites: &[u16]| vec![offered(0.1, suites)];
    check(case, &hello(&[0x1301, 0xc02f]), "pass", "2 of AWS's suites, first TLS_AES_128_GCM");
    // Signals are no suites.
    check(case, &hello(&[0xc02f, 0x00ff, 0x5600]), "pass", "1 of AWS's");
    check(case, &hello(&[0xcca8, 0xc02f]), "warn", "1 others: 0xcca8");
    check(case, &hello(&[0xcca8]), "fail", "none of 1");
    check(case, &hello(&[]), "fail", "none of 0");
    let old = Hello { versions: vec![0x0302], suites: vec![0x002f], server_name: None };
    check(case, &[at(0.1, 1, What::Offered(old))], "fail", "neither TLS 1.2 nor 1.3");
}

#[test]
fn a_server_that_must_not_be_trusted_is_left_in_silence() {
    for name in ["Unsecure", "Incorrect_Subject_Name", "Expired"] {
        let case = &format!("TLS_{name}_Server_Cert");
        let hello = offered(0.1, &[0x1301]);
        let end = |side| closed(0.3, 1, side);
        let alert = unsecured("alert UnknownCA");
        check(case, &[hello.clone(), alert, end(Side::Client)], "pass", "alert UnknownCA");
        // A client may look at the certificate when the handshake is complete.
        let late = [hello.clone(), secured(), end(Side::Client)];
        check(case, &late, "pass", "before it sent anything");
        let connect = received(0.3, 1, Packet::new(PacketType::Connect));
        let trusting = [hello.clone(), secured(), connect, end(Side::Client)];
        check(case, &trusting, "fail", "trusts the server: client: CONNECT");
        check(case, &[hello.clone(), secured()], "fail", "never came");
        check(case, &[hello, end(Side::Judge)], "fail", "never came");
        check(case, &[end(Side::Client)], "fail", "no handshake");
    }
}

#[test]
fn full_records_are_acknowledged() {
    let publish = sent(1.0, 1, Packet::new(PacketType::Publish).id(7).qos(1).topic("a/b"));
    let puback = received(1.5, 1, Packet::new(PacketType::PubAck).id(7));
    let case = "TLS_Receive_Maximum_Size_Fragments";
    check(case, &[publish.clone(), puback], "pass", "500 ms");
    check(case, &[publish], "fail", "never");
}

//! Golden tests of the `-F` language and of the JSON lines.

use evenkeel::{Bytes, Properties, Property, QoS, Text};
use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};

use super::language::FormatError;
use super::*;

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

/// What mosquitto_sub 2.0.11 was given when the expectations were written.
fn properties() -> Properties {
    Properties::new()
        .with(Property::UserProperty(text("k"), text("v")))
        .with(Property::ContentType(text("text/json")))
        .with(Property::UserProperty(text("k2"), text("v2")))
        .with(Property::ResponseTopic(text("rt")))
        .with(Property::CorrelationData(Bytes::from_static(b"cd")))
        .with(Property::MessageExpiryInterval(59))
        .with(Property::PayloadFormatIndicator(1))
}

fn received() -> Zoned {
    Timestamp::new(1_795_402_631, 58_777_708).unwrap().to_zoned(TimeZone::fixed(offset(1)))
}

struct Sample {
    topic: &'static str,
    payload: &'static [u8],
    qos: QoS,
    properties: Properties,
}

impl Sample {
    fn full() -> Self {
        Self { topic: "b", payload: b"{\"a\":1}", qos: QoS::AtLeastOnce, properties: properties() }
    }

    fn plain(topic: &'static str, payload: &'static [u8]) -> Self {
        Self { topic, payload, qos: QoS::AtMostOnce, properties: Properties::new() }
    }

    fn show(&self, style: &Style) -> Result<String, NotJson> {
        let received = received();
        let view = View {
            topic: self.topic,
            payload: self.payload,
            qos: self.qos,
            retain: true,
            dup: false,
            packet_id: (self.qos > QoS::AtMostOnce).then_some(1),
            properties: &self.properties,
            received: &received,
            terminal: false,
        };
        let mut out = Vec::new();
        style.render(&view, false, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn format(&self, format: &str) -> String {
        let format = Format::parse(format).unwrap();
        self.show(&Style::Custom { format, pretty: false }).unwrap()
    }
}

#[test]
fn every_field_prints_what_mosquitto_sub_prints() {
    let all = "A%A|C%C|D%D|E%E|F%F|P%P|R%R|S%S|I%I|U%U|l%l|m%m|q%q|r%r|t%t|x%x|X%X|p%p";
    assert_eq!(
        Sample::full().format(all),
        "A|Ctext/json|Dcd|E59|F1|Pk:v k2:v2|Rrt|S|I2026-11-23T03:57:11+0100|U1795402631.058777708|\
         l7|m1|q1|r1|tb|x7b2261223a317d|X7B2261223A317D|p{\"a\":1}\n"
    );
    assert_eq!(
        Sample::plain("a", b"retained").format(all),
        "A|C|D|E|F|P|R|S|I2026-11-23T03:57:11+0100|U1795402631.058777708|\
         l8|m0|q0|r1|ta|x72657461696e6564|X72657461696E6564|pretained\n"
    );
}

#[test]
fn alias_and_subscription_identifier_are_fields_too() {
    let mut sample = Sample::plain("a", b"x");
    sample.properties =
        Properties::new().with(Property::TopicAlias(7)).with(Property::SubscriptionIdentifier(9));
    assert_eq!(sample.format("%A %S %03S"), "7 9 009\n");
}

#[test]
fn widths_pad_left_right_and_with_zeros() {
    let sample = Sample::full();
    assert_eq!(
        sample.format("C%20C|%-20C|E%05E|E%-5EE|F%03F|l%05l|m%05m|t%5t|t%-5t|t%05t"),
        "C           text/json|text/json           |E00059|E59   E|F001|l00007|m00001|t    b|tb    |t    b\n"
    );
    assert_eq!(
        sample.format("p%20p|p%-20p|I%30I|l%-05l|l%5l"),
        "p             {\"a\":1}|p{\"a\":1}             |I      2026-11-23T03:57:11+0100|l7    |l    7\n"
    );
    assert_eq!(sample.format("x%016x|%-16X|"), "x007b2261223a317d|7B2261223A317D  |\n");
}

#[test]
fn maximum_widths_cut_text_at_a_character() {
    let sample = Sample::plain("héé/z", b"x");
    assert_eq!(sample.format("%.1t|%.2t|%4.3t|%6.3t|%.9t|%.0t|"), "h|hé| héé|   héé|héé/z||\n");
    assert_eq!(sample.format("%7t|%-7t|"), "  héé/z|héé/z  |\n");
}

#[test]
fn widths_that_mosquitto_ignores_are_ignored() {
    assert_eq!(Sample::full().format("%5q|%5r|%5P|%5D"), "1|1|k:v k2:v2|cd\n");
}

#[test]
fn times_escapes_and_doubled_signs() {
    assert_eq!(
        Sample::full().format(r"@Y-@m-@dT@H:@M:@S@z @N @@ @s %% \\ \n\t\r\0\a\e\v."),
        "2026-11-23T03:57:11+0100 058777708 @ 1795402631 % \\ \n\t\r\0\x07\x1b\x0b.\n"
    );
}

#[test]
fn json_of_mosquitto_has_its_keys_in_its_order() {
    let head = "{\"tst\":\"2026-11-23T03:57:11.058777+0100\",\"topic\":\"b\",\"qos\":1,\"retain\":1,\
                \"payloadlen\":7,\"mid\":1,\"properties\":{\"user-properties\":{\"k\":\"v\",\"k2\":\"v2\"},\
                \"content-type\":\"text/json\",\"response-topic\":\"rt\",\"correlation-data\":\"cd\",\
                \"message-expiry-interval\":59,\"payload-format-indicator\":1},";
    let sample = Sample::full();
    assert_eq!(sample.format("%j"), format!("{head}\"payload\":\"{{\\\"a\\\":1}}\"}}\n"));
    assert_eq!(sample.format("%J"), format!("{head}\"payload\":{{\"a\":1}}}}\n"));
}

#[test]
fn json_of_an_empty_or_binary_payload() {
    let head =
        "{\"tst\":\"2026-11-23T03:57:11.058777+0100\",\"topic\":\"e\",\"qos\":0,\"retain\":1,";
    let empty = Sample::plain("e", b"");
    assert_eq!(empty.format("%j"), format!("{head}\"payloadlen\":0,\"payload\":null}}\n"));
    assert_eq!(empty.format("%J"), format!("{head}\"payloadlen\":0,\"payload\":null}}\n"));
    let binary = Sample::plain("e", b"a\0\xff");
    assert_eq!(
        binary.format("%j"),
        format!("{head}\"payloadlen\":3,\"payload_base64\":\"YQD/\"}}\n")
    );
}

#[test]
fn a_payload_that_is_no_json_stops_its_message_only() {
    let style = Style::Custom { format: Format::parse("%t %J").unwrap(), pretty: false };
    assert_eq!(Sample::plain("a", b"retained").show(&style), Err(NotJson));
    let mut out = b"before".to_vec();
    let (received, properties) = (received(), Properties::new());
    let view = View {
        topic: "a",
        payload: b"{",
        qos: QoS::AtMostOnce,
        retain: false,
        dup: false,
        packet_id: None,
        properties: &properties,
        received: &received,
        terminal: false,
    };
    assert_eq!(style.render(&view, false, &mut out), Err(NotJson));
    assert_eq!(out, b"before");
}

#[test]
fn pretty_json_is_indented_by_tabs() {
    let style = Style::Custom { format: Format::parse("%J").unwrap(), pretty: true };
    let shown = Sample::plain("js", b"{\"b\": [1]}").show(&style).unwrap();
    assert_eq!(
        shown,
        "{\n\t\"tst\":\t\"2026-11-23T03:57:11.058777+0100\",\n\t\"topic\":\t\"js\",\n\t\"qos\":\t0,\n\t\
         \"retain\":\t1,\n\t\"payloadlen\":\t10,\n\t\"payload\":\t{\n\t\t\"b\":\t[\n\t\t\t1\n\t\t]\n\t}\n}\n"
    );
}

#[test]
fn every_mistake_in_a_format_is_named() {
    let error = |format: &str| Format::parse(format).unwrap_err();
    assert_eq!(error("%"), FormatError::Incomplete('%'));
    assert_eq!(error("%5"), FormatError::Incomplete('%'));
    assert_eq!(error("%-"), FormatError::Incomplete('%'));
    assert_eq!(error("%5."), FormatError::Incomplete('%'));
    assert_eq!(error("@"), FormatError::Incomplete('@'));
    assert_eq!(error("\\"), FormatError::Incomplete('\\'));
    assert_eq!(error("%k"), FormatError::UnknownField('k'));
    assert_eq!(error("%--5t"), FormatError::UnknownField('-'));
    assert_eq!(error("%é"), FormatError::UnknownField('é'));
    assert_eq!(error("\\q"), FormatError::UnknownEscape('q'));
    assert_eq!(error("@!"), FormatError::UnknownTime('!'));
    assert_eq!(error("@E"), FormatError::UnknownTime('E'));
    assert_eq!(error("%65536t"), FormatError::TooWide);
    assert_eq!(error("%.99999999999999999999t"), FormatError::TooWide);
    assert!(Format::parse("%65535t").is_ok());
    for sample in [error("%"), error("%k"), error("\\q"), error("@!"), error("%65536t")] {
        assert!(!sample.to_string().is_empty() && !sample.hint().is_empty());
    }
}

#[test]
fn plain_styles_treat_an_empty_payload_as_mosquitto_does() {
    let full = Sample::plain("a/b", b"x y");
    assert_eq!(full.show(&Style::Payload).unwrap(), "x y\n");
    assert_eq!(full.show(&Style::Verbose).unwrap(), "a/b x y\n");
    let empty = Sample::plain("a/b", b"");
    assert_eq!(empty.show(&Style::Payload).unwrap(), "");
    assert_eq!(empty.show(&Style::Verbose).unwrap(), "a/b (null)\n");
}

#[test]
fn json_lines_have_the_documented_fields() {
    assert_eq!(
        Sample::full().show(&Style::JsonLines).unwrap(),
        "{\"v\":1,\"type\":\"message\",\"time\":\"2026-11-23T02:57:11.058777708Z\",\"topic\":\"b\",\"qos\":1,\
         \"retain\":true,\"dup\":false,\"packet_id\":1,\"payload_bytes\":7,\"payload\":\"{\\\"a\\\":1}\",\
         \"properties\":{\"payload_format_indicator\":1,\"message_expiry_interval\":59,\
         \"content_type\":\"text/json\",\"response_topic\":\"rt\",\"correlation_data\":\"cd\",\
         \"user_properties\":[[\"k\",\"v\"],[\"k2\",\"v2\"]]}}\n"
    );
    assert_eq!(
        Sample::plain("t", b"\xff\x00").show(&Style::JsonLines).unwrap(),
        "{\"v\":1,\"type\":\"message\",\"time\":\"2026-11-23T02:57:11.058777708Z\",\"topic\":\"t\",\"qos\":0,\
         \"retain\":true,\"dup\":false,\"payload_bytes\":2,\"payload_base64\":\"/wA=\"}\n"
    );
}

#[test]
fn what_a_terminal_is_given_of_a_message_is_harmless() {
    let received = received();
    let properties: Properties =
        [Property::UserProperty(text("n\x1b"), text("v\u{9b}"))].into_iter().collect();
    let view = View {
        topic: "t\x07",
        payload: b"\x1b[2J\xff",
        qos: QoS::AtMostOnce,
        retain: false,
        dup: false,
        packet_id: None,
        properties: &properties,
        received: &received,
        terminal: true,
    };
    let show = |style: &Style| {
        let mut out = Vec::new();
        style.render(&view, false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(show(&Style::Payload), "\\u001b[2J\\xff\n");
    assert_eq!(show(&Style::Verbose), "t\\u0007 \\u001b[2J\\xff\n");
    let format = Format::parse("\\e[1m%t|%P|%x|%l\\e[0m").unwrap();
    assert_eq!(
        show(&Style::Custom { format, pretty: false }),
        "\x1b[1mt\\u0007|n\\u001b:v\\u009b|1b5b324aff|5\x1b[0m\n"
    );
}

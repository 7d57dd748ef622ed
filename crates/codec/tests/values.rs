//! Values as numbers and texts, and the chains of errors.

use std::error::Error;

use evenkeel_codec::{
    Bytes, DecodeError, EncodeError, PacketType, Properties, Property, PropertyError, QoS,
    QoSError, Text, TextError, TopicError, TopicFilter, TopicName, Version, VersionError,
};

#[test]
fn a_qos_is_read_as_it_is_written() {
    for (level, text) in [(0, "QoS 0"), (1, "QoS 1"), (2, "QoS 2")] {
        let qos = QoS::try_from(level).unwrap();
        assert_eq!((u8::from(qos), qos.to_string().as_str()), (level, text));
        assert_eq!([text.parse(), text[4..].parse()], [Ok(qos), Ok(qos)]);
    }
    for level in 3..=u8::MAX {
        assert_eq!(QoS::try_from(level), Err(QoSError::Level { level }));
    }
    for text in ["", "3", "-1", "+1", "01", "1 ", "qos 1", "QoS", "QoS 3", "QoS QoS 1"] {
        assert_eq!(text.parse::<QoS>(), Err(QoSError::Text), "{text:?}");
    }
    assert_eq!(format!("{:>7}|", QoS::AtMostOnce), "  QoS 0|");
}

#[test]
fn a_version_is_read_as_it_is_written() {
    for (level, text) in [(3, "MQTT 3.1"), (4, "MQTT 3.1.1"), (5, "MQTT 5")] {
        let version = Version::try_from(level).unwrap();
        assert_eq!((u8::from(version), version.to_string().as_str()), (level, text));
        assert_eq!([text.parse(), text[5..].parse()], [Ok(version), Ok(version)]);
    }
    assert_eq!("5.0".parse(), Ok(Version::V5));
    for level in (0..=2).chain(6..=u8::MAX) {
        assert_eq!(Version::try_from(level), Err(VersionError::Level { level }));
    }
    // 3 and 4 are numbers of versions to some and protocol levels to others.
    for text in ["", "3", "4", "3.1.2", "mqttv5", "MQTT", "MQTT  5", "MQTT MQTT 5"] {
        assert_eq!(text.parse::<Version>(), Err(VersionError::Text), "{text:?}");
    }
}

#[test]
fn what_is_no_topic_name_matches_no_filter() {
    let all = TopicFilter::try_from("#").unwrap();
    let long = "a".repeat(65_536);
    for topic in ["", "#", "+", "a/+/b", "a#", "a\0b", &long] {
        assert!(TopicName::try_from(topic).is_err());
        assert!(!all.matches(topic), "{topic:?}");
    }
    // Not even the filter of the same text.
    assert!(!TopicFilter::try_from("a/+").unwrap().matches("a/+"));
    assert!(all.matches(&long[1..]));
}

#[test]
fn a_topic_is_matched_in_each_of_its_types() {
    let filter = TopicFilter::try_from("site/+/alarm").unwrap();
    for (topic, wanted) in [("site/7/alarm", true), ("site/7/level", false), ("$site", false)] {
        let name = TopicName::try_from(topic).unwrap();
        let found =
            [filter.matches(topic), filter.matches_name(&name), filter.matches_text(name.text())];
        assert_eq!(found, [wanted; 3], "{topic}");
    }
}

/// The error and all its sources, in their own words.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut above = error;
    while let Some(error) = above.source() {
        texts.push(error.to_string());
        above = error;
    }
    texts
}

#[test]
fn no_error_repeats_its_source_and_the_alternate_form_has_both() {
    let (empty, null) = (TopicError::Empty, TextError::Null);
    let response = PropertyError::ResponseTopic { error: empty };
    let errors: [&(dyn Error + 'static); 10] = [
        &DecodeError::Topic { error: empty },
        &DecodeError::WillTopic { error: empty },
        &DecodeError::Filter { error: empty },
        &EncodeError::Topic { error: empty },
        &response,
        &DecodeError::Property { error: response },
        &EncodeError::Property { error: response },
        &DecodeError::String { error: null },
        &TopicError::Text(null),
        &DecodeError::Property { error: PropertyError::TopicAliasZero },
    ];
    for error in errors {
        let chain = chain(error);
        for (index, text) in chain.iter().enumerate() {
            assert!(
                chain[index + 1..].iter().all(|below| !text.contains(below.as_str())),
                "{chain:?}"
            );
        }
        assert_eq!(format!("{error:#}"), chain.join(": "));
    }
    // What adds words has the error below; what adds none is that error.
    for error in &errors[..7] {
        assert_eq!(error.source().unwrap().downcast_ref(), Some(&empty), "{error:?}");
    }
    for error in &errors[7..] {
        assert!(error.source().is_none(), "{error:?}");
    }
    let error = Text::try_from("a\0").unwrap_err();
    assert_eq!(DecodeError::String { error }.to_string(), error.to_string());
}

/// As they stand in a packet, one after the other, without the length in front.
#[test]
fn properties_alone_have_the_form_they_have_in_a_packet() {
    let text = |text| Text::from_static(text).unwrap();
    let properties = Properties::new()
        .with(Property::MessageExpiryInterval(7))
        .with(Property::UserProperty(text("k"), text("v")))
        .with(Property::UserProperty(text("k"), text("w")))
        .with(Property::CorrelationData(Bytes::from_static(b"\0\xff")));
    let mut wire = Vec::new();
    properties.to_wire(&mut wire);
    assert_eq!(wire, b"\x02\0\0\0\x07\x26\0\x01k\0\x01v\x26\0\x01k\0\x01w\x09\0\x02\0\xff");
    assert_eq!(wire.len(), properties.encoded_len());
    let read =
        |wire: &[u8]| Properties::from_wire(PacketType::Publish, &Bytes::copy_from_slice(wire));
    assert_eq!(read(&wire), Ok(properties));
    assert_eq!(read(b""), Ok(Properties::new()));
    let packet_type = PacketType::Publish;
    for (wrong, error) in [
        (&b"\x7f"[..], DecodeError::UnknownProperty { id: 0x7f }),
        (b"\x02\0\0\0", DecodeError::PropertyTruncated { packet_type }),
        (b"\x26\0\x01k", DecodeError::PropertyTruncated { packet_type }),
        (b"\x23", DecodeError::PropertyTruncated { packet_type }),
    ] {
        assert_eq!(read(wrong), Err(error), "{wrong:x?}");
    }
    assert!(matches!(read(b"\x23\0\0"), Err(DecodeError::Property { .. })), "alias 0");
}

//! What a ClientHello says, and what is none.

use evenkeel_aws::advisor::{HELLO_BYTES, Hello, HelloError};

/// A length in so many bytes, and the data.
fn with_length(bytes: usize, data: &[u8]) -> Vec<u8> {
    let length = data.len().to_be_bytes();
    [&length[length.len() - bytes..], data].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(2, data)].concat()
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// The message, without its record.
fn message(suites: &[u16], extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend(with_length(1, &[9; 32]));
    body.extend(with_length(2, &numbers(suites)));
    body.extend(with_length(1, &[0]));
    if !extensions.is_empty() {
        body.extend(with_length(2, extensions));
    }
    [&[1], &with_length(3, &body)[..]].concat()
}

fn record(data: &[u8]) -> Vec<u8> {
    [&[22, 3, 1], &with_length(2, data)[..]].concat()
}

fn usual() -> Vec<u8> {
    let name = [&[0], &with_length(2, b"pump.example")[..]].concat();
    let versions = numbers(&[0x2a2a, 0x0304, 0x0303]);
    let extensions = [
        extension(0, &with_length(2, &name)),
        extension(10, &[0, 2, 0, 29]),
        extension(43, &with_length(1, &versions)),
    ];
    message(&[0x0a0a, 0x1301, 0xc02f, 0x00ff], &extensions.concat())
}

#[test]
fn what_is_offered_is_read() {
    let hello = Hello::read(&record(&usual())).unwrap().unwrap();
    assert_eq!(hello.versions, [0x0304, 0x0303], "without what is thrown in");
    assert_eq!(hello.suites, [0x1301, 0xc02f, 0x00ff]);
    assert_eq!(hello.server_name.as_deref(), Some("pump.example"));
    assert_eq!(hello.to_string(), "ClientHello TLS 1.3 TLS 1.2, 3 suites, for \"pump.example\"");
    let old = Hello::read(&record(&message(&[0x002f], &[]))).unwrap().unwrap();
    assert_eq!((old.versions, old.server_name), (vec![0x0303], None));
}

#[test]
fn it_may_come_in_pieces_and_in_several_records() {
    let whole = record(&usual());
    for end in 0..whole.len() {
        assert_eq!(Hello::read(&whole[..end]), Ok(None), "{end} bytes");
    }
    let usual = usual();
    let (first, second) = usual.split_at(50);
    let hello = Hello::read(&[record(first), record(second)].concat()).unwrap().unwrap();
    assert_eq!(hello.suites.len(), 3);
    // What follows it is not looked at.
    assert!(Hello::read(&[whole, vec![20, 3, 3, 0, 1, 1]].concat()).unwrap().is_some());
}

#[test]
fn what_is_no_client_hello_is_refused() {
    let damaged = |at: usize| {
        let mut bytes = record(&usual());
        bytes[at] = 0xff;
        Hello::read(&bytes)
    };
    // An MQTT CONNECT, HTTP, another version of records, a ServerHello.
    assert_eq!(Hello::read(&[0x10, 14, 0, 4]), Err(HelloError::NotTls));
    assert_eq!(Hello::read(b"GET / HTTP/1.1"), Err(HelloError::NotTls));
    assert_eq!(Hello::read(&[22, 2, 0]), Err(HelloError::NotTls));
    assert_eq!(Hello::read(&record(&[2, 0, 0, 0])), Err(HelloError::OtherMessage));
    assert_eq!(Hello::read(&[22, 3, 1, 0, 0]), Err(HelloError::Damaged), "an empty record");
    assert_eq!(damaged(43), Err(HelloError::Damaged), "the session's length");
    assert_eq!(damaged(76), Err(HelloError::Damaged), "the suites' length");
    // Odd suites.
    let mut odd = message(&[0x1301], &[]);
    odd[72] = 3;
    assert_eq!(Hello::read(&record(&odd)), Err(HelloError::Damaged));
}

#[test]
fn it_is_bounded() {
    let announced = |length: usize| {
        let message = [&[1], &length.to_be_bytes()[5..], &[0; 8][..]].concat();
        Hello::read(&record(&message))
    };
    assert_eq!(announced(HELLO_BYTES), Ok(None));
    assert_eq!(announced(HELLO_BYTES + 1), Err(HelloError::TooLong));
    // Records of one byte each.
    let slow: Vec<u8> = [1, 0, 0x3f, 0xff]
        .iter()
        .chain(&[0; 4000])
        .fold(Vec::new(), |bytes: Vec<u8>, byte| [bytes, record(&[*byte])].concat());
    assert!(slow.len() > HELLO_BYTES);
    assert_eq!(Hello::read(&slow), Err(HelloError::TooLong));
}

#[test]
fn any_bytes_are_answered() {
    let whole = record(&usual());
    for at in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            let _ = Hello::read(&bytes);
        }
    }
}

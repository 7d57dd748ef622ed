//! Captures made for a test: clients that a server refuses.

/// A capture in which the client `id` asks three times, and is told code 5.
pub(super) fn refused(id: &str) -> Vec<u8> {
    // Little-endian, version 2.4, whole packets, and packets begin with IP.
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, 101_u32] {
        file.extend(word.to_le_bytes());
    }
    let mut connect = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60];
    connect.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
    connect.extend(id.as_bytes());
    let mut packet = vec![0x10, u8::try_from(connect.len()).unwrap()];
    packet.extend(connect);
    for round in 0..3 {
        connection(&mut file, 1_767_323_045 + u32::from(round) * 60, 50_000 + round, &packet);
    }
    file
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// One connection: its beginning, CONNECT, the refusal, its end.
fn connection(file: &mut Vec<u8>, second: u32, port: u16, connect: &[u8]) {
    let (client, server) = (([10, 0, 0, 2], port), ([10, 0, 0, 1], 1883));
    let (mut sent, mut answered) = (1000_u32, 2000_u32);
    let refusal = [0x20, 2, 0, 5];
    let steps: [(bool, u8, &[u8]); 6] = [
        (true, SYN, &[]),
        (false, SYN | ACK, &[]),
        (true, ACK, connect),
        (false, ACK, &refusal),
        (false, FIN | ACK, &[]),
        (true, FIN | ACK, &[]),
    ];
    for (number, (from_client, flags, bytes)) in steps.into_iter().enumerate() {
        let (from, to, sequence, acknowledged) = if from_client {
            (client, server, &mut sent, answered)
        } else {
            (server, client, &mut answered, sent)
        };
        let segment = segment(from, to, *sequence, acknowledged, flags, bytes);
        let length = u32::try_from(segment.len()).unwrap();
        for word in [second, 1000 * u32::try_from(number).unwrap(), length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(segment);
        *sequence += u32::try_from(bytes.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
    }
}

/// IPv4 and TCP, checksums left out.
fn segment(
    from: ([u8; 4], u16),
    to: ([u8; 4], u16),
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    bytes: &[u8],
) -> Vec<u8> {
    let length = u16::try_from(40 + bytes.len()).unwrap();
    let mut out = vec![0x45, 0];
    out.extend(length.to_be_bytes());
    out.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    out.extend(from.0);
    out.extend(to.0);
    out.extend(from.1.to_be_bytes());
    out.extend(to.1.to_be_bytes());
    out.extend(sequence.to_be_bytes());
    out.extend(acknowledged.to_be_bytes());
    out.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    out.extend(bytes);
    out
}

//! The fuzz target without a fuzzer: inputs of a fixed seed.

#[expect(unreachable_pub, reason = "it is the library of the fuzz crate")]
#[path = "../../../../fuzz/src/abi.rs"]
mod target;

/// A session that goes well, so that many inputs begin online: CONNACK, then calls.
const ONLINE: &[u8] = &[0, 12, 0, 0, 0, 0, 0, 31, 200, 1, 0, 5, 0x20, 3, 0, 0, 0, 0];

/// Calls that make sense, with packets that do.
const WORDS: &[&[u8]] = &[
    // The server: acknowledgements, messages, the beginning of a large one, SUBACK,
    // CONNACK, PINGRESP, DISCONNECT.
    &[0, 4, 0x40, 2, 0, 1, 0],
    &[0, 4, 0x50, 2, 0, 1, 0],
    &[0, 4, 0x62, 2, 0, 1, 0],
    &[0, 4, 0x70, 2, 0, 1, 0],
    &[0, 7, 0x30, 5, 0, 1, b't', 0, b'x', 0],
    &[0, 9, 0x32, 7, 0, 1, b't', 0, 1, 0, b'x', 0],
    &[0, 9, 0x34, 7, 0, 1, b't', 0, 1, 0, b'x', 0],
    &[0, 7, 0x30, 0xff, 0x7f, 0, 1, b't', 0, 0, 0, 205],
    &[0, 6, 0x90, 4, 0, 1, 0, 0, 0],
    &[0, 5, 0x20, 3, 0, 0, 0, 0],
    &[0, 5, 0x20, 3, 1, 0, 0, 0],
    &[0, 2, 0xd0, 0, 0],
    &[0, 2, 0xe0, 0, 0],
    // The application: publishes, those that stay with it, a subscribe, an unsubscribe,
    // acknowledgements, what is given up, traces, the end.
    &[6, 0, 1, b't', 1, 0, 0],
    &[6, 1, 1, b't', 1, 0, 0],
    &[6, 10, 2, b't', b'x', 1, 0, 1],
    &[9, 5, 0, 1, b't'],
    &[9, 5, 1, 1, b't'],
    &[9, 5, 2, 1, b't'],
    &[10, 12, 0, 0, 0, 0, 1, 0, 0, 0, b'a', 0, 0, 0, 1, 12, 0, 0],
    &[10, 12, 0, 0, 0, 0, 1, 0, 0, 0, b'a', 0, 0, 0, 1, 12, 0, 1],
    &[16, 1, 0, 0, 0, 0],
    &[16, 1, 0, 0, 0, 2],
    &[18, 1],
    &[21, 0],
    &[21, 1],
    &[22, 0, 5, 200, 0],
    // The transport, the clock, drains.
    &[12, 0, 0, 0, 0, 0],
    &[13, 0, 3, 0, 0],
    &[14, 0, 50],
    &[24, 5],
    &[24, 100],
    &[31, 1, 1],
    &[31, 200, 1],
];

#[test]
fn calls_in_any_order_keep_to_the_abi() {
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    for round in 0..3000_u32 {
        let mut input = if round.is_multiple_of(4) { Vec::new() } else { ONLINE.to_vec() };
        for _ in 0..random() % 120 {
            if random().is_multiple_of(8) {
                input.push(random() as u8);
            } else {
                input.extend(WORDS[random() % WORDS.len()]);
            }
        }
        target::abi(&input);
    }
}

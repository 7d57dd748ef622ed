//! The fuzz target without a fuzzer: inputs of a fixed seed.

#[expect(unreachable_pub, reason = "it is the library of the fuzz crate")]
#[path = "../../../../fuzz/src/abi.rs"]
mod target;

/// A session that goes well, so that many inputs begin online: CONNACK, then calls.
const ONLINE: &[u8] = &[0, 12, 0, 0, 0, 0, 0, 31, 200, 1, 0, 5, 0x20, 3, 0, 0, 0, 0];

#[test]
fn calls_in_any_order_keep_to_the_abi() {
    let mut random = 1_u64;
    for round in 0..3000 {
        let mut input = if round % 4 == 0 { Vec::new() } else { ONLINE.to_vec() };
        for _ in 0..round % 300 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            input.push((random >> 56) as u8);
        }
        target::abi(&input);
    }
}

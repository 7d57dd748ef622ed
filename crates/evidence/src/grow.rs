//! Memory for what is not whole yet.

/// Puts bytes at the end: takes room for twice as many each time, but never for
/// more than `most`, as there are many connections.
pub(crate) fn extend(held: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let len = held.len() + bytes.len();
    if len > held.capacity() {
        let room = len.max((held.len() * 2).min(most));
        held.reserve_exact(room - held.len());
    }
    held.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::extend;

    #[test]
    fn there_is_never_room_for_more_than_can_come() {
        let mut held = Vec::new();
        for _ in 0..100 {
            extend(&mut held, b"0123456789", 1000);
            assert!(held.capacity() <= 1000);
        }
        assert_eq!(held.len(), 1000);
        // More than was said is held all the same.
        extend(&mut held, b"!", 1000);
        assert_eq!(held.last(), Some(&b'!'));
    }
}

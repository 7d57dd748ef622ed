//! Frames of one side.

use crate::capture::cursor::Cursor;

const CONTINUED: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// The longest head of a frame.
const HEAD: usize = 14;

#[derive(Debug, Default)]
pub(super) struct Frames {
    /// A head that is not whole.
    head: Vec<u8>,
    now: Option<Frame>,
    /// What a continued message is: text or not.
    text: bool,
    /// Frames begin at an unknown place.
    lost: bool,
}

/// The frame whose payload comes.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: u8,
    mask: [u8; 4],
    /// How much of the payload has come, and is to come.
    at: usize,
    left: u64,
}

/// What was at the front of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing to tell.
    Nothing,
    /// Bytes of a message, now in the scratch without their mask.
    Data,
    /// A text frame begins.
    Text,
    /// A Close frame, with its code or 0.
    Close(u16),
}

impl Frames {
    /// Reads at the front of `bytes`; also says how many it has taken.
    pub(super) fn next(&mut self, bytes: &[u8], scratch: &mut Vec<u8>) -> (Found, usize) {
        if self.lost {
            return (Found::Nothing, bytes.len());
        }
        let Some(mut frame) = self.now else { return self.begin(bytes) };
        let n = bytes.len().min(usize::try_from(frame.left).unwrap_or(usize::MAX));
        let masked = bytes.get(..n).unwrap_or_default();
        scratch.clear();
        let mask = frame.mask.iter().cycle().skip(frame.at % 4);
        scratch.extend(masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        let began = frame.at == 0;
        frame.at += n;
        frame.left -= n as u64;
        self.now = Some(frame).filter(|frame| frame.left > 0);
        let found = match frame.kind {
            CLOSE if began => {
                Found::Close(scratch.first_chunk().map_or(0, |code| u16::from_be_bytes(*code)))
            }
            CONTINUED | BINARY if !self.text => Found::Data,
            _ => Found::Nothing,
        };
        (found, n)
    }

    fn begin(&mut self, bytes: &[u8]) -> (Found, usize) {
        let before = self.head.len();
        self.head.extend(bytes.iter().take(HEAD - before));
        let mut rest = Cursor(&self.head);
        let Some(frame) = frame(&mut rest) else {
            return (Found::Nothing, bytes.len());
        };
        let taken = (self.head.len() - rest.0.len()).saturating_sub(before);
        self.head.clear();
        let Some(frame) = frame else {
            self.lost = true;
            return (Found::Nothing, bytes.len());
        };
        if matches!(frame.kind, TEXT | BINARY) {
            self.text = frame.kind == TEXT;
        }
        self.now = Some(frame).filter(|frame| frame.left > 0);
        let found = match frame.kind {
            TEXT => Found::Text,
            CLOSE if frame.left == 0 => Found::Close(0),
            _ => Found::Nothing,
        };
        (found, taken)
    }

    /// So many bytes are missing; says how many of them were of MQTT, or
    /// `None` if nobody knows.
    pub(super) fn gap(&mut self, bytes: u64) -> Option<u64> {
        match self.now.as_mut() {
            Some(frame) if frame.left >= bytes && self.head.is_empty() => {
                frame.left -= bytes;
                frame.at += usize::try_from(bytes).unwrap_or_default();
                let data = matches!(frame.kind, CONTINUED | BINARY) && !self.text;
                self.now = self.now.filter(|frame| frame.left > 0);
                Some(if data { bytes } else { 0 })
            }
            _ => {
                self.lost = true;
                None
            }
        }
    }
}

/// The head of a frame: `None` if it is not whole, `Some(None)` if it is no
/// head that MQTT could have.
#[expect(clippy::option_option, reason = "not yet, and never, are two things")]
fn frame(rest: &mut Cursor<'_>) -> Option<Option<Frame>> {
    let (first, second) = (rest.u8()?, rest.u8()?);
    let kind = first & 0x0F;
    if first & 0x70 != 0 || !matches!(kind, 0..=2 | 8..=10) {
        return Some(None);
    }
    let left = match second & 0x7F {
        126 => rest.u16()?.into(),
        127 => u64::from_be_bytes(rest.array()?),
        len => len.into(),
    };
    let mask = if second & 0x80 != 0 { rest.array()? } else { [0; 4] };
    Some(Some(Frame { kind, mask, at: 0, left }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(frames: &mut Frames, bytes: &[u8]) -> (Vec<u8>, Vec<Found>) {
        let (mut data, mut others) = (Vec::new(), Vec::new());
        let (mut rest, mut scratch) = (bytes, Vec::new());
        while !rest.is_empty() {
            let (found, taken) = frames.next(rest, &mut scratch);
            rest = &rest[taken..];
            match found {
                Found::Nothing => {}
                Found::Data => data.extend_from_slice(&scratch),
                other => others.push(other),
            }
        }
        (data, others)
    }

    const MASKED: &[u8] =
        &[0x82, 0x85, 1, 2, 3, 4, b'h' ^ 1, b'e' ^ 2, b'l' ^ 3, b'l' ^ 4, b'o' ^ 1];

    #[test]
    fn masks_are_taken_off_in_any_pieces() {
        for cut in 0..MASKED.len() {
            let mut frames = Frames::default();
            let (one, other) = MASKED.split_at(cut);
            let mut data = all(&mut frames, one).0;
            data.extend(all(&mut frames, other).0);
            assert_eq!(data, b"hello", "{cut}");
        }
    }

    #[test]
    fn long_frames_pings_text_and_close() {
        let mut frames = Frames::default();
        let long = [
            &[0x02, 126, 0, 3][..],
            b"abc",
            &[0x89, 1, b'p'],
            &[0x80, 127, 0, 0, 0, 0, 0, 0, 0, 2],
            b"de",
        ];
        assert_eq!(all(&mut frames, &long.concat()), (b"abcde".to_vec(), vec![]));
        let text = [0x81, 1, b'x', 0x88, 2, 0x03, 0xE9, 0x88, 0];
        let found = vec![Found::Text, Found::Close(1001), Found::Close(0)];
        assert_eq!(all(&mut frames, &text), (vec![], found));
    }

    #[test]
    fn compressed_frames_are_not_read() {
        let mut frames = Frames::default();
        assert_eq!(all(&mut frames, &[0xC2, 1, b'x', 0x82, 1, b'y']), (vec![], vec![]));
    }

    #[test]
    fn a_gap_within_a_frame_is_stepped_over() {
        let mut frames = Frames::default();
        assert_eq!(all(&mut frames, &MASKED[..7]).0, b"h");
        assert_eq!(frames.gap(2), Some(2));
        assert_eq!(all(&mut frames, &MASKED[9..]).0, b"lo");
        assert_eq!(frames.gap(1), None);
    }
}

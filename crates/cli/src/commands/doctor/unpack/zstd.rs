//! Zstandard: one frame after the other, those to be skipped too, and of a frame
//! that is cut all that came before the cut.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Frames begin with this.
const FRAME: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Frames to be skipped begin with this and one of sixteen first bytes.
const SKIPPED: [u8; 3] = [0x2A, 0x4D, 0x18];

/// Mark, descriptor, window, dictionary and size of the content.
const LONGEST_HEADER: usize = 4 + 1 + 1 + 4 + 8;

/// The bytes that a frame may look back on: as many as `zstd` itself gives unasked,
/// and its strongest level needs.
const LARGEST_WINDOW: u64 = 128 << 20;

/// A decoder is used for the next frame up to this.
const KEPT_WINDOW: u64 = 64 << 20;

/// No block of a frame is larger.
const LARGEST_BLOCK: usize = 128 * 1024;

/// The last block of a frame, empty, and a checksum, which is not looked at.
const END: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Whether a file begins as one of Zstandard's does.
pub(super) fn begins(head: &[u8]) -> bool {
    let skipped = head.first().is_some_and(|first| first & 0xF0 == 0x50);
    head.starts_with(&FRAME) || (skipped && head.get(1..4) == Some(&SKIPPED))
}

/// Reads what all frames of a file hold.
pub(super) struct Frames {
    source: Box<dyn BufRead + Send>,
    decoder: FrameDecoder,
    /// A frame is under way, or something of it has yet to be taken.
    inside: bool,
    /// Why no more can be read, told once all before it was.
    cut: Option<io::Error>,
    block: Vec<u8>,
}

impl Frames {
    pub(super) fn new(source: Box<dyn BufRead + Send>) -> Self {
        let decoder = FrameDecoder::new();
        Self { source, decoder, inside: false, cut: None, block: Vec::new() }
    }

    /// Begins the next frame; false if there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let mut magic = [0; 4];
            self.source.read_exact(&mut magic)?;
            if magic == FRAME {
                self.begin()?;
                return Ok(true);
            }
            if !begins(&magic) {
                return Err(damaged("what follows is no frame"));
            }
            let mut length = [0; 4];
            self.source.read_exact(&mut length)?;
            let length = u64::from(u32::from_le_bytes(length));
            if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads the rest of the header of a frame. What it asks for is looked at before
    /// the decoder gives it.
    fn begin(&mut self) -> io::Result<()> {
        let mut header = [0; LONGEST_HEADER];
        let (magic, rest) = header.split_at_mut(FRAME.len());
        magic.copy_from_slice(&FRAME);
        let (first, rest) = rest.split_at_mut(1);
        self.source.read_exact(first)?;
        let descriptor = Descriptor(first.first().copied().unwrap_or_default());
        let rest = rest.get_mut(..descriptor.rest()).unwrap_or_default();
        self.source.read_exact(rest)?;
        if descriptor.names_dictionary(rest) {
            return Err(unsupported("it needs a dictionary"));
        }
        let window = descriptor.window(rest);
        if window > LARGEST_WINDOW {
            return Err(unsupported(&format!(
                "it needs a window of {window} bytes, of which {LARGEST_WINDOW} are given"
            )));
        }
        if window > KEPT_WINDOW {
            // One that is used again refuses what a new one takes.
            self.decoder = FrameDecoder::new();
        }
        let length = FRAME.len() + 1 + rest.len();
        let header = header.get(..length).unwrap_or_default();
        self.decoder.reset(header).map_err(|error| damaged(&error.to_string()))
    }

    /// Decodes one block. A frame that cannot go on is ended, so that the
    /// decoder gives out what it holds back for later blocks.
    fn next_block(&mut self) -> io::Result<()> {
        let read = self.read_block();
        let block = match &read {
            Ok(()) => self.block.as_slice(),
            Err(_) => END.as_slice(),
        };
        // The checksum follows its last block.
        let decoded = self
            .decoder
            .decode_blocks(block.chain(&mut self.source), BlockDecodingStrategy::UptoBlocks(1));
        let decoded = decoded.map(drop).map_err(|error| damaged(&error.to_string()));
        if read.is_ok() && decoded.is_err() {
            let end = self.decoder.decode_blocks(END.as_slice(), BlockDecodingStrategy::All);
            end.map_err(io::Error::other)?;
        }
        self.cut = read.and(decoded).err();
        Ok(())
    }

    /// Reads the bytes of one block, its header of three bytes included.
    fn read_block(&mut self) -> io::Result<()> {
        let mut header = [0; 3];
        self.source.read_exact(&mut header)?;
        let number = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        // One byte stands for a run of it.
        let size = if number >> 1 & 3 == 1 { 1 } else { (number >> 3) as usize };
        if size > LARGEST_BLOCK {
            return Err(damaged("a block is too large"));
        }
        self.block.clear();
        self.block.extend_from_slice(&header);
        self.block.resize(header.len() + size, 0);
        self.source.read_exact(self.block.get_mut(header.len()..).unwrap_or_default())
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn unsupported(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}

/// The byte behind the mark of a frame: which fields follow it.
#[derive(Clone, Copy)]
struct Descriptor(u8);

impl Descriptor {
    /// All in one segment: the content is its window, and has its size in the header.
    fn is_single(self) -> bool {
        self.0 & 0x20 != 0
    }

    fn dictionary(self) -> usize {
        [0, 1, 2, 4].get(usize::from(self.0 & 3)).copied().unwrap_or_default()
    }

    fn content(self) -> usize {
        let least = usize::from(self.is_single());
        [least, 2, 4, 8].get(usize::from(self.0 >> 6)).copied().unwrap_or_default()
    }

    /// The length of what follows: window, dictionary, size of the content.
    fn rest(self) -> usize {
        usize::from(!self.is_single()) + self.dictionary() + self.content()
    }

    fn names_dictionary(self, rest: &[u8]) -> bool {
        let before = usize::from(!self.is_single());
        rest.iter().skip(before).take(self.dictionary()).any(|byte| *byte != 0)
    }

    fn window(self, rest: &[u8]) -> u64 {
        if self.is_single() {
            let size = rest.iter().skip(self.dictionary()).rev();
            let size = size.fold(0, |size, byte| size << 8 | u64::from(*byte));
            return if self.content() == 2 { size + 256 } else { size };
        }
        let byte = rest.first().copied().unwrap_or_default();
        let base = 1 << (10 + u64::from(byte >> 3));
        base + base / 8 * u64::from(byte & 7)
    }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.inside {
                let read = self.decoder.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
                self.inside = !self.decoder.is_finished();
            }
            if let Some(error) = self.cut.take() {
                return Err(error);
            }
            if self.inside {
                self.next_block()?;
            } else if self.next_frame()? {
                self.inside = true;
            } else {
                return Ok(0);
            }
        }
    }
}

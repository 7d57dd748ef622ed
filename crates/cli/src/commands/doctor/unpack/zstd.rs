//! Zstandard: one frame after the other, those to be skipped too, and of a frame
//! that is cut all that came before the cut.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Frames begin with this.
const FRAME: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Frames to be skipped begin with this and one of sixteen first bytes.
const SKIPPED: [u8; 3] = [0x2A, 0x4D, 0x18];

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
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.source).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
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
        let decoded = decoded.map(drop).map_err(io::Error::other);
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
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a block is too large"));
        }
        self.block.clear();
        self.block.extend_from_slice(&header);
        self.block.resize(header.len() + size, 0);
        self.source.read_exact(self.block.get_mut(header.len()..).unwrap_or_default())
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

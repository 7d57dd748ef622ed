//! Compressed files, unpacked as they are read, within a bound.

mod zstd;

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

/// The most that comes out of one compressed file: a file made to fill a disk
/// ends here, by an error.
const LARGEST: u64 = 256 << 30;

/// A reader of what a file holds.
pub(super) fn unpacked(mut file: Box<dyn BufRead + Send>) -> io::Result<Box<dyn Read + Send>> {
    let head = file.fill_buf()?;
    let reader: Box<dyn Read + Send> = if head.starts_with(&[0x1F, 0x8B]) {
        Box::new(MultiGzDecoder::new(file))
    } else if zstd::begins(head) {
        Box::new(zstd::Frames::new(file))
    } else {
        return Ok(Box::new(file));
    };
    Ok(Box::new(Bounded { reader, left: LARGEST }))
}

/// An error of a decoder for people. Those of the file itself stay as they are.
fn in_words(error: io::Error) -> io::Error {
    match error.kind() {
        _ if error.raw_os_error().is_some() => error,
        ErrorKind::UnexpectedEof => {
            io::Error::new(ErrorKind::UnexpectedEof, "the packed bytes end too early")
        }
        // The latter is how a decoder of gzip says that a header is none.
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            let text = format!("the packed bytes are damaged: {error}");
            io::Error::new(ErrorKind::InvalidData, text)
        }
        _ => error,
    }
}

/// Ends by an error, not as if all had been read.
struct Bounded {
    reader: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer).map_err(in_words)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(format!("more than {LARGEST} bytes come out of it")))?;
        Ok(read)
    }
}

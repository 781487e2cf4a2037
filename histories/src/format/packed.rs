//! Gzip and zstd around a history of any format: recognised by their first bytes, unpacked while they are read.
//!
//! Memory is that of a window (gzip 32 KiB, RFC 1952; zstd as the frame says, at most 128 MiB, RFC 8878), whatever the
//! data grow to; how much may be read out of them is the interrupt's to say, which is asked at every piece. What is damaged
//! or cut off is an error with the byte of the packed file; nothing that came out before it is taken for a history.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Interrupt;

/// A member of gzip (RFC 1952, section 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];
/// A frame of zstd (RFC 8878, section 3.1.1), little-endian.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// How a frame that zstd skips begins, but for its first byte, `0x50` to `0x5f` (RFC 8878, section 3.1.2).
const ZSTD_SKIPPED: &[u8] = &[0x2a, 0x4d, 0x18];

/// What is read from the file at once.
const PIECE_BYTES: usize = 64 * 1024;

/// An input without what it was packed with.
pub struct Unpacked<R>(Packed<R>);

/// The same, and it ends with an error when it is time to stop.
pub struct UnpackedUntil<'a, R> {
    input: Unpacked<R>,
    interrupt: Interrupt<'a>,
}

enum Packed<R> {
    Plain(BufReader<R>),
    Gzip(Box<MultiGzDecoder<Counted<BufReader<R>>>>),
    Zstd(Box<Zstd<R>>),
}

/// Looks how the input begins, and unpacks it if it is packed.
pub fn unpack<R: Read>(input: R) -> io::Result<Unpacked<R>> {
    let mut input = BufReader::with_capacity(PIECE_BYTES, input);
    let head = input.fill_buf()?;
    Ok(Unpacked(if head.starts_with(GZIP) {
        Packed::Gzip(Box::new(MultiGzDecoder::new(Counted::new(input))))
    } else if is_zstd(head) {
        Packed::Zstd(Box::new(Zstd {
            source: Counted::new(input),
            decoder: FrameDecoder::new(),
            in_frame: false,
        }))
    } else {
        Packed::Plain(input)
    }))
}

fn is_zstd(head: &[u8]) -> bool {
    let skipped = matches!(head, [0x50..=0x5f, rest @ ..] if rest.starts_with(ZSTD_SKIPPED));
    skipped || head.starts_with(ZSTD)
}

impl<R> Unpacked<R> {
    /// Asks at every piece whether to stop: much may come out of little.
    pub fn until(self, interrupt: Interrupt<'_>) -> UnpackedUntil<'_, R> {
        UnpackedUntil {
            input: self,
            interrupt,
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Packed::Plain(input) => input.read(buffer),
            Packed::Gzip(decoder) => {
                let read = decoder.read(buffer);
                read.map_err(|error| decoder.get_ref().blamed("gzip", error))
            }
            Packed::Zstd(decoder) => {
                let read = decoder.read(buffer);
                read.map_err(|error| decoder.source.blamed("zstd", error))
            }
        }
    }
}

impl<R: Read> Read for UnpackedUntil<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_packed = !matches!(self.input.0, Packed::Plain(_));
        match is_packed && self.interrupt.stops() {
            true => Err(io::Error::other("the reading was stopped")),
            false => self.input.read(buffer),
        }
    }
}

/// An input that knows how many of its bytes were used, and whether it was itself that failed.
struct Counted<R> {
    input: R,
    at: u64,
    has_failed: bool,
}

impl<R> Counted<R> {
    fn new(input: R) -> Self {
        Counted {
            input,
            at: 0,
            has_failed: false,
        }
    }

    /// The error of the input, or what is wrong with the data that came from it.
    fn blamed(&self, packing: &'static str, error: io::Error) -> io::Error {
        match self.has_failed {
            true => error,
            false => io::Error::other(Damaged {
                packing,
                at: self.at,
                source: error,
            }),
        }
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer);
        self.has_failed |= read.is_err();
        self.at += *read.as_ref().unwrap_or(&0) as u64;
        read
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let has_failed = &mut self.has_failed;
        self.input.fill_buf().inspect_err(|_| *has_failed = true)
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
        self.input.consume(amount);
    }
}

/// The frames of zstd one after the other; the crate's own reader knows a single one, and compares no checksum.
struct Zstd<R> {
    source: Counted<BufReader<R>>,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: Read> Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.enter()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder
                    .decode_blocks(&mut self.source, one)
                    .map_err(io::Error::other)?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.leave()?;
        }
    }

    /// Begins the next frame that holds something; none behind the last.
    fn enter(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => self.in_frame = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.source.by_ref().take(length.into());
                    if io::copy(&mut skipped, &mut io::sink())? < length.into() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    continue;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
            return Ok(true);
        }
    }

    fn leave(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let promised = self.decoder.get_checksum_from_data();
        if promised.is_some() && promised != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("the checksum of a frame is another one"));
        }
        Ok(())
    }
}

/// What is wrong with packed data.
#[derive(Debug)]
struct Damaged {
    packing: &'static str,
    at: u64,
    source: io::Error,
}

impl Damaged {
    /// Whether more bytes were wanted than there are, at whatever depth a decoder found out.
    fn is_cut_off(&self) -> bool {
        let mut error: Option<&(dyn Error + 'static)> = Some(&self.source);
        while let Some(this) = error {
            let io = this.downcast_ref::<io::Error>();
            if io.is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
                return true;
            }
            error = match io.and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => this.source(),
            };
        }
        false
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damaged { packing, at, source } = self;
        match self.is_cut_off() {
            true => write!(f, "its {packing} data are cut off at byte {at}"),
            false => write!(f, "its {packing} data are damaged at byte {at}: {source}"),
        }
    }
}

impl Error for Damaged {}

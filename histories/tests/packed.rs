//! Gzip and zstd around every format: recognised by content, and nothing that is damaged is taken for a history.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use histories::format::{self, Interrupt, Options};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// A frame that every reader of zstd passes over.
fn skipped() -> Vec<u8> {
    [&[0x54, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], b"any".as_slice()].concat()
}

/// The small files, one of each format.
fn texts() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/small");
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect()
}

fn said(bytes: &[u8]) -> String {
    format::read(bytes, &Options::default()).unwrap_err().to_string()
}

#[test]
fn every_format_is_read_through_both() {
    for text in texts() {
        let plain = format::read(text.as_slice(), &Options::default()).unwrap();
        let (begin, end) = text.split_at(text.len() / 2);
        let packed = [
            gzip(&text),
            zstd(&text),
            [gzip(begin), gzip(end)].concat(),
            [skipped(), zstd(begin), skipped(), zstd(end)].concat(),
        ];
        for packed in packed {
            assert_eq!(
                format::read(packed.as_slice(), &Options::default()).unwrap(),
                plain
            );
        }
    }
}

#[test]
fn what_is_damaged_or_cut_off_is_an_error_with_its_place() {
    let text = texts().concat().repeat(20);
    for (name, packed) in [("gzip", gzip(&text)), ("zstd", zstd(&text))] {
        for cut in [5, packed.len() / 2, packed.len() - 1] {
            let said = said(&packed[..cut]);
            let expected = format!("cannot read the input: its {name} data are cut off at byte {cut}");
            assert_eq!(said, expected);
        }
        // The checksum at the end says so at the latest.
        let mut flipped = packed.clone();
        let at = packed.len() - 6;
        flipped[at] ^= 0x10;
        let said = said(&flipped);
        assert!(said.contains(&format!("its {name} data are ")), "{said}");
        let behind = [packed, b"and something more".to_vec()].concat();
        let said = self::said(&behind);
        assert!(
            said.contains(&format!("its {name} data are damaged at byte ")),
            "{said}"
        );
    }
}

#[test]
fn a_stop_is_heard_while_much_comes_out_of_little() {
    let bomb = vec![b' '; 64 << 20];
    for packed in [gzip(&bomb), zstd(&bomb)] {
        assert!(packed.len() < 1 << 20);
        let looks = std::cell::Cell::new(0);
        let stops = || {
            looks.set(looks.get() + 1);
            looks.get() > 10
        };
        let mut read = Vec::new();
        let mut unpacked = format::unpack(packed.as_slice())
            .unwrap()
            .until(Interrupt::when(&stops));
        let error = unpacked.read_to_end(&mut read).unwrap_err();
        assert_eq!(error.to_string(), "the reading was stopped");
        assert!(read.len() < 32 << 20, "{} bytes", read.len());
    }
}

#[test]
fn no_mutated_frame_panics() {
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/small/history1.jsonl")).unwrap();
    let mut seed = 11_u64;
    let mut below = |limit: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % limit
    };
    let plain = format::read(text.as_slice(), &Options::default()).unwrap();
    for (rounds, packed) in [(4000, gzip(&text)), (4000, zstd(&text))] {
        for _ in 0..rounds {
            let mut bytes = packed.clone();
            for _ in 0..=below(2) {
                let at = below(bytes.len());
                match below(3) {
                    0 => bytes.truncate(at + 1),
                    1 => bytes.insert(at, below(256) as u8),
                    _ => bytes[at] = below(256) as u8,
                }
            }
            if let Ok(read) = format::read(bytes.as_slice(), &Options::default()) {
                // A byte of a header that says nothing.
                assert_eq!(read, plain);
            }
        }
    }
}

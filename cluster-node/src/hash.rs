//! The hash that leaves the node: in statuses, in journals, in the sessions of forwarded writes. Nodes of any build are
//! compared by it, and the standard library promises no hash that stays: so this one is spelled out (docs/journal.md).

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// SipHash-1-3 of these bytes one after the other, with a key of zeros.
pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write(part);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use crate::raft::types::{Entry, LogIndex, Term};

    /// The values are SipHash-1-3's with a key of zeros, and those of every build before and after this one.
    #[test]
    fn the_hash_never_changes() {
        let counting: Vec<u8> = (0..64).collect();
        for (length, hash) in [
            (0, 0xd1fb_a762_150c_532c),
            (1, 0x68a9_1412_8e01_e473),
            (8, 0xead4_11e6_7ebe_2eea),
            (15, 0xf30e_b725_bb91_c9ea),
            (64, 0x75e0_5fd5_bbc8_70c6),
        ] {
            let (front, back) = counting[..length].split_at(length / 3);
            assert_eq!(super::of([front, back]), hash, "{length} bytes");
        }
        let entry = Entry {
            term: Term(2),
            index: LogIndex(17),
            payload: b"payload".as_slice().into(),
        };
        assert_eq!(entry.hash(), 0x5d2b_5c72_2ebb_812c);
    }
}

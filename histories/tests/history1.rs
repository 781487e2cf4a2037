//! history/1: what is written is read again, and a run cut off anywhere is read up to its last whole line.

mod strategies;

use histories::History;
use histories::format::{self, Options, history1};
use proptest::prelude::*;

fn written(history: &History) -> Vec<u8> {
    let mut text = Vec::new();
    history1::write(history, &mut text).expect("writing into memory");
    text
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(history in strategies::history()) {
        let text = written(&history);
        prop_assert_eq!(&history1::read(text.as_slice()).unwrap(), &history);
        let imported = format::read(text.as_slice(), &Options::default()).unwrap();
        prop_assert_eq!((imported.format, &imported.history), (history1::NAME, &history));
    }

    #[test]
    fn a_written_event_has_the_bytes_of_serde_json(events in strategies::events()) {
        for event in events {
            let mut line = Vec::new();
            history1::write_event(&mut line, &event);
            prop_assert_eq!(String::from_utf8(line).unwrap(), serde_json::to_string(&event).unwrap() + "\n");
        }
    }

    #[test]
    fn a_run_cut_off_anywhere_is_read_up_to_its_last_whole_line(
        history in strategies::history(),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = written(&history);
        let header_end = text.iter().position(|&byte| byte == b'\n').unwrap();
        let cut = header_end + cut.index(text.len() - header_end);
        let left = &text[..cut];
        let whole = text[..=cut.min(text.len() - 1)].iter().filter(|&&byte| byte == b'\n').count() - 1;

        let unfinished = history1::read_unfinished(left).unwrap();
        prop_assert_eq!(&unfinished.history.events[..], &history.events[..whole]);
        let rest = left.rsplit(|&byte| byte == b'\n').next().unwrap();
        let cut_off = cut != header_end && !rest.is_empty() && !text[cut..].starts_with(b"\n");
        prop_assert_eq!(unfinished.cut_off, cut_off);
        prop_assert_eq!(history1::read(left).is_err(), cut_off);
    }
}

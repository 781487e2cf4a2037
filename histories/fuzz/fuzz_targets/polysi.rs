#![no_main]
libfuzzer_sys::fuzz_target!(|text: &[u8]| histories_fuzz::read_as("polysi", text));

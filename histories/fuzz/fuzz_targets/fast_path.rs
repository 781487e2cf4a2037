#![no_main]
libfuzzer_sys::fuzz_target!(|text: &[u8]| histories_fuzz::fast_path_agrees(text));

#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checker_fuzz::check(bytes));

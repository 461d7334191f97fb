//! Any bytes to the decoder of selectors.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("selectors", data));

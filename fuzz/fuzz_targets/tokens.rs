//! Any bytes to the decoder of tokens.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("tokens", data));

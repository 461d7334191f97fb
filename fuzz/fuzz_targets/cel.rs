//! Any bytes to the decoder of cel.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("cel", data));

//! Any bytes to the decoder of review.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("review", data));

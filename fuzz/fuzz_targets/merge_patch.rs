//! Any bytes to the decoder of merge patch.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("merge-patch", data));

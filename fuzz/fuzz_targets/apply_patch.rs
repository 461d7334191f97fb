//! Any bytes to the decoder of apply patch.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("apply-patch", data));

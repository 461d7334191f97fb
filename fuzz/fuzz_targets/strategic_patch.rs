//! Any bytes to the decoder of strategic patch.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("strategic-patch", data));

//! Any bytes to the decoder of json patch.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("json-patch", data));

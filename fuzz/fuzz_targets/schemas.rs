//! Any bytes to the decoder of schemas.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pocketshift_fuzz::decode("schemas", data));

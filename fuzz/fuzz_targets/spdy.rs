//! Any bytes as SPDY frames: what waits for more is less than two control frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let seen = pocketshift::http::decode_spdy(pocketshift_fuzz::pieces(data));
    assert!(seen.held <= 32 << 10, "{seen:?}");
});

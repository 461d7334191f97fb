//! Any bytes as messages of a WebSocket, with binary and with text channels.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for base64 in [false, true] {
        let seen = pocketshift::http::decode_channels(pocketshift_fuzz::pieces(data), base64);
        assert!(seen.held <= data.len(), "{seen:?}");
    }
});

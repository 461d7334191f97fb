//! Any text as a script: on the command line, and read from a pipe.
#![no_main]

use pocketshift_fuzz::holds;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    holds(&["sh", "-c", &text], b"a\nb\n");
    holds(&["sh"], data);
});

//! Any arguments of `crictl`, one a line.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let argv: Vec<&str> = std::iter::once("crictl").chain(text.split('\n')).collect();
    pocketshift_fuzz::holds(&argv, b"");
});

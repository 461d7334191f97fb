//! Any bytes as the archive that `oc cp` sends, plain or packed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    pocketshift_fuzz::holds(&["tar", "-xmf", "-", "-C", "/tmp"], data);
    pocketshift_fuzz::holds(&["tar", "tf", "-"], data);
});

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentfirewall_fuzz::detection_rules(data));

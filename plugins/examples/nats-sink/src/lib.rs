#[cfg(feature = "export")]
agentfirewall_sdk::export!();

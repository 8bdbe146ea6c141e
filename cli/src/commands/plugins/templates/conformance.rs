//! Whether the plugin keeps what agentfirewall relies on: its examples and negatives, odd configurations, hostile texts,
//! the same answer every time. `agentfirewall plugins check` asks the same of the finished library.

#[test]
fn conforms() {
    plugin_name::link();
    agentfirewall_sdk::testing::assert_conforms();
}

//! Whether the plugin keeps its promises to the host, as the SDK checks them.

#[test]
fn it_conforms() {
    acme_token::link();
    agentfirewall_sdk::testing::assert_conforms();
}

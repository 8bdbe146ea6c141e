//! Whether the plugin keeps its promises to the host, as the SDK checks them.

#[test]
fn it_conforms() {
    change_freeze::link();
    agentfirewall_sdk::testing::assert_conforms();
}

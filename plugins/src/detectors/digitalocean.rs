//! DigitalOcean: <https://docs.digitalocean.com/reference/api/create-personal-access-token/>.

use super::text::{Shape, hex};
use agentfirewall_sdk::Severity;

tokens! {
    DigitalOcean {
        id: "digitalocean-token",
        summary: "DigitalOcean personal, OAuth and refresh tokens (dop_v1_, doo_v1_, dor_v1_)",
        why: "the token creates and deletes machines, volumes and databases",
        shapes: [
            Shape::sure("dop_v1_", hex, (64, 64)).severity(Severity::Critical),
            Shape::sure("doo_v1_", hex, (64, 64)).severity(Severity::Critical),
            Shape::sure("dor_v1_", hex, (64, 64)).severity(Severity::Critical),
        ],
        examples: [concat!("dop", "_v1_b9102f29a422eb14ab2f2d0f0cc022238daceee2092f073ff80b9465aef7ac86")],
        negatives: ["dop_v1_xxxxxxxxxxxxxxxx", "dop_v1_0000000000000000000000000000000000000000000000000000000000000000"],
        keywords: ["dop_v1_", "doo_v1_", "dor_v1_"],
    }
}

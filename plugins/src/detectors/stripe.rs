//! Stripe: <https://docs.stripe.com/keys>.

use super::text::{Shape, alphanumeric, base64};
use agentfirewall_sdk::{Confidence, Severity};

fn test_mode(_: &[u8]) -> Option<Confidence> {
    Some(Confidence::Low)
}

tokens! {
    Stripe {
        id: "stripe-key",
        summary: "Stripe secret and restricted keys (live: high, test mode: low) and webhook secrets",
        why: "a live key moves money and reads customers' data",
        shapes: [
            Shape::sure("sk_live_", alphanumeric, (20, 250)).severity(Severity::Critical),
            Shape::sure("rk_live_", alphanumeric, (20, 250)).severity(Severity::Critical),
            Shape::sure("sk_prod_", alphanumeric, (20, 250)).severity(Severity::Critical),
            Shape::sure("rk_prod_", alphanumeric, (20, 250)).severity(Severity::Critical),
            Shape::sure("sk_test_", alphanumeric, (20, 250)).severity(Severity::Low).judged(test_mode),
            Shape::sure("rk_test_", alphanumeric, (20, 250)).severity(Severity::Low).judged(test_mode),
            Shape::likely("whsec_", base64, (32, 64)).severity(Severity::Medium),
        ],
        examples: [concat!("sk", "_live_T8zbUra8tOBe9JwEqdFkCAle"), concat!("sk", "_test_T8zbUra8tOBe9JwEqdFkCAle")],
        negatives: [concat!("pk", "_live_T8zbUra8tOBe9JwEqdFkCAle"), "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx", concat!("task", "_live_T8zbUra8tOBe9JwEqdFkCAle")],
        keywords: ["sk_live_", "rk_live_", "sk_prod_", "rk_prod_", "sk_test_", "rk_test_", "whsec_"],
    }
}

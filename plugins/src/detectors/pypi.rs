//! PyPI: a macaroon whose first bytes name the site, so the base64 after `pypi-` begins the same for every token.

use super::text::{Shape, url_safe};
use agentfirewall_sdk::Severity;

tokens! {
    PyPi {
        id: "pypi-token",
        summary: "upload tokens of PyPI and TestPyPI",
        why: "the token publishes packages that others install",
        shapes: [
            Shape::sure("pypi-AgEIcHlwaS5vcmc", url_safe, (50, 1000)).severity(Severity::Critical),
            Shape::sure("pypi-AgENdGVzdC5weXBpLm9yZw", url_safe, (50, 1000)).severity(Severity::Medium),
        ],
        examples: [concat!("pypi", "-AgEIcHlwaS5vcmcvE5QxvkO8STCeuw0OZafuWoqyLTKfD6ktqpfxj7DFvO5JYoxKGwjs1MW52SLZQnHVw1Dpt4Rp2BYLhow8U9Xvk")],
        negatives: ["pypi-AgEIcHlwaS5vcmc...", "pypi-publish"],
        keywords: ["pypi-AgE"],
    }
}

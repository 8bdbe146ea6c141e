//! Shopify: <https://shopify.dev/changelog/app-secret-key-length-has-increased> and its access tokens.

use super::text::Shape;

const fn any_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

tokens! {
    Shopify {
        id: "shopify-token",
        summary: "Shopify admin, custom and private app tokens and shared secrets (shpat_, shpca_, shppa_, shpss_)",
        why: "the token reads and changes a shop's orders and customers",
        shapes: [
            Shape::sure("shpat_", any_hex, (32, 32)), Shape::sure("shpca_", any_hex, (32, 32)),
            Shape::sure("shppa_", any_hex, (32, 32)), Shape::sure("shpss_", any_hex, (32, 32)),
        ],
        examples: [concat!("shp", "at_f95247f2866028de71159b42b4ea410f")],
        negatives: ["shpat_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "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00"],
        keywords: ["shpat_", "shpca_", "shppa_", "shpss_"],
    }
}

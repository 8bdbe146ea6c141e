//! Hugging Face: `hf_` and letters only.

use super::text::Shape;

const fn letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

tokens! {
    HuggingFace {
        id: "huggingface-token",
        summary: "Hugging Face user and organisation tokens (hf_..., api_org_...)",
        why: "the token reads private models and data sets, and a write token replaces them",
        shapes: [Shape::sure("hf_", letter, (34, 40)), Shape::sure("api_org_", letter, (34, 40))],
        examples: [concat!("HF_TOKEN=hf", "_sYdbsBEwlepMvBKcKvxCDnCuFsuFkkGOGb")],
        negatives: ["hf_hub_download", "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "hf_FakeFakeFake1FakeFakeFakeFakeFakeFa"],
        keywords: ["hf_", "api_org_"],
    }
}

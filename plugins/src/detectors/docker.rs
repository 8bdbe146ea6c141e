//! Docker Hub: personal and organisation access tokens.

use super::text::{Shape, url_safe};

tokens! {
    DockerHub {
        id: "dockerhub-token",
        summary: "Docker Hub access tokens (dckr_pat_, dckr_oat_)",
        why: "the token replaces images that others pull",
        shapes: [Shape::sure("dckr_pat_", url_safe, (27, 27)), Shape::sure("dckr_oat_", url_safe, (32, 32))],
        examples: [concat!("dckr", "_pat_yZChyOuUc5Q3662WzGFljPGQqvc")],
        negatives: ["dckr_pat_xxxxxxxxxxxxxxxxxxxxxxxxxxx", "dckr_pat_short"],
        keywords: ["dckr_pat_", "dckr_oat_"],
    }
}

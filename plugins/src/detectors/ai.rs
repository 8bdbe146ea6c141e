//! Providers of language models and the tools around them. Each entry is the format its vendor documents or issues.

use super::text::{Shape, alphanumeric, hex, lower, url_safe, word};

tokens! {
    Groq {
        id: "groq-key",
        summary: "Groq API keys (gsk_...)",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::sure("gsk_", alphanumeric, (52, 52)),
        ],
        examples: [concat!("gs", "k_kY9pF34Qy6nB3Wwd25rq4f5zr3QA7YeEEBY3ABp3e2zS8iq9y7Aj")],
        negatives: ["gsk_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "gsk_<token>", concat!("a", "gsk_", "zQHb6BAEcn6zJ4A3DdvHyrNktBXtnjfObINf5AjxvUlKsiC47wqa")],
        keywords: ["gsk_"],
    }
}

tokens! {
    Xai {
        id: "xai-key",
        summary: "xAI API keys (xai-...)",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::sure("xai-", alphanumeric, (80, 80)),
        ],
        examples: [concat!("xa", "i-Ml9Xvq2ZG4MzAOUQklImCvBPt4R5YhuIG43KIjFAHQsiJoUGm1YtmaD7v3dNi8LfppWTv5aspzhU8QrT")],
        negatives: ["xai-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "xai-<token>", concat!("a", "xai-", "zhJqmHUoZe95b9eGe0vRBbgi09qynDAkY8ISwYDFHL3tVTNYTHPzpppp6uEp3c4dsa7lC360A9y6YnD1")],
        keywords: ["xai-"],
    }
}

tokens! {
    Replicate {
        id: "replicate-token",
        summary: "Replicate API tokens (r8_...)",
        why: "whoever has the token runs models on the account's bill",
        shapes: [
            Shape::sure("r8_", alphanumeric, (37, 37)),
        ],
        examples: [concat!("r8", "_4TdDo9EgZmCnu77Svtuuj596LlLguRIax1dYY")],
        negatives: ["r8_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "r8_<token>", concat!("a", "r8_", "xn9IyW1MxjFT5ISgxnWamNeyyNwlEeDPOMScP")],
        keywords: ["r8_"],
    }
}

tokens! {
    Perplexity {
        id: "perplexity-key",
        summary: "Perplexity API keys (pplx-...)",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::sure("pplx-", alphanumeric, (48, 48)),
        ],
        examples: [concat!("pp", "lx-fQpLPecxvmK11OhugcICZmsPXKmZn5e6euclduDVDR0uWFmP")],
        negatives: ["pplx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "pplx-<token>", concat!("a", "pplx-", "F5RG7WoOJMcuUbrOEl5PYKptpLY5Kaa819BVtPF9DQCuGXm9")],
        keywords: ["pplx-"],
    }
}

tokens! {
    OpenRouter {
        id: "openrouter-key",
        summary: "OpenRouter API keys (sk-or-v1-...)",
        why: "whoever has the key spends the account's budget at every provider",
        shapes: [
            Shape::sure("sk-or-v1-", hex, (64, 64)),
        ],
        examples: [concat!("sk-o", "r-v1-40034d6608697a8d41bed440e50454f31af3176813e02ea68ef786e4d3cea27d")],
        negatives: ["sk-or-v1-0000000000000000000000000000000000000000000000000000000000000000", "sk-or-v1-<token>", concat!("a", "sk-or-v1-", "26934b484e73cf575dcad6ba2b0aee0ca923732881584d8c4fa2815d28028272")],
        keywords: ["sk-or-v1-"],
    }
}

tokens! {
    LangSmith {
        id: "langsmith-key",
        summary: "LangSmith personal and service keys (lsv2_...)",
        why: "the key reads every recorded prompt and answer",
        shapes: [
            Shape::sure("lsv2_pt_", word, (40, 46)),
            Shape::sure("lsv2_sk_", word, (40, 46)),
        ],
        examples: [concat!("lsv2", "_pt_gT7t0lzqXWhD82xJfY7_ag3bcXjEjxMdiswHbhmP1g2")],
        negatives: ["lsv2_pt_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "lsv2_pt_<token>", concat!("a", "lsv2_pt_", "01Kwz_cwufXs6GQFrGvyRUp_wjId_elcRUJKE8pm_3R")],
        keywords: ["lsv2_pt_", "lsv2_sk_"],
    }
}

tokens! {
    Nvidia {
        id: "nvidia-key",
        summary: "NVIDIA API keys (nvapi-...)",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::sure("nvapi-", url_safe, (60, 72)),
        ],
        examples: [concat!("nva", "pi-g19wTk7aMAvB5WnkyV0xKGFv4DrJn0GMaYzpv0bxbiP5O2CCtajNF-jAi5Sh2ta35h")],
        negatives: ["nvapi-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "nvapi-<token>", concat!("a", "nvapi-", "KdMV62v_x0W8b8Yw9xuqtW-M9ZA5p9iGwCh1Z7_ycr_BAXXXfpDaY2BW9VyNqq9bix")],
        keywords: ["nvapi-"],
    }
}

tokens! {
    Pinecone {
        id: "pinecone-key",
        summary: "Pinecone API keys (pcsk_...)",
        why: "the key reads and deletes the project's indexes",
        shapes: [
            Shape::sure("pcsk_", word, (60, 80)),
        ],
        examples: [concat!("pc", "sk_Yn8CQEwhU7JnevVUvp1a0YvHspjK9qmok7Rl0kMlRp7YXcJ0VLign4poTB4nXrMhS3h63R")],
        negatives: ["pcsk_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "pcsk_<token>", concat!("a", "pcsk_", "GiEX9f_hrwkcNnOZrU1PMEpWUYzzdK53XKqsDM8FTiv3WXz8auqlijgLL_FgpFfjuzGp7a")],
        keywords: ["pcsk_"],
    }
}

tokens! {
    Cerebras {
        id: "cerebras-key",
        summary: "Cerebras API keys (csk-...)",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::sure("csk-", lower, (48, 48)),
        ],
        examples: [concat!("cs", "k-a4dwvzeslsr8zcf5blz5kfngc1qoqxdohl3vhn8wxd5hfops")],
        negatives: ["csk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "csk-<token>", concat!("a", "csk-", "rj182ruv04pxtsf6e99x6t5z208e2j8gxr764jxcoge00yjt")],
        keywords: ["csk-"],
    }
}

tokens! {
    Tavily {
        id: "tavily-key",
        summary: "Tavily search keys (tvly-...)",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::likely("tvly-", url_safe, (32, 60)),
        ],
        examples: [concat!("tv", "ly-zEvYuv3QD72o-RawtSLt-4HRKOp0B8q-pDotXsxBd-ns_R")],
        negatives: ["tvly-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "tvly-<token>", concat!("a", "tvly-", "7iO6r3iR67nOVEealGonX4DMLGUld0azaIRfqMJDTb6YpL")],
        keywords: ["tvly-"],
    }
}

tokens! {
    E2b {
        id: "e2b-key",
        summary: "E2B sandbox keys (e2b_...)",
        why: "the key starts machines on the account's bill and enters running ones",
        shapes: [
            Shape::sure("e2b_", hex, (40, 40)),
        ],
        examples: [concat!("e2", "b_e6abf0d7c1c1e21862ab8a18a8902073fec8df4f")],
        negatives: ["e2b_0000000000000000000000000000000000000000", "e2b_<token>", concat!("a", "e2b_", "50947aaeb26c57d21fa5d328263dfe574de73998")],
        keywords: ["e2b_"],
    }
}

tokens! {
    Jina {
        id: "jina-key",
        summary: "Jina AI keys (jina_...)",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::sure("jina_", alphanumeric, (60, 60)),
        ],
        examples: [concat!("ji", "na_AhngLgcsfbff9iUWBck4pgfwxeFP6Ft260uUQeRsWn2Uie73cCQBcX4nwTbs")],
        negatives: ["jina_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "jina_<token>", concat!("a", "jina_", "CgNNGY06ECJDmd2nl92dg2CKFWdQ0QkqHnbDj4d2Ovzu4q6OpGz9Ey5FapIh")],
        keywords: ["jina_"],
    }
}

tokens! {
    SkHex {
        id: "sk-key",
        summary: "API keys of the form sk- and hexadecimal digits, as DeepSeek and others issue them",
        why: "whoever has the key spends the account's budget",
        shapes: [
            Shape::likely("sk-", hex, (32, 32)),
            Shape::likely("sk-", hex, (48, 48)),
        ],
        examples: [concat!("sk", "-d99d19bdd0b6cc60d5d32cbe54014c2b")],
        negatives: ["sk-00000000000000000000000000000000", "sk-<token>", concat!("a", "sk-", "54b95523cf6941fa1c257c6f561c5cb3")],
        keywords: ["sk-"],
    }
}

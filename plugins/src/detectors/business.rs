//! Issue trackers, documents, payments and mail lists. Each entry is the format its vendor documents or issues.

use super::text::{Shape, alphanumeric, dotted, hex, url_safe};

tokens! {
    Atlassian {
        id: "atlassian-token",
        summary: "Atlassian and Bitbucket API tokens (ATATT3, ATCTT3, ATBB)",
        why: "the token acts in its owner's name in Jira, Confluence and Bitbucket",
        shapes: [
            Shape::sure("ATATT3", url_safe, (150, 260)),
            Shape::sure("ATCTT3", url_safe, (150, 260)),
            Shape::likely("ATBB", alphanumeric, (32, 32)),
        ],
        examples: [concat!("ATA", "TT3L8zbePNQs7LGw9ZhTWWoHoePlAo92UppxpB228JqR1xJkEJDd5mJR3WdHdjKY_aHEYgdwNqJw2ozTNkThh1erM31bX5q9FHX_q0vqJMdcgpUWU86YlPuYYif-M8ut0Os4vcp04X6Pus5Qx5jX2Zdcn")],
        negatives: ["ATATT3xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ATATT3<token>", concat!("a", "ATATT3", "ikFdM093a96BWO0q3nWqfqSebJcbucbLzCDBi-Go0a95erNWQqa273hT7nBUwhwCI3FMckUkYFzv1Q2HtJG0uHakd4ESHK8fWkr6vQbrrA1xTfmUlAOvHw3bqxi88OC98819K9ie-zVmcwCOQmUcWH")],
        keywords: ["ATATT3", "ATCTT3", "ATBB"],
    }
}

tokens! {
    Linear {
        id: "linear-key",
        summary: "Linear API keys (lin_api_...)",
        why: "the key reads and changes the issues of the workspace",
        shapes: [
            Shape::sure("lin_api_", alphanumeric, (40, 40)),
        ],
        examples: [concat!("lin_", "api_kRd1oROe6SdPmGlhD0Sc4V5aOGGBjGgb29u6R3og")],
        negatives: ["lin_api_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "lin_api_<token>", concat!("a", "lin_api_", "F5ABe34i0hSX8XZmnyKb8nOLgnnaxG7TfWOaiMoX")],
        keywords: ["lin_api_"],
    }
}

tokens! {
    Notion {
        id: "notion-token",
        summary: "Notion integration tokens (ntn_...)",
        why: "the token reads the pages it was shared with",
        shapes: [
            Shape::sure("ntn_", alphanumeric, (40, 50)),
        ],
        examples: [concat!("nt", "n_M1eFcUeMoSnfFVugT036GoRnfi1usv77tzJv5p7vuXbWe")],
        negatives: ["ntn_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ntn_<token>", concat!("a", "ntn_", "rs37c4hnsufXlz34weuLdADTZXSo73Yrx3fxawTkd65ug")],
        keywords: ["ntn_"],
    }
}

tokens! {
    Figma {
        id: "figma-token",
        summary: "Figma access tokens (figd_...)",
        why: "the token reads the files of its owner",
        shapes: [
            Shape::sure("figd_", url_safe, (38, 60)),
        ],
        examples: [concat!("fi", "gd_XWg9VEcqzK8fYZwn13Y4t-hKiNF5Lnt2WaVr4AUhoCEp8P3l1")],
        negatives: ["figd_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "figd_<token>", concat!("a", "figd_", "KZt8ZL_rroYpDWysF4QmHQ2Lku0jxWYNhxufzRjhhF7ltSlaV")],
        keywords: ["figd_"],
    }
}

tokens! {
    Postman {
        id: "postman-key",
        summary: "Postman API keys (PMAK-...)",
        why: "the key reads collections and the secrets in their environments",
        shapes: [
            Shape::sure("PMAK-", url_safe, (59, 59)),
        ],
        examples: [concat!("PM", "AK-QwsjyQc6Td2B9AmhR9MCeVv-LoT9wMnwuQKw97YrF1UYHnXFtTbqQPhtLKM")],
        negatives: ["PMAK-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "PMAK-<token>", concat!("a", "PMAK-", "jYG9IEBRZxG7axkxb86xgGH_io6jSNB2tD9Yc8joVXtbYTh1ordWuxSG73t")],
        keywords: ["PMAK-"],
    }
}

tokens! {
    Typeform {
        id: "typeform-token",
        summary: "Typeform tokens (tfp_...)",
        why: "the token reads what people answered",
        shapes: [
            Shape::sure("tfp_", dotted, (40, 64)),
        ],
        examples: [concat!("tf", "p_3sBrWonqDxgk7sXHDOED7EbB6FujmvX3pFfKYD9d8NTZ8wsVEZRL")],
        negatives: ["tfp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "tfp_<token>", concat!("a", "tfp_", "VE6dWbzh4g8X4C8HTaiOc64Ahd9EkQlumNSHKfvWebxNYsnAXOpg")],
        keywords: ["tfp_"],
    }
}

tokens! {
    HubSpot {
        id: "hubspot-token",
        summary: "HubSpot private app tokens (pat-na1-, pat-eu1-)",
        why: "the token reads and changes customers' records",
        shapes: [
            Shape::sure("pat-na1-", url_safe, (36, 36)),
            Shape::sure("pat-eu1-", url_safe, (36, 36)),
        ],
        examples: [concat!("pat-", "na1-o_dHv3wYjFEmHoR70tI1w54FtEyKCLJOMAet")],
        negatives: ["pat-na1-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "pat-na1-<token>", concat!("a", "pat-na1-", "1Qv6ljDwFMTDhuH7ImEh6WHYXrHKv8cfF33t")],
        keywords: ["pat-na1-", "pat-eu1-"],
    }
}

tokens! {
    Contentful {
        id: "contentful-token",
        summary: "Contentful management tokens (CFPAT-...)",
        why: "the token changes what sites show",
        shapes: [
            Shape::sure("CFPAT-", url_safe, (43, 43)),
        ],
        examples: [concat!("CFP", "AT-L98-6pXPDZMDYEIDJd8ZVR1tqqKKf4XT3gSbnBJcs7s")],
        negatives: ["CFPAT-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "CFPAT-<token>", concat!("a", "CFPAT-", "KTkM9RpFCGn_1iMln2eK67q2rXjrijU3ShxztRrX6b0")],
        keywords: ["CFPAT-"],
    }
}

tokens! {
    Brevo {
        id: "brevo-key",
        summary: "Brevo (Sendinblue) API keys (xkeysib-...)",
        why: "the key sends mail in the company's name",
        shapes: [
            Shape::sure("xkeysib-", url_safe, (81, 81)),
        ],
        examples: [concat!("xkey", "sib-HluwtmtmpeXryS6_0Ub8RiEWlrHQvptkQJTCDkrVaioEfBnRZU_YzYpYilt9JN8PcJSGJOjX05ZJPTCk0")],
        negatives: ["xkeysib-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "xkeysib-<token>", concat!("a", "xkeysib-", "iKPFsHkPnAeh3FZU-zK2IFZeGwNx2LN8K1zGA-kM29oq7hiDts7TxfdibjTo5-NSbmgC4a7kf42FleXkd")],
        keywords: ["xkeysib-"],
    }
}

tokens! {
    FrameIo {
        id: "frameio-token",
        summary: "Frame.io tokens (fio-u-...)",
        why: "the token reads unreleased recordings",
        shapes: [
            Shape::sure("fio-u-", url_safe, (64, 64)),
        ],
        examples: [concat!("fio", "-u-npJpKfTFOQwVtZ3mlnjI7V4U1VU2HOi6i-mNk00KRoMQGZkEMoyr0FExHk_za_5j")],
        negatives: ["fio-u-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "fio-u-<token>", concat!("a", "fio-u-", "SaRBS0bhdMzeTUwaVLc4-Cr8xzLqSzWEPYf5iB6gJMvx4UZ3ba4rXYaBHnhfnxHl")],
        keywords: ["fio-u-"],
    }
}

tokens! {
    Square {
        id: "square-token",
        summary: "Square access tokens and secrets (sq0atp-, sq0csp-)",
        why: "the token moves money and reads customers' data",
        shapes: [
            Shape::sure("sq0atp-", url_safe, (22, 22)),
            Shape::sure("sq0csp-", url_safe, (43, 43)),
        ],
        examples: [concat!("sq0", "atp-ksYswx7skC8NUrcRYE7NtX")],
        negatives: ["sq0atp-xxxxxxxxxxxxxxxxxxxxxx", "sq0atp-<token>", concat!("a", "sq0atp-", "ZpxkfEPlhYY-yLc-GkHcLM")],
        keywords: ["sq0atp-", "sq0csp-"],
    }
}

tokens! {
    Flutterwave {
        id: "flutterwave-key",
        summary: "Flutterwave secret keys (FLWSECK-...)",
        why: "the key moves money",
        shapes: [
            Shape::sure("FLWSECK-", url_safe, (33, 48)),
            Shape::sure("FLWSECK_TEST-", url_safe, (14, 48)),
        ],
        examples: [concat!("FLWS", "ECK-eh-AGNmE3EqWfAWLKZpmKooCBv8R1q9qfueAco0y")],
        negatives: ["FLWSECK-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "FLWSECK-<token>", concat!("a", "FLWSECK-", "6SbzE1RIn1pmsdqfyFNP38SeyiSK236SNkLKhJLw")],
        keywords: ["FLWSECK-", "FLWSECK_TEST-"],
    }
}

tokens! {
    Duffel {
        id: "duffel-token",
        summary: "Duffel tokens (duffel_live_, duffel_test_)",
        why: "the token books and cancels journeys",
        shapes: [
            Shape::sure("duffel_live_", url_safe, (43, 43)),
            Shape::sure("duffel_test_", url_safe, (43, 43)),
        ],
        examples: [concat!("duffel", "_live_ikkjjefkDc-QX17uShu0uJubZNSGY5s6Vu4np8xaGbH")],
        negatives: ["duffel_live_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "duffel_live_<token>", concat!("a", "duffel_live_", "aSD9VvjmDTFdSl5-fk7A5G6doPltqTxWbuX0sOcpQbA")],
        keywords: ["duffel_live_", "duffel_test_"],
    }
}

tokens! {
    Shippo {
        id: "shippo-token",
        summary: "Shippo tokens (shippo_live_, shippo_test_)",
        why: "the token buys postage",
        shapes: [
            Shape::sure("shippo_live_", hex, (40, 40)),
            Shape::sure("shippo_test_", hex, (40, 40)),
        ],
        examples: [concat!("shippo", "_live_ba78a71cdd24221683cf863fe92f442fd405123a")],
        negatives: ["shippo_live_0000000000000000000000000000000000000000", "shippo_live_<token>", concat!("a", "shippo_live_", "7178b5bd85ee5042d74833c27041b29ae696fa4b")],
        keywords: ["shippo_live_", "shippo_test_"],
    }
}

tokens! {
    EasyPost {
        id: "easypost-key",
        summary: "EasyPost keys (EZAK, EZTK)",
        why: "the key buys postage",
        shapes: [
            Shape::sure("EZAK", alphanumeric, (54, 54)),
            Shape::sure("EZTK", alphanumeric, (54, 54)),
        ],
        examples: [concat!("EZ", "AKmwzBeDhGw8w1qrGCb2yih7NEJsNnxufJXTwyoyiipRJ2QgukKHdKsT")],
        negatives: ["EZAKxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "EZAK<token>", concat!("a", "EZAK", "mJjtn5MnKFdQeOrFLHgEnI1hz3lnq2rZCxUGTZjPOellu6KOLLbv6n")],
        keywords: ["EZAK", "EZTK"],
    }
}

tokens! {
    Intra42 {
        id: "intra42-secret",
        summary: "42 intra API secrets (s-s4t2ud-, s-s4t2af-)",
        why: "the secret is the application's login",
        shapes: [
            Shape::sure("s-s4t2ud-", hex, (64, 64)),
            Shape::sure("s-s4t2af-", hex, (64, 64)),
        ],
        examples: [concat!("s-s4", "t2ud-68f14ade9d4a455b817a151dd64b338ec80cc5c0b3aa41660793677fa31a2e37")],
        negatives: ["s-s4t2ud-0000000000000000000000000000000000000000000000000000000000000000", "s-s4t2ud-<token>", concat!("a", "s-s4t2ud-", "6e9db073ac7d7a7c198ffe01ce75fc538e29e602225b0dde9bb53f3b967cba89")],
        keywords: ["s-s4t2ud-", "s-s4t2af-"],
    }
}

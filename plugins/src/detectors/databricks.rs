//! Databricks: `dapi`, 32 hexadecimal digits, sometimes the number of a part.

use super::text::{Shape, hex};

tokens! {
    Databricks {
        id: "databricks-token",
        summary: "Databricks personal access tokens (dapi...)",
        why: "the token reads the workspace's tables and runs jobs on its clusters",
        shapes: [
            Shape::sure("dapi", hex, (32, 32)), Shape::sure("dkea", hex, (32, 32)), Shape::sure("dose", hex, (32, 32)),
        ],
        examples: [concat!("DATABRICKS_TOKEN=da", "pif95247f2866028de71159b42b4ea410f-2")],
        negatives: ["dapi00000000000000000000000000000000", "sandapif95247f2866028de71159b42b4ea410f"],
        keywords: ["dapi", "dkea", "dose"],
    }
}

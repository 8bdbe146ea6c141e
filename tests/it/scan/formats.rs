//! The formats, with paths and texts that would break them if they were not escaped.

use super::*;

const ODD: &str = "=odd, \"na\u{e9}me\" 100%:<&>.txt";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(ODD, format!("<![CDATA[ \"{}\", ]]> & 'x'\n", samples::github_token(1)));
    sandbox.write("b.txt", format!("\n{}\n", samples::private_key()));
    sandbox
}

fn printed(sandbox: &Sandbox, format: &str, more: &[&str]) -> String {
    let outcome = sandbox.run(["scan", "--format", format].iter().chain(more));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(!outcome.stdout.contains(&samples::github_token(1)), "{format} shows the secret");
    outcome.stdout
}

#[test]
fn sarif_is_valid_by_its_schema() {
    let sandbox = sandbox();
    sandbox.write("known.txt", samples::github_token(5));
    sandbox.run(["scan", "known.txt", "--baseline", "b.json", "--update-baseline"]).exits(0);
    sandbox.write("broken.zip", b"PK\x03\x04 broken");
    let text = printed(&sandbox, "sarif", &["--baseline", "b.json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    validate(&document);
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    let suppressed: Vec<_> = results.iter().filter(|result| result.get("suppressions").is_some()).collect();
    assert_eq!(suppressed.len(), 1);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert!(result["partialFingerprints"]["agentfirewallPlace/v1"].is_string());
    }
    let uris: Vec<_> = results
        .iter()
        .map(|result| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap())
        .collect();
    assert!(uris.contains(&"%3Dodd%2C%20%22na%C3%A9me%22%20100%25%3A%3C%26%3E.txt"), "{uris:?}");
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(), 1);

    // On another machine, with the lines moved, the places are called the same.
    let other = Sandbox::new();
    other.write(ODD, format!("\n\n<![CDATA[ \"{}\", ]]> & 'x'\n", samples::github_token(1)));
    let other: Value = serde_json::from_str(&printed(&other, "sarif", &[])).unwrap();
    let place = |results: &Value| {
        let result = results.as_array().unwrap().iter().find(|result| result["ruleId"] == "github-token");
        result.unwrap()["partialFingerprints"].clone()
    };
    assert_eq!(place(&run["results"]), place(&other["runs"][0]["results"]));

    // Nothing found is a valid document too.
    let clean = Sandbox::new();
    validate(&clean.run(["scan", "--format", "sarif"]).exits(0).json());
}

fn validate(document: &Value) {
    let schema: Value = serde_json::from_str(include_str!("sarif-2.1.0-rtm.5.json")).unwrap();
    let mut compiler = boon::Compiler::new();
    let mut schemas = boon::Schemas::new();
    compiler.add_resource("https://example.org/sarif.json", schema).unwrap();
    let index = compiler.compile("https://example.org/sarif.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(document, index) {
        panic!("{error:#}");
    }
    // The schema does refuse something.
    assert!(schemas.validate(&serde_json::json!({"version": "2.1.0"}), index).is_err());
}

#[test]
fn github_annotations_are_one_line_each_and_escaped() {
    let text = printed(&sandbox(), "github", &[]);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    let odd = lines.iter().find(|line| line.contains("odd")).unwrap();
    assert!(
        odd.starts_with("::error file==odd%2C \"na\u{e9}me\" 100%25%3A<&>.txt,line=1,endLine=1,col=12,"),
        "{odd}"
    );
    assert!(lines.iter().any(|line| line.contains("file=b.txt,line=2,endLine=")), "{text}");
}

#[test]
fn csv_fields_are_quoted_and_no_formula() {
    let text = printed(&sandbox(), "csv", &[]);
    let mut lines = text.split("\r\n");
    assert!(lines.next().unwrap().starts_with("path,line,column,"));
    assert!(text.contains("\"'=odd, \"\"na\u{e9}me\"\" 100%:<&>.txt\",1,12,"), "{text}");
}

#[test]
fn junit_is_xml_with_a_case_for_each_finding() {
    let text = printed(&sandbox(), "junit", &[]);
    assert!(text.contains("<testsuites tests=\"2\" failures=\"2\" errors=\"0\">"), "{text}");
    assert!(text.contains("=odd, &quot;na\u{e9}me&quot; 100%:&lt;&amp;&gt;.txt"), "{text}");
    assert!(!text.contains("<![CDATA["), "{text}");
    let clean = Sandbox::new().run(["scan", "--format", "junit"]);
    assert!(clean.exits(0).stdout.contains("tests=\"1\" failures=\"0\""), "{clean:?}");
}

#[test]
fn json_lines_have_a_type_and_end_with_the_summary() {
    let text = printed(&sandbox(), "jsonl", &[]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["finding", "finding", "summary"]);
    assert_eq!(lines[0]["path"], ODD);
    assert_eq!(lines[2]["findings"], 2);
}

#[test]
fn a_file_gets_the_output_without_colours_and_the_exit_code_stays() {
    let sandbox = sandbox();
    let outcome = sandbox.run(["scan", "--output", "report.txt"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    let text = sandbox.read("report.txt");
    assert!(text.contains("b.txt:2:1") && !text.contains('\x1b'), "{text}");
    assert!(text.contains("detector      findings  files") || text.contains("findings  files"), "{text}");
    assert_eq!(sandbox.run(["scan", "--output", "no/such/folder"]).code, Some(74));
}

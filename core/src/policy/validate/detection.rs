//! `secrets: {rules: ..., import: ...}`: the detection rules of a policy, and the proof that their examples hold.

use agentfirewall_sdk::{Allow, DetectionRule, Kind, LONGEST_NAME};

use super::Reader;
use crate::policy::DetectionSetting;
use crate::policy::detection::{self, beside};
use crate::policy::diagnostic::Mark;
use crate::policy::keys;
use crate::policy::layers::LayerKind;
use crate::policy::model::{ImportedFile, OwnedDetectionRule};
use crate::policy::raw::{Fields, elements, one_line, one_line_long, text, wrong_type};
use crate::policy::yaml::{Node, Value};
use crate::secrets::Engine;

/// Removed from examples and counter-examples: with it inside, a policy holds no token in clear.
const SEAM: &str = "(+)";
/// The most detection rules of one policy. Each costs a hook a little, whether a text has to do with it or not.
const MOST_RULES: usize = 4096;

impl Reader<'_> {
    /// The rules under `secrets`, and the files that some of them are from.
    pub(super) fn detection(
        &mut self,
        secrets: Option<&Node>,
    ) -> (Vec<OwnedDetectionRule>, Vec<ImportedFile>) {
        let Some(secrets) = secrets.filter(|_| self.kind != LayerKind::Project) else {
            // Whoever reads the settings says that a project has none.
            return (Vec::new(), Vec::new());
        };
        let rules = secrets.member("rules").filter(|node| node.value != Value::Null);
        let mut rules = rules.map(|node| self.detection_rules(node)).unwrap_or_default();
        let mut files = Vec::new();
        if let Some(node) = secrets.member("import").filter(|node| node.value != Value::Null) {
            let nodes = match &node.value {
                Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(node),
            };
            for node in nodes {
                self.import(node, &mut rules, &mut files);
            }
        }
        if rules.len() > MOST_RULES {
            let message = format!("{} detection rules, more than {MOST_RULES}", rules.len());
            self.problems.error("AF009", &secrets.at, message, None);
        }
        (rules, files)
    }

    fn import(&mut self, node: &Node, rules: &mut Vec<OwnedDetectionRule>, files: &mut Vec<ImportedFile>) {
        let Some(written) = text(node, "an element of `import`", self.problems) else { return };
        let Some(folder) = self.folder else {
            let message = "a policy that is in no file can import none".to_owned();
            self.problems.error("AF009", &node.at, message, None);
            return;
        };
        let path = match beside(&folder.join("policy"), &written) {
            Ok(path) => path,
            Err(message) => {
                let help =
                    Some("copy it into the folder of this policy, which the firewall protects".to_owned());
                self.problems.error("AF009", &node.at, one_line_long(&message), help);
                return;
            }
        };
        match detection::read(&path, self.kind, self.registry) {
            Err(error) => {
                let message = format!(
                    "`{}` cannot be imported: {}",
                    one_line(&written),
                    one_line_long(error.message())
                );
                self.problems.error("AF009", &node.at, message, None);
            }
            Ok(read) => {
                for note in &read.notes {
                    self.problems.warning(
                        "AF019",
                        &node.at,
                        format!("{written}: {}", one_line_long(note)),
                        None,
                    );
                }
                for rule in read.rules {
                    if self.new_id(&rule.rule.id, &node.at) {
                        rules.push(rule);
                    }
                }
                files.extend(read.files);
            }
        }
    }

    /// The rules of a list.
    pub(in crate::policy) fn detection_rules(&mut self, node: &Node) -> Vec<OwnedDetectionRule> {
        let nodes = elements(node, "`rules` of `secrets`", self.problems);
        nodes.iter().filter_map(|node| self.detection_rule(node)).collect()
    }

    fn detection_rule(&mut self, node: &Node) -> Option<OwnedDetectionRule> {
        let what = "a detection rule";
        let before = self.problems.errors();
        let fields = Fields::open(node, what, keys::DETECTION_RULE, self.problems)?;
        let id = self.required(&fields, what, "id");
        if let Some(id) = &id {
            let at = fields.get("id").map_or(fields.at, |node| &node.at);
            self.well_formed(id, at);
            self.new_id(id, at);
        }
        let mut rule = DetectionRule::new(id.unwrap_or_default());
        rule.summary = fields.optional_text("summary", self.problems).unwrap_or_default();
        rule.why = fields.optional_text("why", self.problems).unwrap_or_default();
        rule.leaked = fields.optional_text("leaked", self.problems).unwrap_or_default();
        rule.pattern = fields.text("pattern", self.problems);
        rule.secret_group = self.number(&fields, "secret_group", "a whole number");
        rule.near = self.texts(&fields, "near");
        rule.values = self.texts(&fields, "values");
        rule.keywords = self.texts(&fields, "keywords");
        rule.entropy = self.number(&fields, "entropy", "a number of bits");
        rule.severity =
            fields.word("severity", &keys::SEVERITY_WORDS, self.problems).unwrap_or(rule.severity);
        rule.confidence =
            fields.word("confidence", &keys::CONFIDENCE_WORDS, self.problems).unwrap_or(rule.confidence);
        rule.allow = self.allow(fields.get("allow"));
        rule.examples = self.texts(&fields, "examples");
        rule.negatives = self.texts(&fields, "negatives");
        for text in rule.examples.iter_mut().chain(&mut rule.negatives) {
            *text = text.replace(SEAM, "");
        }
        if self.problems.errors() > before {
            return None;
        }
        let maker = match self.registry.rule_maker() {
            Ok(maker) => maker,
            Err(error) => {
                self.problems.error("AF008", fields.at, error.to_string(), None);
                return None;
            }
        };
        let keywords = match maker.keywords(&rule) {
            Ok(keywords) => keywords,
            Err(fault) => {
                let at = fields.get(fault.field).map_or(fields.at, |node| &node.at);
                let message =
                    format!("`{}` of the detection rule `{}`: {}", fault.field, rule.id, fault.message);
                self.problems.error("AF009", at, one_line_long(&message), None);
                return None;
            }
        };
        self.judge_keywords(&rule, &keywords, &fields);
        let own = OwnedDetectionRule { rule, keywords, file: None };
        if self.thorough {
            self.try_examples(&own, &fields);
        }
        Some(own)
    }

    /// Says what a rule costs every call.
    fn judge_keywords(&mut self, rule: &DetectionRule, keywords: &[String], fields: &Fields<'_>) {
        let at = fields.get("pattern").map_or(fields.at, |node| &node.at);
        let help = "give `keywords` of which one stands in every match";
        if keywords.is_empty() {
            let message = format!(
                "the pattern of `{}` begins with no literal of three characters or more, so it sees every text",
                rule.id
            );
            self.problems.warning("AF019", at, message, Some(help.to_owned()));
        } else if let Some(short) = keywords.iter().find(|keyword| keyword.len() < 3) {
            let at = fields.get("keywords").map_or(at, |node| &node.at);
            let message = format!(
                "`{}` is a keyword of less than three bytes and stands nearly everywhere",
                one_line(short)
            );
            self.problems.warning("AF019", at, message, None);
        }
    }

    /// Refuses an id of another form than those of all detectors.
    fn well_formed(&mut self, id: &str, at: &Mark) {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if id.len() > LONGEST_NAME || !id.split('-').all(word) {
            let message = format!("`{}` is no id of a detection rule", one_line(id));
            let help = format!("write lower-case words joined by hyphens, at most {LONGEST_NAME} bytes");
            self.problems.error("AF009", at, message, Some(help));
        }
    }

    /// Refuses an id that another detector has.
    fn new_id(&mut self, id: &str, at: &Mark) -> bool {
        if let Some(entry) = self.registry.find(Kind::Detector, id) {
            let message = format!("a detector is called `{}` already ({})", one_line(id), entry.origin());
            let help = format!(
                "give the rule another id; `detectors: {{{id}: {{enabled: false}}}}` switches that one off"
            );
            self.problems.error("AF011", at, message, Some(help));
            return false;
        }
        if self.detection.iter().any(|known| known == id) {
            let message = format!("two detection rules are called `{}`", one_line(id));
            self.problems.error("AF011", at, message, Some("give each an id of its own".to_owned()));
            return false;
        }
        self.detection.push(id.to_owned());
        true
    }

    /// A list of texts; a single one is a list of one.
    fn texts(&mut self, fields: &Fields<'_>, key: &str) -> Vec<String> {
        let Some(node) = fields.get(key).filter(|node| node.value != Value::Null) else { return Vec::new() };
        let nodes = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let what = format!("an element of `{key}`");
        nodes.iter().filter_map(|node| text(node, &what, self.problems)).collect()
    }

    fn number<T: serde::de::DeserializeOwned>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        wanted: &str,
    ) -> Option<T> {
        let node = fields.get(key)?;
        let number = match &node.value {
            Value::Number(number, _) => {
                serde_json::from_value(serde_json::Value::Number(number.clone())).ok()
            }
            _ => None,
        };
        if number.is_none() {
            wrong_type(node, &format!("`{key}`"), wanted, None, self.problems);
        }
        number
    }

    fn allow(&mut self, node: Option<&Node>) -> Vec<Allow> {
        let Some(node) = node.filter(|node| node.value != Value::Null) else { return Vec::new() };
        let nodes = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut all = Vec::new();
        for node in nodes {
            let Some(fields) = Fields::open(node, "`allow`", keys::ALLOW, self.problems) else { continue };
            let mut allow = Allow::default();
            allow.patterns = self.texts(&fields, "patterns");
            allow.words = self.texts(&fields, "words");
            allow.target = fields.word("target", &keys::TARGET_WORDS, self.problems).unwrap_or_default();
            allow.both = fields.flag("both", self.problems).unwrap_or_default();
            all.push(allow);
        }
        all
    }

    /// Makes the detector and asks it about the rule's own examples, as a call would.
    fn try_examples(&mut self, own: &OwnedDetectionRule, fields: &Fields<'_>) {
        let Ok(json) = serde_json::to_string(&own.rule) else { return };
        let setting = DetectionSetting {
            id: &own.rule.id,
            keywords: own.keywords.iter().map(String::as_str).collect(),
            rule: &json,
            file: "this policy",
        };
        let entries =
            self.registry.entries_of_rules(std::slice::from_ref(&setting)).map_err(|error| error.to_string());
        let engine = entries.and_then(|entries| {
            let engine = Engine::from_entries(entries.into_iter(), &[]).map_err(|error| error.to_string())?;
            engine.check().map_err(|error| error.to_string())?;
            Ok(engine)
        });
        let engine = match engine {
            Ok(engine) => engine,
            Err(error) => {
                let at =
                    fields.get("pattern").or_else(|| fields.get("values")).map_or(fields.at, |node| &node.at);
                self.problems.error("AF009", at, one_line_long(&error), None);
                return;
            }
        };
        for (key, texts, wanted) in
            [("examples", &own.rule.examples, true), ("negatives", &own.rule.negatives, false)]
        {
            let nodes = match fields.get(key) {
                Some(Node { value: Value::List(items), .. }) => items.as_slice(),
                Some(node) => std::slice::from_ref(node),
                None => &[],
            };
            for (node, text) in nodes.iter().zip(texts) {
                let found = engine.scan_text(text).map(|scanned| !scanned.findings.is_empty());
                let message = match found {
                    Ok(found) if found == wanted => continue,
                    Ok(true) => format!("`{}` finds a secret in this counter-example", own.rule.id),
                    Ok(false) => format!("`{}` finds nothing in this example", own.rule.id),
                    Err(error) => one_line_long(&error.to_string()),
                };
                self.problems.error("AF018", &node.at, message, None);
            }
        }
    }
}

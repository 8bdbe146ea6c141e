//! What tools and parameters mean that are no command, no path and no address: rights, rules of mail, switches of a server.

use serde_json::Value;

use super::{Found, Verb};
use crate::facts::written;
use crate::inline::manifest;
use crate::understand::Address;
use crate::understand::Effect;

/// Words for who may do what, or who hears of it.
const RIGHTS: [&str; 16] = [
    "protected",
    "protection",
    "unprotect",
    "ruleset",
    "permission",
    "permissions",
    "collaborator",
    "collaborators",
    "member",
    "members",
    "membership",
    "role",
    "roles",
    "webhook",
    "policy",
    "policies",
];
/// What somebody pays for.
const BOUGHT: [&str; 6] = ["subscription", "subscriptions", "order", "booking", "reservation", "invoice"];

impl Found<'_> {
    /// What the words of a tool's name say together.
    pub(super) fn tool(&mut self, input: &Value) {
        let has = |names: &[&str]| self.words.iter().any(|word| names.contains(&word.as_str()));
        let changes =
            matches!(self.verb, Verb::Write | Verb::Delete | Verb::Send) || has(&["invite", "grant"]);
        let tool = || self.words.join(" ");
        let mut say = |id: &str, detail: String| self.doing.effects.push(Effect::new(id, detail));
        if changes && has(&RIGHTS) {
            say("platform.access", tool());
        }
        let secret = has(&["secret", "secrets", "credential", "credentials"]);
        let key = has(&["key", "keys", "token", "tokens"])
            && has(&["api", "access", "deploy", "ssh", "gpg", "signing", "personal", "auth"]);
        let shows =
            has(&["get", "read", "fetch", "reveal", "decrypt", "show"]) && !has(&["list", "scanning"]);
        if changes && (secret || key) || shows && secret {
            say("platform.secret", tool());
        }
        for (path, file) in files(input) {
            for effect in written::effects(path, file) {
                say(&effect.id, effect.detail);
            }
        }
        // Every row is meant where the filter names none.
        let all = input
            .get("filter")
            .is_some_and(|filter| filter.as_object().is_some_and(serde_json::Map::is_empty));
        if has(&["many", "all"]) && has(&["update", "delete", "replace"]) && all {
            say("database.delete-all", tool());
        }
        if let Some(verb) = ["operation", "action"].iter().find_map(|name| input.get(*name)?.as_str())
            && super::words_of(verb).iter().any(|word| {
                matches!(
                    word.as_str(),
                    "delete" | "destroy" | "drop" | "purge" | "drain" | "terminate" | "wipe" | "truncate"
                )
            })
        {
            say("mcp.destructive", verb.to_owned());
        }
        let deletes = ["method", "http_method", "httpMethod"]
            .iter()
            .find_map(|name| input.get(*name)?.as_str())
            .is_some_and(|method| method.eq_ignore_ascii_case("delete"));
        let here = ["url", "endpoint", "base_url"]
            .iter()
            .find_map(|name| input.get(*name)?.as_str())
            .is_some_and(|url| Address::of(url).is_loopback());
        if deletes && !here {
            say("mcp.destructive", "DELETE".to_owned());
        }
        if has(&["exploit", "exploits", "payload"]) && has(&["run", "execute", "launch", "generate", "start"])
        {
            say("network.scan", tool());
        }
        if has(&["cancel"]) && has(&BOUGHT) {
            say("mcp.money", tool());
        }
        // A server that guards itself by a setting would be told not to.
        let switch =
            ["key", "name", "setting"].iter().filter_map(|name| input.get(*name)?.as_str()).any(|name| {
                let name = name.to_ascii_lowercase();
                ["blocked", "allowed", "denied", "permission", "approv", "sandbox"]
                    .iter()
                    .any(|part| name.contains(part))
            });
        if changes
            && has(&["config", "configuration", "setting", "settings"])
            && (switch || has(&["blocked", "allowed"]))
        {
            say("agent-config.write", tool());
        }
    }

    /// What a parameter means whatever tool it is of.
    pub(super) fn member(&mut self, name: &str, value: &Value) {
        let makes = matches!(self.verb, Verb::Write | Verb::Send | Verb::Execute);
        let text = value.as_str().unwrap_or_default();
        let public = match name {
            "visibility" | "acl" | "access" | "privacy" | "sharing" => {
                matches!(text, "public" | "public-read" | "public-read-write" | "anyone" | "anyoneWithLink")
            }
            // A gist or a page is made public every day, a repository is not.
            "private" => value == &Value::Bool(false) && self.words.iter().any(|word| word == "update"),
            _ => false,
        };
        if makes && public {
            self.doing.effects.push(Effect::new("platform.visibility", format!("{name}: {value}")));
        }
        // Mail that comes in would go on to somebody.
        if makes && name.to_ascii_lowercase().starts_with("forward") && text.contains('@') {
            self.doing.effects.push(Effect::new("message.send", format!("{name}: {text}")));
        }
        // Stages of a pipeline of MongoDB that write what they found over a collection.
        if matches!(name, "$out" | "$merge") {
            self.doing.effects.push(Effect::new("database.replace", name));
        }
        let named =
            matches!(name, "role" | "roles" | "roleName" | "role_name" | "permission" | "access_level");
        let ruler = ["admin", "owner", "root", "superuser"]
            .iter()
            .any(|part| text.to_ascii_lowercase().contains(part));
        if makes && named && ruler {
            self.doing.effects.push(Effect::new("platform.access", format!("{name}: {text}")));
        }
        if name == "kind" && text == "ClusterRoleBinding" && self.verb != Verb::Read {
            self.doing.effects.push(Effect::new("cloud.iam", "a ClusterRoleBinding"));
        }
        // Every node of a graph, in Cypher.
        if ["DETACH DELETE", "detach delete"].iter().any(|all| text.contains(all))
            && !["WHERE", "where", "{"].iter().any(|some| text.contains(some))
        {
            self.doing.effects.push(Effect::new("database.delete-all", "DETACH DELETE"));
        }
        for (id, detail) in manifest::effects(text) {
            self.doing.effects.push(Effect::new(id, detail));
        }
    }
}

/// The files that a tool is given, each with its path; GitLab calls those of a commit its actions.
pub(super) fn files(input: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let several = input.get("files").or_else(|| input.get("actions"));
    let several = several.and_then(Value::as_array).into_iter().flatten();
    several.chain([input]).filter_map(|file| {
        let path = ["path", "file_path", "filePath"].iter().find_map(|name| file.get(*name)?.as_str())?;
        Some((path, file))
    })
}

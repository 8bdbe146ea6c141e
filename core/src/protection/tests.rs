use super::*;
use crate::facts;
use crate::knowledge::Knowledge;
use crate::paths::{Ground, Links};
use agentfirewall_sdk::ToolCall;
use serde_json::{Value, json};

struct World {
    _root: tempfile::TempDir,
    places: Places,
}

fn world() -> World {
    let root = tempfile::tempdir().unwrap();
    let base = root.path().canonicalize().unwrap();
    let places = Places::inside(&base);
    for folder in [places.project.join(".claude"), places.project_folder(), places.home.join(".claude")] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(places.project.join(".claude/settings.local.json"), "{}").unwrap();
    std::fs::write(places.project_policy(), "version: \"1.0\"\n").unwrap();
    World { _root: root, places }
}

fn verdict(world: &World, tool: &str, input: Value) -> Option<Decision> {
    let binary = world.places.home.join(".cargo/bin/agentfirewall");
    let protection = Protection::new(&world.places, None, &[binary]);
    let mut call = ToolCall::new(tool, input);
    call.cwd.clone_from(&world.places.project);
    call.project.clone_from(&world.places.project);
    let knowledge = Knowledge::default();
    let around = crate::understand::World {
        knowledge: &knowledge,
        ground: Ground {
            project: &world.places.project,
            home: &world.places.home,
            user: None,
            own: Some(protection.own()),
            links: Links::default(),
        },
        folder: &world.places.project,
        scripts: &|_| None,
    };
    protection.check(&facts::of(&call, &around))
}

fn bash(world: &World, command: &str) -> Option<Decision> {
    verdict(world, "Bash", json!({ "command": command }))
}

#[test]
fn every_way_of_changing_the_wiring_is_denied() {
    let world = world();
    let project = world.places.project.clone();
    std::os::unix::fs::symlink(project.join(".claude"), project.join("link")).unwrap();
    std::fs::hard_link(project.join(".claude/settings.local.json"), project.join("hard.json")).unwrap();
    for command in [
        "echo '{}' > .claude/settings.local.json",
        "echo '{}' >| .claude/settings.json",
        "cd .claude && echo '{}' > settings.local.json",
        "pushd .claude; tee settings.json < x",
        "rm .claude/settings.local.json",
        "rm -rf .claude",
        "mv .claude /tmp/x",
        "rm -rf .agentfirewall",
        "rm -rf ~/.config/agentfirewall",
        "rm .cl*/settings*",
        "rm -rf .claud?",
        "cp x .agentfirewall/policy.yaml",
        "sed -i s/deny/allow/ .agentfirewall/policy.yaml",
        "sed -ni p .agentfirewall/policy.yaml",
        "dd if=/dev/null of=.agentfirewall/policy.yaml",
        "truncate -s 0 .agentfirewall/audit.jsonl",
        "sh -c 'echo > .claude/settings.json'",
        "python3 -c \"open('.claude/settings.json','w')\"",
        "python3 <<'E'\nopen('.claude/settings.local.json','w').write('{}')\nE",
        "P=.claude; echo x > $P/settings.json",
        "echo x > \"$CLAUDE_PROJECT_DIR/.claude/settings.json\"",
        "echo x > .CLAUDE/Settings.json",
        "echo x > link/settings.json",
        "echo x > hard.json",
        "ln -sf /tmp/x .claude/settings.json",
        "rm ~/.cargo/bin/agentfirewall",
        "chmod -x ~/.cargo/bin/agentfirewall",
        "agentfirewall uninstall",
        "agentfirewall plugins add ./libevil.so",
        "cd /tmp && agentfirewall plugins remove acme",
        "agentfirewall plugins trust acme --sha256 00",
        "sudo agentfirewall uninstall --scope user",
        "echo '{}' | agentfirewall hook pre-tool-use",
        "git checkout -- .claude/settings.json",
        "find .agentfirewall -delete",
        "awk 'BEGIN{print > \".claude/settings.json\"}'",
        "jq . x > ~/.claude/settings.json",
    ] {
        assert!(bash(&world, command).is_some(), "{command}");
    }
    for (tool, input) in [
        ("Write", json!({"file_path": project.join(".claude/settings.local.json"), "content": "{}"})),
        ("Edit", json!({"file_path": project.join("sub/../.agentfirewall/policy.yaml")})),
        ("Write", json!({"file_path": project.join("link/settings.json")})),
        ("Write", json!({"file_path": "/elsewhere/.claude/settings.json"})),
        ("NotebookEdit", json!({"notebook_path": project.join(".agentfirewall/x.ipynb")})),
        ("mcp__files__write", json!({"path": ".claude/settings.json"})),
    ] {
        assert!(verdict(&world, tool, input.clone()).is_some(), "{tool} {input}");
    }
}

#[test]
fn reading_and_talking_about_it_is_not() {
    let world = world();
    for command in [
        "cat .claude/settings.local.json",
        "cat .agentfirewall/policy.yaml | grep deny",
        "ls -la .claude .agentfirewall",
        "jq .hooks .claude/settings.json",
        "git add .claude/settings.json && git commit -m 'update .claude/settings.json; rm it later'",
        "git diff .claude/settings.json",
        "echo 'see .claude/settings.json for disableAllHooks'",
        "grep -rn disableAllHooks docs",
        "agentfirewall audit --tail 5",
        "agentfirewall validate",
        "agentfirewall plugins list --json",
        "agentfirewall plugins check target/release/libacme.so",
        "agentfirewall plugins new detector trust",
        "rm -rf target node_modules",
        "rm notes.txt && mv a b",
        "cat > notes.md <<'E'\nedit .claude/settings.json by hand\nE",
        "sed -n 1,5p .agentfirewall/policy.yaml",
        "find . -name settings.json",
        "cp -r src backup",
        "chmod -R u+w .",
        "touch settings.json",
        "rm -rf ./*",
    ] {
        assert!(bash(&world, command).is_none(), "{command}: {:?}", bash(&world, command));
    }
    for (tool, input) in [
        ("Read", json!({"file_path": world.places.project.join(".agentfirewall/policy.yaml")})),
        ("Grep", json!({"pattern": "x", "path": ".claude"})),
        ("Write", json!({"file_path": world.places.project.join("src/settings.json")})),
        ("Write", json!({"file_path": world.places.project.join(".claude/commands/x.md")})),
        ("mcp__files__read_file", json!({"path": ".claude/settings.json"})),
    ] {
        assert!(verdict(&world, tool, input.clone()).is_none(), "{tool} {input}");
    }
}

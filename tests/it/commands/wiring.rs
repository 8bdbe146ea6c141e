//! `install`, `uninstall` and `doctor`.

use agentfirewall_tests::sandbox::Sandbox;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::*;

#[test]
fn install_shows_its_change_first_and_then_makes_it_once() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    assert_snapshot!(run(&sandbox, &["install", "--dry-run"]), @r#"
    exit 0
    -- stdout
    --- [PROJECT]/.claude/settings.local.json
    +++ [PROJECT]/.claude/settings.local.json
    @@ -0,0 +1,82 @@
    +{
    +  "hooks": {
    +    "PreToolUse": [
    +      {
    +        "matcher": "*",
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "pre-tool-use"],
    +            "timeout": 30,
    +            "onFailure": "block"
    +          }
    +        ]
    +      }
    +    ],
    +    "PostToolUse": [
    +      {
    +        "matcher": "*",
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "post-tool-use"],
    +            "timeout": 30
    +          }
    +        ]
    +      }
    +    ],
    +    "PostToolUseFailure": [
    +      {
    +        "matcher": "*",
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "post-tool-use-failure"],
    +            "timeout": 30
    +          }
    +        ]
    +      }
    +    ],
    +    "UserPromptSubmit": [
    +      {
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "user-prompt-submit"],
    +            "timeout": 30,
    +            "onFailure": "block"
    +          }
    +        ]
    +      }
    +    ],
    +    "SessionStart": [
    +      {
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "session-start"],
    +            "timeout": 30
    +          }
    +        ]
    +      }
    +    ],
    +    "ConfigChange": [
    +      {
    +        "hooks": [
    +          {
    +            "type": "command",
    +            "command": "[PROGRAM]",
    +            "args": ["hook", "config-change"],
    +            "timeout": 30,
    +            "onFailure": "block"
    +          }
    +        ]
    +      }
    +    ]
    +  }
    +}
    -- stderr
    Nothing was written (--dry-run).
    warning: settings.local.json is yours alone: add `.claude/settings.local.json` and `.claude/*.agentfirewall-backup*` to .gitignore
    "#);
    assert!(!sandbox.has(".claude"), "a dry run writes nothing");
    assert_snapshot!(run(&sandbox, &["install"]), @r#"
    exit 0
    -- stdout
    Installed into [PROJECT]/.claude/settings.local.json (local settings).
      program: [PROGRAM] hook <event>
      wired:   PreToolUse, blocks if the hook itself fails
      wired:   PostToolUse
      wired:   PostToolUseFailure
      wired:   UserPromptSubmit, blocks if the hook itself fails
      wired:   SessionStart
      wired:   ConfigChange, blocks if the hook itself fails
    Check it with `agentfirewall doctor`; a client that is running picks it up by itself.
    -- stderr
    warning: settings.local.json is yours alone: add `.claude/settings.local.json` and `.claude/*.agentfirewall-backup*` to .gitignore
    "#);
    let settings = sandbox.read(".claude/settings.local.json");
    assert_snapshot!(plain(&sandbox, &settings), @r#"
    {
      "hooks": {
        "PreToolUse": [
          {
            "matcher": "*",
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "pre-tool-use"],
                "timeout": 30,
                "onFailure": "block"
              }
            ]
          }
        ],
        "PostToolUse": [
          {
            "matcher": "*",
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "post-tool-use"],
                "timeout": 30
              }
            ]
          }
        ],
        "PostToolUseFailure": [
          {
            "matcher": "*",
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "post-tool-use-failure"],
                "timeout": 30
              }
            ]
          }
        ],
        "UserPromptSubmit": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "user-prompt-submit"],
                "timeout": 30,
                "onFailure": "block"
              }
            ]
          }
        ],
        "SessionStart": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "session-start"],
                "timeout": 30
              }
            ]
          }
        ],
        "ConfigChange": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "[PROGRAM]",
                "args": ["hook", "config-change"],
                "timeout": 30,
                "onFailure": "block"
              }
            ]
          }
        ]
      }
    }
    "#);
    assert_snapshot!(run(&sandbox, &["install"]), @r#"
    exit 0
    -- stdout
    [PROJECT]/.claude/settings.local.json stays as it is: everything is in place.
      program: [PROGRAM] hook <event>
      wired:   PreToolUse, blocks if the hook itself fails
      wired:   PostToolUse
      wired:   PostToolUseFailure
      wired:   UserPromptSubmit, blocks if the hook itself fails
      wired:   SessionStart
      wired:   ConfigChange, blocks if the hook itself fails
    Check it with `agentfirewall doctor`; a client that is running picks it up by itself.
    -- stderr
    warning: settings.local.json is yours alone: add `.claude/settings.local.json` and `.claude/*.agentfirewall-backup*` to .gitignore
    "#);
    assert_eq!(sandbox.read(".claude/settings.local.json"), settings, "the second install changed the file");
    assert_snapshot!(run(&sandbox, &["uninstall"]), @r#"
    exit 0
    -- stdout
    Removed 6 hook(s) from [PROJECT]/.claude/settings.local.json.
      backup: [PROJECT]/.claude/settings.local.json.agentfirewall-backup
    A client that is running keeps the hooks until it ends: the firewall does not let them go in between.
    "#);
    let left = if sandbox.has(".claude/settings.local.json") {
        sandbox.read(".claude/settings.local.json")
    } else {
        String::new()
    };
    assert!(!left.contains("agentfirewall"), "{left}");
}

#[test]
fn install_keeps_what_a_person_wrote_and_uninstall_restores_it() {
    let sandbox = Sandbox::new();
    let before = "{\n  \"zebra\": 1,\n  \"permissions\": {\n    \"allow\": [\"Bash(ls:*)\"]\n  },\n  \"hooks\": {\n    \
                  \"PreToolUse\": [\n      {\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"true\"}]}\n    ]\n  },\n  \
                  \"apple\": 2.50\n}\n";
    sandbox.write(".claude/settings.local.json", before);
    sandbox.run(["install"]).exits(0);
    let after = sandbox.read(".claude/settings.local.json");
    let parsed: Value = serde_json::from_str(&after).unwrap();
    assert_eq!(parsed["hooks"]["PreToolUse"][0]["hooks"][0]["command"], "true");
    assert_eq!(parsed["permissions"]["allow"], json!(["Bash(ls:*)"]));
    assert!(after.find("zebra").unwrap() < after.find("apple").unwrap() && after.contains("2.50"), "{after}");
    assert!(after.contains("\"onFailure\": \"block\""), "{after}");
    sandbox.run(["uninstall"]).exits(0);
    assert_eq!(sandbox.read(".claude/settings.local.json"), before);
}

#[test]
fn install_refuses_a_file_that_the_client_would_reject_and_loses_nothing() {
    for wrong in [
        "{\n  // a comment\n  \"hooks\": {}\n}\n",
        "{\"hooks\": {},}\n",
        "{\"hooks\": {\"PreToolUse\": [{\"hooks\": [{\"type\": \"command\"}]}]}}\n",
        "{\"hooks\":",
        "[]",
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(".claude/settings.local.json", wrong);
        let outcome = sandbox.run(["install"]);
        assert_eq!(outcome.code, Some(65), "{wrong:?}: {outcome:?}");
        assert!(outcome.stderr.contains("settings.local.json"), "{outcome:?}");
        assert_eq!(sandbox.read(".claude/settings.local.json"), wrong);
    }
}

#[test]
fn doctor_says_what_is_missing_and_then_that_all_is_well() {
    let sandbox = Sandbox::new();
    let before = sandbox.run(["doctor", "--json"]);
    before.exits(1);
    before.json();
    sandbox.run(["init"]).exits(0);
    sandbox.run(["install"]).exits(0);
    let after = sandbox.run(["doctor"]);
    after.exits(0);
    let report = sandbox.run(["doctor", "--json"]).exits(0).json();
    let mut keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_snapshot!(keys.join(" "), @"checks protected");
    sandbox.write(".claude/settings.json", r#"{"disableAllHooks": true}"#);
    let off = sandbox.run(["doctor"]);
    off.exits(1);
    assert!(off.stdout.contains("disableAllHooks") || off.stderr.contains("disableAllHooks"), "{off:?}");
}

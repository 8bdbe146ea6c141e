//! What variables in a program's environment do: they run programs, load code, lead elsewhere.

use super::machine::Machine;
use super::value::{Out, Value};
use crate::understand::{Origin, Word};

/// Variables whose value a program runs.
const RUN: [&str; 20] = [
    "BASH_ENV",
    "ENV",
    "PROMPT_COMMAND",
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "PAGER",
    "MANPAGER",
    "LESSOPEN",
    "LESSCLOSE",
    "GIT_PROXY_COMMAND",
    "BROWSER",
    "EDITOR",
    "VISUAL",
    "RSYNC_RSH",
];

/// Variables that make programs load code.
const LOAD: [&str; 21] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "PYTHONSTARTUP",
    "PERL5OPT",
    "PERL5DB",
    "PERL5LIB",
    "RUBYOPT",
    "RUBYLIB",
    "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "GIT_EXEC_PATH",
    "GIT_TEMPLATE_DIR",
    "GCONV_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "ZDOTDIR",
];

impl Machine<'_> {
    /// What a variable in a program's environment does.
    pub(super) fn environment(&mut self, name: &str, value: &Value, origin: Origin) {
        if LOAD.contains(&name) {
            let harmless = match name {
                // What everyday tools are told to do with their memory and output.
                "NODE_OPTIONS" => value.options().iter().all(|word| {
                    !["--require", "-r ", "--import", "--loader", "--experimental-loader", "--eval"]
                        .iter()
                        .any(|flag| word.text.contains(flag))
                }),
                "JAVA_TOOL_OPTIONS" | "_JAVA_OPTIONS" => value
                    .options()
                    .iter()
                    .all(|word| !word.text.contains("-javaagent") && !word.text.contains("-agent")),
                "RUBYOPT" => value.options().iter().all(|word| !word.text.contains("-r")),
                "PERL5LIB" | "RUBYLIB" | "LD_LIBRARY_PATH" | "DYLD_LIBRARY_PATH" | "ZDOTDIR" => {
                    value.options().iter().all(|word| {
                        word.known() && !word.text.starts_with("/tmp") && !word.text.starts_with("/dev/shm")
                    })
                }
                "LD_PRELOAD" | "DYLD_INSERT_LIBRARIES" => {
                    value.options().iter().all(|word| word.known() && libraries::are_tools(&word.text))
                }
                _ => value.options().iter().all(|word| word.text.is_empty()),
            };
            if !harmless {
                self.effect("remote-code.preload", name, origin);
            }
        }
        if RUN.contains(&name) {
            let known = value.known();
            let mut none = Out::default();
            let value = value.clone();
            if known {
                self.deeper(|machine| {
                    machine.subshell(|machine| {
                        for word in value.options() {
                            let harmless = matches!(
                                word.text.as_str(),
                                "" | "cat"
                                    | "less"
                                    | "more"
                                    | "true"
                                    | ":"
                                    | "echo"
                                    | "/bin/true"
                                    | "vim"
                                    | "vi"
                                    | "nano"
                                    | "ssh"
                                    | "delta"
                                    | "nvim"
                                    | "emacs"
                                    | "none"
                                    | "code --wait"
                                    | "code -w"
                                    | "less -R"
                                    | "less -FRX"
                                    | "bat"
                                    | "xdg-open"
                                    | "firefox"
                                    | "/bin/cat"
                            );
                            if !harmless {
                                if !matches!(
                                    name,
                                    "GIT_SSH_COMMAND"
                                        | "GIT_EDITOR"
                                        | "GIT_SEQUENCE_EDITOR"
                                        | "EDITOR"
                                        | "VISUAL"
                                        | "BROWSER"
                                        | "GIT_PAGER"
                                        | "PAGER"
                                        | "MANPAGER"
                                ) {
                                    machine.effect("remote-code.preload", name, origin);
                                }
                                machine.run_text(&word.text, &mut none);
                            }
                        }
                    });
                });
            }
        }
        let shells = |text: &str| {
            let first =
                text.split_whitespace().next().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
            matches!(
                first,
                "sh" | "bash"
                    | "zsh"
                    | "dash"
                    | "python"
                    | "python3"
                    | "perl"
                    | "ruby"
                    | "node"
                    | "curl"
                    | "nc"
            )
        };
        if RUN.contains(&name) && value.options().iter().any(|word| shells(&word.text)) {
            self.effect("remote-code.preload", name, origin);
        }
        if places::leads_elsewhere(name, value) {
            self.effect("remote-code.preload", name, origin);
        }
        if places::is_registry(name) && value.options().iter().any(|word| !places::is_usual(&word.text)) {
            self.effect("supply-chain.registry", name, origin);
        }
        if places::is_model(name)
            && value.options().iter().any(|word| word.known() && !places::is_usual(&word.text))
        {
            self.effect("agent-config.write", name, origin);
        }
        if places::configures_agent(name) {
            self.effect("agent-config.write", name, origin);
        }
        if matches!(name, "PS0" | "PS1" | "PS4") {
            for word in value.options() {
                self.run_substitutions_of(&word.text);
            }
        }
        if self.world.ground.redirects_firewall(name) {
            self.effect("firewall.tamper", name, origin);
        }
    }

    /// The words of a program as its environment changes them: options that a variable adds.
    pub(super) fn with_variables(&mut self, argv: &[Word]) -> Vec<Vec<Word>> {
        let name = argv.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
        let added: Vec<Vec<Word>> = match name {
            "tar" | "gtar" => {
                let Some(variable) = self.state.variable("TAR_OPTIONS") else { return Vec::new() };
                let values = variable.value.clone();
                values
                    .options()
                    .iter()
                    .filter(|word| !word.text.is_empty())
                    .map(|word| super::expand::split_text(&word.text).into_iter().map(Word::plain).collect())
                    .collect()
            }
            "git" => {
                let mut options = Vec::new();
                for number in ["0", "1", "2", "3", "4", "5", "6", "7"] {
                    let Some(key) = self.state.variable(&["GIT_CONFIG_KEY_", number].concat()) else { break };
                    let value = self.state.variable(&["GIT_CONFIG_VALUE_", number].concat());
                    let Some(value) = value else { break };
                    options.push(Word::plain("-c"));
                    let text = format!("{}={}", key.value.first().text, value.value.first().text);
                    options.push(Word { text, ..value.value.first() });
                }
                if options.is_empty() { Vec::new() } else { vec![options] }
            }
            _ => Vec::new(),
        };
        added
            .into_iter()
            .map(|options| {
                argv.iter().take(1).cloned().chain(options).chain(argv.iter().skip(1).cloned()).collect()
            })
            .collect()
    }
}

/// Libraries that everyday tools put before a program: watchers of memory, allocators, clocks for tests.
mod libraries {
    const TOOLS: [&str; 11] = [
        "libasan",
        "libtsan",
        "libubsan",
        "liblsan",
        "libmsan",
        "libclang_rt.",
        "libjemalloc",
        "libtcmalloc",
        "libmimalloc",
        "libfaketime",
        "libeatmydata",
    ];
    /// Folders that a package manager fills. Anywhere else, anybody may have called a library so.
    const FOLDERS: [&str; 7] =
        ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/opt/homebrew", "/nix/store"];

    pub(super) fn are_tools(text: &str) -> bool {
        text.split([':', ' ']).filter(|path| !path.is_empty()).all(|path| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let placed = folder.is_empty()
                || !folder.contains("..")
                    && FOLDERS.iter().any(|known| {
                        folder
                            .strip_prefix(known)
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    });
            placed
                && (name.contains(".so") || name.ends_with(".dylib"))
                && TOOLS.iter().any(|tool| name.starts_with(tool))
        })
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn a_tool_lies_where_packages_put_it() {
            for text in
                ["", "/usr/lib/x86_64-linux-gnu/libasan.so.8", "libjemalloc.so.2:/usr/lib/libubsan.so"]
            {
                assert!(super::are_tools(text), "{text}");
            }
            for text in [
                "/tmp/libasan.so",
                "./libasan.so",
                "/usr/lib/../../tmp/libasan.so",
                "/usr/lib/x.so",
                "libasan",
            ] {
                assert!(!super::are_tools(text), "{text}");
            }
        }
    }
}

/// Variables that say where something is.
mod places {
    use super::Value;
    use crate::understand::Address;

    /// Whether programs or modules would first be looked for where anybody may put some.
    pub(super) fn leads_elsewhere(name: &str, value: &Value) -> bool {
        let shared = |folder: &str| {
            ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|temp| {
                folder.strip_prefix(temp).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        matches!(name, "PATH" | "PYTHONPATH" | "NODE_PATH" | "CDPATH")
            && value.options().iter().any(|word| word.text.split(':').next().is_some_and(shared))
    }

    /// Where packages come from.
    pub(super) fn is_registry(name: &str) -> bool {
        matches!(
            name.to_ascii_uppercase().as_str(),
            "PIP_INDEX_URL"
                | "PIP_EXTRA_INDEX_URL"
                | "PIP_TRUSTED_HOST"
                | "UV_INDEX_URL"
                | "UV_DEFAULT_INDEX"
                | "UV_EXTRA_INDEX_URL"
                | "NPM_CONFIG_REGISTRY"
                | "YARN_REGISTRY"
                | "YARN_NPM_REGISTRY_SERVER"
                | "GOPROXY"
                | "GONOSUMDB"
                | "GONOSUMCHECK"
                | "GOINSECURE"
                | "BUNDLE_MIRROR__ALL"
        )
    }

    /// Variables that give an agent other settings or rights, or that switch a guard off.
    pub(super) fn configures_agent(name: &str) -> bool {
        matches!(
            name,
            "OPENCODE_CONFIG"
                | "OPENCODE_CONFIG_DIR"
                | "OPENCODE_CONFIG_CONTENT"
                | "OPENCODE_PERMISSION"
                | "CODEX_HOME"
                | "GEMINI_CLI_SYSTEM_SETTINGS_PATH"
                | "GEMINI_CLI_SYSTEM_DEFAULTS_PATH"
                | "DCG_BYPASS"
        )
    }

    /// Where an agent's model answers.
    pub(super) fn is_model(name: &str) -> bool {
        matches!(
            name,
            "ANTHROPIC_BASE_URL"
                | "OPENAI_BASE_URL"
                | "OPENAI_API_BASE"
                | "GOOGLE_GEMINI_BASE_URL"
                | "GEMINI_BASE_URL"
                | "ANTHROPIC_BEDROCK_BASE_URL"
                | "ANTHROPIC_VERTEX_BASE_URL"
        )
    }

    /// The services themselves, this machine, or nothing.
    pub(super) fn is_usual(text: &str) -> bool {
        const USUAL: [&str; 9] = [
            "pypi.org",
            "registry.npmjs.org",
            "registry.yarnpkg.com",
            "proxy.golang.org",
            "download.pytorch.org",
            "test.pypi.org",
            "api.anthropic.com",
            "api.openai.com",
            "generativelanguage.googleapis.com",
        ];
        text.is_empty()
            || text.split([',', '|', ' ']).all(|one| {
                let address = Address::of(one);
                matches!(one, "direct" | "off" | "none")
                    || address.is_loopback()
                    || USUAL.contains(&address.host.as_str())
            })
    }
}

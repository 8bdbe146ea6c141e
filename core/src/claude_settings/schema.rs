//! The types of the client's top-level settings: a field of the wrong type voids the whole file, hooks included.
//!
//! Taken from 2.1.330. Fields that the client itself reads leniently are left out, as are those of a structure of
//! their own: an unknown field is accepted by the client and here.

/// What a field must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Boolean,
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A list.
    List,
    /// An object.
    Object,
    /// A whole number above zero.
    Positive,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl Type {
    /// In words, for a message.
    pub fn describe(self) -> String {
        match self {
            Self::Boolean => "true or false".into(),
            Self::Text => "a string".into(),
            Self::Texts => "a list of strings".into(),
            Self::List => "a list".into(),
            Self::Object => "an object".into(),
            Self::Positive => "a whole number above 0".into(),
            Self::OneOf(words) => {
                format!(
                    "one of {}",
                    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
                )
            }
        }
    }
}

/// The type of a top-level field, if it is one whose violation voids the file.
pub fn top_level(name: &str) -> Option<Type> {
    if BOOLEANS.contains(&name) {
        return Some(Type::Boolean);
    }
    if TEXTS.contains(&name) {
        return Some(Type::Text);
    }
    Some(match name {
        "env" | "permissions" | "modelOverrides" | "enabledPlugins" | "sandbox" | "statusLine"
        | "worktree" => Type::Object,
        "fallbackModel"
        | "availableModels"
        | "deniedModels"
        | "enabledMcpjsonServers"
        | "disabledMcpjsonServers"
        | "allowedHttpHookUrls"
        | "httpHookAllowedEnvVars"
        | "companyAnnouncements"
        | "claudeMdExcludes" => Type::Texts,
        "cleanupPeriodDays" | "skillListingMaxDescChars" | "totalTokensReminderBudget" => Type::Positive,
        "availableModelsMatch" => Type::OneOf(&["prefix", "exact"]),
        "defaultShell" => Type::OneOf(&["bash", "powershell"]),
        "managedSourcesBehavior" | "parentSettingsBehavior" => Type::OneOf(&["first-wins", "merge"]),
        "autoUpdatesChannel" => Type::OneOf(&["latest", "stable", "rc"]),
        "tui" => Type::OneOf(&["default", "fullscreen"]),
        "disableAutoMode" => Type::OneOf(&["disable"]),
        "feedbackDrafts" => Type::OneOf(&["notify", "quiet", "off"]),
        _ => return None,
    })
}

/// The type of a field of `permissions`.
pub fn permissions(name: &str) -> Option<Type> {
    Some(match name {
        // The client strips an invalid rule of these lists and keeps the rest, so only the list itself counts.
        "allow" | "deny" | "ask" => Type::List,
        "additionalDirectories" => Type::Texts,
        "defaultMode" => {
            Type::OneOf(&["acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "manual", "plan"])
        }
        "disableBypassPermissionsMode" => Type::OneOf(&["disable"]),
        _ => return None,
    })
}

const BOOLEANS: &[&str] = &[
    "agentPushNotifEnabled",
    "allowAllClaudeAiMcps",
    "allowClaudeInChromeWithManagedMcp",
    "allowManagedHooksOnly",
    "allowManagedMcpServersOnly",
    "allowManagedPermissionRulesOnly",
    "allowNestedModelAccessUnderForceLogin",
    "alwaysThinkingEnabled",
    "autoCompactEnabled",
    "autoContinueAtUsageLimit",
    "autoDreamEnabled",
    "autoMemoryEnabled",
    "autoScrollEnabled",
    "autoUploadSessions",
    "awaySummaryEnabled",
    "bashEditDiffEnabled",
    "channelsEnabled",
    "clawdFileProgressEnabled",
    "disableAgentView",
    "disableAllHooks",
    "disableArtifact",
    "disableBundledSkills",
    "disableClaudeAiConnectors",
    "disableCommandPluginSources",
    "disableDirectMcpSkills",
    "disableRemoteControl",
    "disableReplyCheck",
    "disableSideloadFlags",
    "disableSkillShellExecution",
    "disableWindowsBashCommandSplit",
    "disableWorkflows",
    "doneMeansMerged",
    "emojiCompletionEnabled",
    "enableAllProjectMcpServers",
    "enableArtifact",
    "enableWorkflows",
    "enforceAvailableModels",
    "fastMode",
    "fastModePerSessionOptIn",
    "fileCheckpointingEnabled",
    "forceRemoteSettingsRefresh",
    "idleCompaction",
    "includeCoAuthoredBy",
    "includeGitInstructions",
    "inputNeededNotifEnabled",
    "isolatePeerMachines",
    "precomputeCompactionEnabled",
    "prefersReducedMotion",
    "promptSuggestionEnabled",
    "remoteControlAtStartup",
    "respectGitignore",
    "respondToBashCommands",
    "responseComparisonEnabled",
    "showClearContextOnPlanAccept",
    "showMessageTimestamps",
    "showThinkingSummaries",
    "showTurnDuration",
    "skipDangerousModePermissionPrompt",
    "skipWebFetchPreflight",
    "skipWorkflowUsageWarning",
    "spinnerTipsEnabled",
    "switchModelsOnFlag",
    "syncClaudeAiPlugins",
    "syncClaudeAiSkills",
    "syntaxHighlightingDisabled",
    "terminalProgressBarEnabled",
    "terminalTitleFromRename",
    "todoFeatureEnabled",
    "totalTokensReminderAfterUserTurn",
    "verbose",
    "wheelScrollAccelerationEnabled",
    "workflowKeywordTriggerEnabled",
    "wslInheritsWindowsSettings",
];

const TEXTS: &[&str] = &[
    "$schema",
    "advisorModel",
    "agent",
    "apiKeyHelper",
    "attributionProject",
    "autoMemoryDirectory",
    "awsAuthRefresh",
    "awsCredentialExport",
    "claudeMd",
    "gcpAuthRefresh",
    "language",
    "minimumVersion",
    "model",
    "otelHeadersHelper",
    "outputStyle",
    "plansDirectory",
    "pluginTrustMessage",
    "prUrlTemplate",
    "processWrapper",
    "proxyAuthHelper",
    "requiredMaximumVersion",
    "requiredMinimumVersion",
    "timeZone",
];

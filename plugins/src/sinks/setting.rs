//! A text in a sink's configuration that may be a secret, so that it need not stand in the policy file.

use schemars::JsonSchema;
use serde::Deserialize;

/// A text, or where it is: `{env: NAME}` or `{file: PATH}`. There is no way to print it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, `{env: NAME}` or `{file: PATH}`")]
pub(super) enum Setting {
    /// The text itself.
    Text(String),
    /// The text is in an environment variable of the delivery process.
    Env(FromEnv),
    /// The text is in a file, without the white space around it. It is read for every delivery, so that it may change.
    File(FromFile),
}

/// See [`Setting::Env`].
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FromEnv {
    /// The variable's name.
    env: String,
}

/// See [`Setting::File`].
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FromFile {
    /// The file's path.
    file: std::path::PathBuf,
}

/// A secret: only where it is, so that none stands in a policy. There is no way to print it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected `{env: NAME}` or `{file: PATH}`: a secret does not belong into a policy"
)]
pub(super) enum Secret {
    /// In an environment variable of the delivery process.
    Env(FromEnv),
    /// In a file, without the white space around it. It is read for every delivery, so that it may change.
    File(FromFile),
}

impl Secret {
    /// The secret as it is now. The error names where it should be, never what it is.
    pub(super) fn resolve(&self) -> Result<String, String> {
        match self.clone() {
            Self::Env(place) => Setting::Env(place).resolve(),
            Self::File(place) => Setting::File(place).resolve(),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Setting")
    }
}

impl Setting {
    /// The text as it is now. The error names where it should be, never what it is.
    pub(super) fn resolve(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Env(FromEnv { env }) => std::env::var(env).map_err(|error| match error {
                std::env::VarError::NotPresent => format!("the environment variable `{env}` is not set"),
                // The error of the library would print the value.
                std::env::VarError::NotUnicode(_) => format!("the environment variable `{env}` is not UTF-8"),
            }),
            Self::File(FromFile { file }) => std::fs::read_to_string(file)
                .map(|text| text.trim().to_owned())
                .map_err(|error| format!("cannot read `{}`: {error}", file.display())),
        }
    }

    /// The text, if it stands in the configuration itself and can be checked when that is read.
    pub(super) fn literal(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Env(_) | Self::File(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(json: &str) -> Result<Setting, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn comes_from_where_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "from-file\n").unwrap();
        let path = serde_json::json!({ "file": file }).to_string();
        assert_eq!(setting(r#""plain""#).unwrap().resolve().unwrap(), "plain");
        assert_eq!(setting(&path).unwrap().resolve().unwrap(), "from-file");
        assert!(!setting(r#"{"env": "PATH"}"#).unwrap().resolve().unwrap().is_empty());
        let missing = setting(r#"{"env": "AGENTFIREWALL_NOT_SET"}"#).unwrap().resolve().unwrap_err();
        assert_eq!(missing, "the environment variable `AGENTFIREWALL_NOT_SET` is not set");
    }

    #[test]
    fn anything_else_is_refused_with_what_is_expected() {
        for json in ["3", r#"{"env": "A", "file": "b"}"#, r#"{"environment": "A"}"#] {
            let error = setting(json).err().unwrap().to_string();
            assert!(error.contains("expected a text"), "{error}");
        }
    }
}

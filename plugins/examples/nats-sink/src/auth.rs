//! Logging in. A policy names where a secret is; there is no way to write one into it, and none to print one.

use std::path::PathBuf;

use async_nats::ConnectOptions;
use schemars::JsonSchema;
use serde::Deserialize;

/// `{user: NAME, password: SECRET}` or `{token: SECRET}`.
#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected `{user: NAME, password: SECRET}` or `{token: SECRET}`, each SECRET \
                               `{env: NAME}` or `{file: PATH}`"
)]
pub(crate) enum Auth {
    /// A user with a password.
    User(User),
    /// A token.
    Token(Token),
}

/// See [`Auth::User`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    /// The user's name.
    user: String,
    /// The user's password.
    password: Secret,
}

/// See [`Auth::Token`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// The token.
    token: Secret,
}

/// Where a secret is: `{env: NAME}` or `{file: PATH}`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Secret {
    /// In an environment variable of the delivery process.
    Env(String),
    /// In a file, without the white space around it. It is read for every connection, so that it may change.
    File(PathBuf),
}

impl Auth {
    /// The options with the login. The error names where the secret should be.
    pub(crate) fn apply(&self, options: ConnectOptions) -> Result<ConnectOptions, String> {
        Ok(match self {
            Self::User(User { user, password }) => options.user_and_password(user.clone(), password.read()?),
            Self::Token(Token { token }) => options.token(token.read()?),
        })
    }
}

impl Secret {
    fn read(&self) -> Result<String, String> {
        match self {
            Self::Env(name) => std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => format!("the environment variable `{name}` is not set"),
                // The error of the library would print the value.
                std::env::VarError::NotUnicode(_) => {
                    format!("the environment variable `{name}` is not UTF-8")
                }
            }),
            Self::File(path) => std::fs::read_to_string(path)
                .map(|text| text.trim().to_owned())
                .map_err(|error| format!("cannot read `{}`: {error}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_where_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "from-file\n").unwrap();
        assert_eq!(Secret::File(file).read().unwrap(), "from-file");
        assert!(!Secret::Env("PATH".to_owned()).read().unwrap().is_empty());
        let missing = Secret::Env("AGENTFIREWALL_NOT_SET".to_owned()).read().unwrap_err();
        assert_eq!(missing, "the environment variable `AGENTFIREWALL_NOT_SET` is not set");
        assert!(Secret::File(folder.path().join("none")).read().unwrap_err().contains("none`: "));
    }

    #[test]
    fn a_secret_in_the_policy_and_half_a_login_are_refused() {
        for json in [
            r#"{"user": "a", "password": "word"}"#,
            r#"{"token": "word"}"#,
            r#"{"user": "a"}"#,
            r#"{"token": {"env": "A", "file": "b"}}"#,
            r#"{"token": {"env": "A"}, "user": "a"}"#,
        ] {
            let error = serde_json::from_str::<Auth>(json).err().unwrap().to_string();
            assert!(error.contains("`{env: NAME}`") && !error.contains("word\""), "{error}");
        }
    }
}

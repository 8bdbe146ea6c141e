//! Services on this machine that are there to be thrown away: emulators of clouds, clusters for developers, registries of
//! packages for tests. What is destroyed or published there is nobody's loss.

use agentfirewall_sdk::Direction;

use super::machine::Machine;
use crate::understand::{Address, Contact, Doing, Word};

/// Contexts of clusters that tools make on the developer's own machine.
const CONTEXTS: [&str; 9] = [
    "minikube",
    "docker-desktop",
    "docker-for-desktop",
    "rancher-desktop",
    "colima",
    "orbstack",
    "microk8s",
    "kind-kind",
    "k3s-default",
];
/// Options that say where a package goes.
const REGISTRIES: [&str; 5] = ["--registry", "--repository-url", "--publish-url", "--source", "--host"];
/// Words by which the cluster that a context stands for becomes another one.
const MOVES: [&str; 8] = [
    "use-context",
    "set-context",
    "rename-context",
    "set-cluster",
    "update-kubeconfig",
    "get-credentials",
    "kubectx",
    "kubie",
];

impl Machine<'_> {
    /// Takes away what a command does to a service on this machine.
    pub(super) fn spare_local(&self, argv: &[Word], doing: &mut Doing) {
        let program = argv.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
        match program {
            "aws" | "awslocal" | "s5cmd" => {
                if let Some(endpoint) = self.endpoint(program, doing) {
                    let kept = |id: &str| !id.starts_with("cloud.") && id != "exfiltration.upload";
                    doing.effects.retain(|effect| kept(&effect.id));
                    doing.contacts.push(Contact { word: endpoint, direction: Direction::Send });
                }
            }
            "kubectl" | "k" | "oc" | "kubecolor" | "helm" if self.is_local_cluster(doing) => {
                doing.effects.retain(|effect| !effect.id.starts_with("cluster."));
            }
            _ => {
                let publishes = |id: &str| matches!(id, "supply-chain.publish" | "supply-chain.unpublish");
                if doing.effects.iter().any(|effect| publishes(&effect.id)) && goes_to_this_machine(doing) {
                    doing.effects.retain(|effect| !publishes(&effect.id));
                }
            }
        }
    }

    /// Where an emulator of Amazon's cloud answers that a command talks to, if it is on this machine.
    fn endpoint(&self, program: &str, doing: &Doing) -> Option<Word> {
        let given: Vec<&Option<Word>> = doing
            .options
            .iter()
            .filter(|(name, _)| name == "--endpoint-url")
            .map(|(_, value)| value)
            .collect();
        if !given.is_empty() {
            let all = given.iter().all(|value| value.as_ref().is_some_and(is_here));
            return given.last().filter(|_| all).and_then(|value| (*value).clone());
        }
        let service = doing.operands.first().map_or_else(String::new, |word| {
            let name = if word.text == "s3api" { "s3" } else { word.text.as_str() };
            format!("AWS_ENDPOINT_URL_{}", name.replace('-', "_").to_ascii_uppercase())
        });
        // https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
        let ignored = self.state.variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some();
        for name in [service.as_str(), "AWS_ENDPOINT_URL"] {
            if self.state.variable(name).is_some() {
                let address = self.state.handed_on(name).filter(|_| !ignored)?;
                return Some(Word::plain(address)).filter(is_here);
            }
        }
        (program == "awslocal" && self.state.variable("LOCALSTACK_HOST").is_none())
            .then(|| Word::plain("http://localhost:4566"))
    }

    /// Whether a command goes to a cluster on the developer's machine: by a context that only such tools make, or because the
    /// script has just made one, without which it would not run.
    fn is_local_cluster(&self, doing: &Doing) -> bool {
        let values = |names: &'static [&'static str]| {
            doing.options.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value)
        };
        let moved = self.seen.commands.iter().any(|command| {
            command.argv.iter().any(|word| MOVES.contains(&word.text.rsplit('/').next().unwrap_or_default()))
        });
        let elsewhere =
            values(&["--server", "--cluster", "-s", "--kube-apiserver", "--token"]).next().is_some();
        if moved || elsewhere || self.elsewhere {
            return false;
        }
        let mut contexts = values(&["--context", "--kube-context"]).peekable();
        if contexts.peek().is_some() {
            return contexts.all(|value| {
                value.as_ref().is_some_and(|word| word.known() && is_local_context(&word.text))
            });
        }
        let configured =
            values(&["--kubeconfig"]).next().is_some() || self.state.variable("KUBECONFIG").is_some();
        !configured
            && self.after.iter().filter_map(|number| self.seen.commands.get(*number)).any(|command| {
                let says = |words: &[&str]| {
                    words.iter().all(|word| command.argv.iter().any(|given| given.text == *word))
                };
                let idle = [
                    "--help",
                    "-h",
                    "--kubeconfig",
                    "--dry-run",
                    "--download-only",
                    "--kubeconfig-switch-context=false",
                ];
                !command.argv.iter().any(|word| idle.iter().any(|option| word.text.starts_with(option)))
                    && match command.fact.program.as_str() {
                        "kind" => says(&["create", "cluster"]),
                        "k3d" => says(&["cluster", "create"]),
                        "minikube" => says(&["start"]),
                        _ => false,
                    }
            })
    }

    /// Whether the script opens a way from a port of this machine to another one.
    pub(super) fn has_tunnel(&self) -> bool {
        self.seen.commands.iter().any(|command| {
            matches!(
                command.fact.program.as_str(),
                "ssh"
                    | "autossh"
                    | "socat"
                    | "cloud_sql_proxy"
                    | "cloud-sql-proxy"
                    | "gost"
                    | "chisel"
                    | "frpc"
            ) || command
                .argv
                .iter()
                .any(|word| matches!(word.text.as_str(), "port-forward" | "start-iap-tunnel"))
        })
    }
}

/// Whether a context is one of those that tools make for clusters on the developer's machine.
fn is_local_context(name: &str) -> bool {
    CONTEXTS.contains(&name) || ["kind-", "k3d-"].iter().any(|start| name.starts_with(start))
}

fn is_here(address: &Word) -> bool {
    address.known() && Address::of(&address.text).is_loopback()
}

/// Whether all that says where a package goes says this machine.
fn goes_to_this_machine(doing: &Doing) -> bool {
    let mut places = doing
        .options
        .iter()
        .filter(|(name, _)| REGISTRIES.contains(&name.as_str()))
        .map(|(_, value)| value)
        .peekable();
    places.peek().is_some()
        && places.all(|value| value.as_ref().is_some_and(|word| word.text.contains("://") && is_here(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_context_is_one_that_a_tool_makes() {
        for name in ["kind-dev", "k3d-ci", "minikube", "orbstack"] {
            assert!(is_local_context(name), "{name}");
        }
        for name in ["prod", "kind", "minikube-prod", "arn:aws:eks:x", ""] {
            assert!(!is_local_context(name), "{name}");
        }
    }

    #[test]
    fn an_address_here_is_known_and_of_this_machine() {
        for address in ["http://localhost:4566", "http://127.0.0.1:8000", "http://[::1]:9"] {
            assert!(is_here(&Word::plain(address)), "{address}");
        }
        for address in ["https://s3.amazonaws.com", "http://localhost.example.com", ""] {
            assert!(!is_here(&Word::plain(address)), "{address}");
        }
    }
}

//! Manifests of containers, as Compose and Kubernetes read them: what they give a container of its host.

/// The effects of a manifest, each with what says so. Lines are looked at, as they are in a text of any of the two.
pub(crate) fn effects(text: &str) -> Vec<(&'static str, String)> {
    let cluster = text.contains("kind:");
    let compose = text.contains("services:") && (text.contains("image:") || text.contains("build:"));
    let mut found = Vec::new();
    if !cluster && !compose {
        return found;
    }
    // In lines of their own or, in the other style of YAML, within braces.
    let says = |sign: &str| {
        text.lines().filter(|line| !line.trim_start().starts_with('#')).any(|line| {
            line.split(['{', '}', ',', '[', ']']).any(|part| part.trim().trim_start_matches("- ") == sign)
        })
    };
    if says("privileged: true") {
        found.push(("container.privileged", "privileged: true".to_owned()));
    }
    for sign in ["hostPID: true", "hostIPC: true", "hostNetwork: true", "pid: host", "ipc: host"] {
        if says(sign) {
            found.push(("container.escape", sign.to_owned()));
        }
    }
    // The root of the host, and no path of an address.
    let host: String =
        text.split("hostPath:").skip(1).flat_map(|rest| rest.lines().take(2).chain(["\n"])).collect();
    if host.split(['{', '}', ',', '\n', ' ']).any(|part| matches!(part.trim(), "/" | "\"/\"" | "'/'")) {
        found.push(("container.escape", "path: /".to_owned()));
    }
    if compose && text.contains("docker.sock") {
        found.push(("container.escape", "the host's socket".to_owned()));
    }
    if cluster && text.contains("ClusterRoleBinding") {
        found.push(("cloud.iam", "a ClusterRoleBinding".to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_gets_of_its_host_is_seen() {
        let ids = |text: &str| effects(text).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(
            ids("services:\n  a:\n    image: x\n    privileged: true\n    pid: host\n"),
            ["container.privileged", "container.escape"]
        );
        assert_eq!(
            ids("services:\n  a:\n    build: .\n    volumes:\n      - /var/run/docker.sock:/s\n"),
            ["container.escape"]
        );
        assert_eq!(ids("kind: Pod\nspec:\n  hostPID: true\n"), ["container.escape"]);
        assert_eq!(
            ids(
                "kind: Pod\nspec: {containers: [{securityContext: {privileged: true}}], volumes: [{hostPath: {path: /}}]}\n"
            ),
            ["container.privileged", "container.escape"]
        );
        assert_eq!(ids("kind: ClusterRoleBinding\n"), ["cloud.iam"]);
        assert_eq!(ids("kind: Pod\nvolumes:\n- hostPath:\n    path: /\n  name: r\n"), ["container.escape"]);
        assert!(ids("kind: Pod\nvolumes:\n- hostPath:\n    path: /var/log/app\n").is_empty());
        assert!(ids("kind: Ingress\nspec:\n  rules:\n  - http:\n      paths:\n      - path: /\n").is_empty());
        assert!(ids("services:\n  a:\n    image: x\n    ports: ['80:80']\n").is_empty());
        assert!(ids("# privileged: true\nnotes:\n  pid: host\n").is_empty());
    }
}

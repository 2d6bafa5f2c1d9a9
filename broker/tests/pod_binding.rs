//! A sidecar's pod as the kernel shows it: real control groups, named as a kubelet names them.

mod common;

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Folder, ask_with, assert_denied, key, policy, wait_for};
use serde_json::Value;
use trustplane_core::KeyBinding;

const OURS: &str = "6f1a2b3c_0d4e_4f50_8a61_b7c8d9e0f1a2";
const OTHER: &str = "aaaaaaaa_0d4e_4f50_8a61_b7c8d9e0f1a2";

/// A control group of this test's own, removed afterwards.
struct Group(PathBuf);

impl Group {
    fn new(pod: &str, container: char) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let root = mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("a cgroup2 mount");
        let slice = Path::new(root.split(' ').nth(4).unwrap())
            .join(format!("trustplane-test-{}.slice", std::process::id()))
            .join(format!("kubepods-pod{pod}.slice"))
            .join(format!("cri-containerd-{}.scope", container.to_string().repeat(64)));
        fs::create_dir_all(&slice).unwrap_or_else(|err| {
            panic!(
                "{}: {err}: run where control groups can be made, or with TRUSTPLANE_TESTS_WITHOUT_ROOT=1",
                slice.display()
            )
        });
        Self(slice)
    }

    /// Moves this process into it.
    fn enter(&self) {
        fs::write(self.0.join("cgroup.procs"), "0").unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in self.0.ancestors().take(3) {
            // The last of several removes what they share.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A broker in a control group, bound to its pod.
struct Sidecar {
    folder: Folder,
    child: Child,
}

impl Sidecar {
    /// In the namespaces of a container, or the host's.
    fn start(group: &Group, namespaced: bool) -> Self {
        let folder = Folder::new();
        fs::write(folder.join("policy"), policy().to_string()).unwrap();
        key().write_file(folder.join("key")).unwrap();
        let kubelet = folder.join(&format!("pods/{}/etc-hosts", OURS.replace('_', "-")));
        fs::create_dir_all(kubelet.parent().unwrap()).unwrap();
        fs::write(&kubelet, "127.0.0.1 localhost\n").unwrap();
        let mut command = Command::new("sh");
        let enter = "echo 0 > \"$1/cgroup.procs\" && kubelet=$2 && shift 2 && ";
        let run = match namespaced {
            true => {
                "exec unshare --cgroup --mount sh -c 'mount --bind \"$0\" /etc/hosts && exec \"$@\"' \"$kubelet\" \"$@\""
            }
            false => "exec \"$@\"",
        };
        command.arg("-c").arg(format!("{enter}{run}")).arg("sh").arg(&group.0).arg(&kubelet);
        command.arg(env!("CARGO_BIN_EXE_trustplane-broker")).arg("serve");
        for (flag, name) in [("--socket", "broker.sock"), ("--policy", "policy"), ("--key-file", "key")] {
            command.arg(flag).arg(folder.join(name));
        }
        command.args(["--spiffe-profile", "trustplane-spiffe-spire-k8s-v1", "--spiffe-bind", "same-pod"]);
        command.args(["--spiffe-trust-domain", "example.test", "--spiffe-allowed-id", "spiffe://example.test/a"]);
        command.args(["--spiffe-endpoint-socket", "unix:///nonexistent/api.sock"]);
        let stderr = fs::File::create(folder.join("stderr")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        let mut sidecar = Self { folder, child };
        wait_for("the broker's socket", || {
            assert!(sidecar.child.try_wait().unwrap().is_none(), "{}", sidecar.stderr());
            UnixStream::connect(sidecar.folder.join("broker.sock")).is_ok()
        });
        sidecar
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap()
    }

    /// What this process is told from another control group: the Workload API is asked for none but the workload.
    fn ask_from(&self, group: &Group) -> Value {
        group.enter();
        let request = ask_with(|ask| ask.key_binding = KeyBinding::AttestedWorkload).request().unwrap();
        let response =
            trustplane_broker::client::ask(&self.folder.join("broker.sock"), &request, common::PATIENCE).unwrap();
        serde_json::to_value(response).unwrap()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_sidecar_takes_callers_of_its_own_pod_for_the_workload_and_no_others() {
    if !nix::unistd::geteuid().is_root() {
        return common::root::left_out();
    }
    let [broker, beside, other] = [Group::new(OURS, '1'), Group::new(OURS, '2'), Group::new(OTHER, '3')];
    let home = fs::read_to_string("/proc/self/cgroup").unwrap();
    for namespaced in [false, true] {
        let sidecar = Sidecar::start(&broker, namespaced);
        assert!(
            sidecar.stderr().contains(&format!("to callers in pod {}", OURS.replace('_', "-"))),
            "{}",
            sidecar.stderr()
        );
        for (group, reason, retryable) in [
            (&broker, "workload_identity_unavailable", true),
            (&beside, "workload_identity_unavailable", true),
            (&other, "insufficient_key_binding", false),
        ] {
            let response = sidecar.ask_from(group);
            let id = response["request_id"].as_str().unwrap();
            assert_denied(&response, id, reason, retryable);
        }
    }
    let own = home.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    let root = broker.0.ancestors().nth(3).unwrap().join(own).join("cgroup.procs");
    fs::write(root, "0").unwrap();
}

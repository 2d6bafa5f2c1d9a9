//! `/proc/PID/cgroup` as kubelets, drivers and runtimes make it, and which processes share a pod by it.

use trustplane_broker::Pod;

const OURS: &str = "6f1a2b3c-0d4e-4f50-8a61-b7c8d9e0f1a2";
const OTHER: &str = "aaaaaaaa-0d4e-4f50-8a61-b7c8d9e0f1a2";
/// The kubelet's hash of a static pod's file.
const STATIC: &str = "0123456789abcdef0123456789abcdef";
const BROKER: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const CALLER: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// The forms that whole paths take; POD, P_O_D and ID are filled in.
const HOST_FORMS: [(&str, &str); 11] = [
    (
        "v2, systemd, containerd",
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podP_O_D.slice/cri-containerd-ID.scope\n",
    ),
    ("v2, systemd, guaranteed", "0::/kubepods.slice/kubepods-podP_O_D.slice/cri-containerd-ID.scope\n"),
    ("v2, cgroupfs, containerd", "0::/kubepods/besteffort/podPOD/ID\n"),
    (
        "v2, systemd, CRI-O",
        "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podP_O_D.slice/crio-ID.scope/container\n",
    ),
    (
        "v2, kind",
        "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-podP_O_D.slice/cri-containerd-ID.scope\n",
    ),
    (
        "v2, containerd with the other driver",
        "0::/system.slice/containerd.service/kubepods-burstable-podP_O_D.slice:cri-containerd:ID\n",
    ),
    (
        "v1, cgroupfs, containerd",
        "3:memory:/kubepods/burstable/podPOD/ID\n2:cpu,cpuacct:/kubepods/burstable/podPOD/ID\n1:name=systemd:/kubepods/burstable/podPOD/ID\n",
    ),
    (
        "v1, systemd, containerd",
        "3:memory:/kubepods.slice/kubepods-podP_O_D.slice/cri-containerd-ID.scope\n1:name=systemd:/kubepods.slice/kubepods-podP_O_D.slice/cri-containerd-ID.scope\n",
    ),
    (
        "v1, systemd, CRI-O",
        "3:memory:/kubepods.slice/kubepods-podP_O_D.slice/crio-ID.scope\n1:name=systemd:/kubepods.slice/kubepods-podP_O_D.slice/crio-ID.scope\n",
    ),
    ("v1, cgroupfs, docker", "3:memory:/kubepods/podPOD/ID\n2:cpuset:/\n1:name=systemd:/kubepods/podPOD/ID\n"),
    (
        "hybrid, kind on docker",
        "3:memory:/docker/3333333333333333333333333333333333333333333333333333333333333333/kubepods/burstable/podPOD/ID\n0::/system.slice/containerd.service\n",
    ),
];

fn fill(form: &str, pod: &str, container: &str) -> String {
    form.replace("P_O_D", &pod.replace('-', "_")).replace("POD", pod).replace("ID", container)
}

fn mounts(pod: &str) -> String {
    format!(
        "1 0 0:1 / / rw - overlay overlay rw\n\
         2 1 8:1 /var/lib/kubelet/pods/{pod}/etc-hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw\n\
         3 1 8:1 /var/lib/kubelet/pods/{pod}/containers/broker/0123 /dev/termination-log rw - ext4 /dev/sda1 rw\n"
    )
}

/// A broker in a control group namespace of its own.
fn namespaced() -> Pod {
    Pod::of_self("0::/\n", &mounts(OURS)).unwrap()
}

#[test]
fn containers_of_one_pod_share_it_in_every_form_and_others_do_not() {
    for pod in [OURS, STATIC] {
        for (what, form) in HOST_FORMS {
            let own = Pod::of_self(&fill(form, pod, BROKER), "").unwrap_or_else(|| panic!("{what}"));
            assert_eq!(own.uid(), pod, "{what}");
            assert!(own.holds(&fill(form, pod, CALLER)), "{what}");
            assert!(!own.holds(&fill(form, OTHER, CALLER)), "{what}");
            assert!(!own.holds("0::/user.slice/user-1000.slice/session-1.scope\n"), "{what}");
            assert!(!own.holds(""), "{what}");
        }
    }
}

#[test]
fn one_hierarchy_of_another_pod_is_another_pod() {
    let (_, form) = HOST_FORMS[6];
    let own = Pod::of_self(&fill(form, OURS, BROKER), "").unwrap();
    let theirs = fill(form, OURS, CALLER).replacen(OURS, OTHER, 1);
    assert!(!own.holds(&theirs));
    let missing = fill(form, OURS, CALLER).lines().skip(1).map(|line| format!("{line}\n")).collect::<String>();
    assert!(!own.holds(&missing));
    assert_eq!(Pod::of_self(&fill(form, OURS, BROKER).replacen(OURS, OTHER, 1), ""), None);
}

#[test]
fn a_pod_named_below_ones_own_control_group_is_no_ground() {
    for (what, form) in HOST_FORMS {
        let own = Pod::of_self(&fill(form, OURS, BROKER), "").unwrap();
        let inner = fill("/kubepods.slice/kubepods-podP_O_D.slice/cri-containerd-ID.scope\n", OURS, CALLER);
        let theirs = fill(form, OTHER, CALLER).replace('\n', &inner);
        assert!(!own.holds(&theirs), "{what}: {theirs}");
        let user = fill("0::/user.slice/user-1000.slice/user@1000.service", OTHER, CALLER) + &inner;
        assert!(!own.holds(&user), "{what}: {user}");
    }
}

#[test]
fn in_a_namespace_of_its_own_a_container_knows_its_pod_by_the_kubelets_mounts() {
    assert_eq!(namespaced().uid(), OURS);
    for (what, cgroup, mountinfo) in [
        ("no mount of a kubelet", "0::/\n", "1 0 0:1 / / rw - overlay overlay rw\n".to_owned()),
        ("not the root of its namespace", "0::/init.scope\n", mounts(OURS)),
        ("no control group", "", mounts(OURS)),
        ("two pods", "0::/\n", mounts(OURS) + &mounts(OTHER)),
        ("another file", "0::/\n", mounts(OURS).replace("/etc/hosts", "/a").replace("/dev/termination-log", "/b")),
        ("not a uid", "0::/\n", mounts("x")),
        ("docker alone", "0::/\n", mounts(OURS).replace("/pods/", "/containers/")),
    ] {
        assert_eq!(Pod::of_self(cgroup, &mountinfo), None, "{what}");
    }
}

#[test]
fn in_a_namespace_of_its_own_a_container_sees_its_pods_others_beside_it() {
    for theirs in [
        "0::/\n".to_owned(),
        "0::/inner\n".to_owned(),
        fill("0::/../cri-containerd-ID.scope\n", OURS, CALLER),
        fill("0::/../crio-ID.scope/container\n", OURS, CALLER),
        fill("0::/../ID\n", OURS, CALLER),
        fill("0::/../docker-ID.scope\n", OURS, CALLER),
    ] {
        assert!(namespaced().holds(&theirs), "{theirs}");
    }
    for theirs in [
        String::new(),
        "0::/..\n".to_owned(),
        "0::/../..\n".to_owned(),
        "0::/../../user.slice\n".to_owned(),
        "0::/../conmon\n".to_owned(),
        fill("0::/../kubepods-podP_O_D.slice/cri-containerd-ID.scope\n", OTHER, CALLER),
        fill("0::/../../kubepods-podP_O_D.slice/cri-containerd-ID.scope\n", OTHER, CALLER),
        fill("0::/../../kubepods-podP_O_D.slice/cri-containerd-ID.scope\n", OURS, CALLER),
        fill("0::/../podPOD/ID\n", OTHER, CALLER),
        fill("0::/../crio-conmon-ID.scope\n", OURS, CALLER),
        fill("0::/../cri-containerd-ID.scope/../../x\n", OURS, CALLER),
        fill("1:memory:/../ID\n", OURS, CALLER),
    ] {
        assert!(!namespaced().holds(&theirs), "{theirs}");
    }
}

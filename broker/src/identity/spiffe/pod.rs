use std::collections::BTreeMap;

/// Where the kubelet mounts files of the pod into each container.
const KUBELET_MOUNTS: [&str; 2] = ["/etc/hosts", "/dev/termination-log"];
/// What runtimes put before a container's id in the name of its control group.
const RUNTIMES: [&str; 4] = ["cri-containerd-", "crio-", "docker-", ""];

/// The pod that this process runs in.
///
/// The kernel writes `/proc/PID/cgroup`; a process names control groups below its own alone, so that only the
/// first segment that names a pod, at the very path of our own, is a ground.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pod {
    uid: String,
    sight: Sight,
}

/// What `/proc/PID/cgroup` shows from here.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Sight {
    /// Whole paths: those of the pod's control groups, by hierarchy.
    Host(BTreeMap<String, String>),
    /// Paths relative to this container's control group, in these hierarchies: the pod's is its parent.
    Container(Vec<String>),
}

impl Pod {
    /// The pod of the process whose `/proc/self/cgroup` and `/proc/self/mountinfo` these are.
    pub fn of_self(cgroup: &str, mountinfo: &str) -> Option<Self> {
        let pods: BTreeMap<_, _> =
            lines(cgroup).filter_map(|(hierarchy, path)| Some((hierarchy.to_owned(), pod_of(path)?))).collect();
        if let Some((_, uid)) = pods.values().next().cloned() {
            let same = pods.values().all(|(_, other)| *other == uid);
            let paths = pods.into_iter().map(|(hierarchy, (path, _))| (hierarchy, path)).collect();
            return same.then_some(Self { uid, sight: Sight::Host(paths) });
        }
        let hierarchies: Vec<_> = lines(cgroup).map(|(hierarchy, _)| hierarchy.to_owned()).collect();
        // In a control group namespace of its own, the container is the root of every hierarchy. So is a process
        // of the host in none; what the kubelet mounts tells the two apart.
        let is_root = !hierarchies.is_empty() && lines(cgroup).all(|(_, path)| path == "/");
        let uid = mounted(mountinfo).filter(|_| is_root)?;
        Some(Self { uid, sight: Sight::Container(hierarchies) })
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Whether the process whose `/proc/PID/cgroup` this is, read from here, runs in this pod too.
    pub fn holds(&self, cgroup: &str) -> bool {
        let theirs: BTreeMap<_, _> = lines(cgroup).collect();
        match &self.sight {
            Sight::Host(own) => own.iter().all(|(hierarchy, path)| {
                let theirs = theirs.get(hierarchy.as_str()).and_then(|path| pod_of(path));
                theirs.is_some_and(|(theirs, _)| theirs == *path)
            }),
            Sight::Container(hierarchies) => hierarchies
                .iter()
                .all(|hierarchy| theirs.get(hierarchy.as_str()).is_some_and(|path| is_own_or_beside(path))),
        }
    }
}

/// Hierarchy and path of each line: `ID:CONTROLLERS:PATH`.
fn lines(cgroup: &str) -> impl Iterator<Item = (&str, &str)> {
    cgroup.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    })
}

/// The path down to the first segment that names a pod, and its uid.
fn pod_of(path: &str) -> Option<(String, String)> {
    let mut above = String::new();
    for segment in path.strip_prefix('/')?.split('/') {
        // containerd with the wrong driver writes SLICE:RUNTIME:ID.
        let name = segment.split(':').next().unwrap_or_default();
        above.push('/');
        if let Some(uid) = uid_in(name) {
            above.push_str(name);
            return Some((above, uid));
        }
        above.push_str(segment);
    }
    None
}

/// `podUID` of the cgroupfs driver; `…-podU_I_D.slice` of systemd's.
fn uid_in(name: &str) -> Option<String> {
    let uid = match name.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
        None => name.strip_prefix("pod")?.to_owned(),
    };
    is_uid(&uid).then_some(uid)
}

/// A UUID; the kubelet names static pods by 32 digits.
fn is_uid(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    (lengths == [32] || lengths == [8, 4, 4, 4, 12]) && text.split('-').all(digits)
}

/// The pod whose kubelet folder is mounted, if all such mounts name the same.
fn mounted(mountinfo: &str) -> Option<String> {
    let mut uids = mountinfo.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        let (_, below) = root.split_once("/pods/").filter(|_| KUBELET_MOUNTS.contains(&place))?;
        below.split('/').next().filter(|uid| is_uid(uid)).map(str::to_owned)
    });
    let uid = uids.next()?;
    uids.all(|other| other == uid).then_some(uid)
}

/// Below this container's root, or in a container that has the same parent.
fn is_own_or_beside(path: &str) -> bool {
    let Some(path) = path.strip_prefix('/') else { return false };
    let mut segments = path.split('/');
    let own = match segments.next() {
        Some("..") => segments.next().is_some_and(is_container),
        _ => true,
    };
    own && segments.all(|segment| segment != "..")
}

fn is_container(name: &str) -> bool {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    RUNTIMES
        .iter()
        .filter_map(|runtime| name.strip_prefix(runtime))
        .any(|id| id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

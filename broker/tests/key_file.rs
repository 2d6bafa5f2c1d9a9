//! Private key files are read only when nobody but their owner can read them.

#[path = "common/root.rs"]
mod root;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::PathBuf;

use trustplane_broker::SigningKey;

/// A folder of its own for one test, removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("trustplane-key-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn key(&self, mode: u32) -> PathBuf {
        let path = self.0.join("key");
        SigningKey::generate().unwrap().write_file(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_written_key_has_mode_0600_and_reads_back() {
    let folder = Folder::new("written");
    let path = folder.0.join("key");
    let key = SigningKey::generate().unwrap();
    key.write_file(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(SigningKey::from_file(&path).unwrap().public_key(), key.public_key());
    assert_eq!(key.write_file(&path).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn a_key_that_group_or_others_can_reach_is_refused_by_its_path_and_mode() {
    for mode in [0o640, 0o604, 0o620, 0o601] {
        let folder = Folder::new(&format!("mode-{mode:o}"));
        let path = folder.key(mode);
        assert_eq!(
            SigningKey::from_file(&path).unwrap_err().to_string(),
            format!("private key file {}: mode {mode:04o} lets group or others in; chmod 0600 it", path.display()),
        );
    }
}

#[test]
fn a_link_is_judged_by_the_file_it_leads_to() {
    let folder = Folder::new("link");
    let (path, link) = (folder.key(0o644), folder.0.join("link"));
    symlink(&path, &link).unwrap();
    assert!(SigningKey::from_file(&link).unwrap_err().to_string().contains("mode 0644"));
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    SigningKey::from_file(&link).unwrap();
}

#[test]
fn a_key_of_another_user_is_refused() {
    let folder = Folder::new("owner");
    let path = folder.key(0o600);
    if chown(&path, Some(4242), None).is_err() {
        return root::left_out();
    }
    assert_eq!(
        SigningKey::from_file(&path).unwrap_err().to_string(),
        format!("private key file {}: owned by uid 4242, neither root nor this process's user", path.display()),
    );
}

#[test]
fn what_is_no_key_is_refused_with_its_reason() {
    let folder = Folder::new("content");
    let path = folder.key(0o600);
    for (content, problem) in [
        (b"hunter2 ".as_slice(), "neither unpadded base64url nor a PEM block"),
        (b"\xff\xfe", "neither unpadded base64url nor a PEM block"),
        (&[b'A'; 5000], "longer than 4096 bytes"),
    ] {
        fs::write(&path, content).unwrap();
        let error = SigningKey::from_file(&path).unwrap_err().to_string();
        assert_eq!(error, format!("private key file {}: {problem}", path.display()));
    }
    let error = SigningKey::from_file(&folder.0).unwrap_err().to_string();
    assert_eq!(error, format!("private key file {}: not a regular file", folder.0.display()));
    let missing = folder.0.join("missing");
    let error = SigningKey::from_file(&missing).unwrap_err().to_string();
    assert!(error.contains(&missing.display().to_string()) && error.contains("No such file"), "{error}");
}

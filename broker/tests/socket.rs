//! A socket stands in a folder that only the broker can write, or it does not stand.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use common::{Folder, root};
use trustplane_broker::{Access, BoundSocket};

fn bind(path: &Path) -> Result<(BoundSocket, UnixListener), String> {
    BoundSocket::bind(path, Access::default()).map_err(|err| err.to_string())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_missing_folder_is_made_for_the_owner_alone() {
    let folder = Folder::new();
    let path = folder.join("a/b/broker.sock");
    let (_socket, _listener) = bind(&path).unwrap();
    assert_eq!(mode(&folder.join("a")), 0o700);
    assert_eq!(mode(&folder.join("a/b")), 0o700);
    assert_eq!(mode(&path), 0o600);
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
}

#[test]
fn the_folder_lets_in_whom_the_socket_lets_in() {
    let gid = nix::unistd::getegid().as_raw();
    for (access, folder_mode, socket_mode) in [
        (Access { mode: 0o660, group: Some(gid) }, 0o750, 0o660),
        (Access { mode: 0o666, group: None }, 0o755, 0o666),
        (Access { mode: 0o640, group: None }, 0o700, 0o640),
    ] {
        let folder = Folder::new();
        let path = folder.join("run/broker.sock");
        let (_socket, _listener) = BoundSocket::bind(&path, access).unwrap();
        assert_eq!(mode(&folder.join("run")), folder_mode, "{access:?}");
        assert_eq!(mode(&path), socket_mode);
        assert_eq!(fs::symlink_metadata(&path).unwrap().gid(), gid);
    }
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    for unsafe_mode in [0o777, 0o1777, 0o770, 0o702] {
        let folder = Folder::new();
        fs::set_permissions(&folder.0, Permissions::from_mode(unsafe_mode)).unwrap();
        let path = folder.join("broker.sock");
        assert_eq!(
            bind(&path).unwrap_err(),
            format!(
                "socket {}: folder {}: mode {unsafe_mode:04o} lets others replace the socket",
                path.display(),
                folder.0.display()
            )
        );
    }
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let folder = Folder::new();
    if chown(&folder.0, Some(4242), None).is_err() {
        return root::left_out();
    }
    let path = folder.join("broker.sock");
    assert_eq!(
        bind(&path).unwrap_err(),
        format!(
            "socket {}: folder {}: owned by uid 4242, who could replace the socket",
            path.display(),
            folder.0.display()
        )
    );
}

#[test]
fn a_folder_that_is_a_link_is_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.join("real")).unwrap();
    symlink(folder.join("real"), folder.join("link")).unwrap();
    let path = folder.join("link/broker.sock");
    let error = bind(&path).unwrap_err();
    assert_eq!(
        error,
        format!("socket {}: {} is a link or a file, not a folder", path.display(), folder.join("link").display())
    );
}

#[test]
fn a_link_at_the_path_is_refused_wherever_it_leads() {
    let folder = Folder::new();
    let path = folder.join("broker.sock");
    for target in [folder.join("nowhere"), folder.join("file")] {
        fs::write(folder.join("file"), "precious").unwrap();
        symlink(&target, &path).unwrap();
        assert_eq!(
            bind(&path).unwrap_err(),
            format!("socket {}: a symbolic link stands there; it is not followed", path.display())
        );
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "precious");
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let folder = Folder::new();
    let path = folder.join("broker.sock");
    fs::write(&path, "precious").unwrap();
    assert_eq!(
        bind(&path).unwrap_err(),
        format!("socket {}: something that is no socket stands there; it is left alone", path.display())
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_live_socket_is_never_taken_over() {
    let folder = Folder::new();
    let path = folder.join("broker.sock");
    let (socket, listener) = bind(&path).unwrap();
    let live = format!("socket {}: another process listens there", path.display());
    assert_eq!(bind(&path).unwrap_err(), live, "held by its lock");
    assert!(UnixStream::connect(&path).is_ok());
    drop((socket, listener));
    // A program that knows nothing of our lock.
    let foreign = UnixListener::bind(&path).unwrap();
    assert_eq!(bind(&path).unwrap_err(), live, "held by its listener");
    drop(foreign);
}

#[test]
fn a_listener_whose_queue_is_full_is_alive() {
    let folder = Folder::new();
    let path = folder.join("broker.sock");
    let full = common::full_listener(&path);
    assert_eq!(bind(&path).unwrap_err(), format!("socket {}: another process listens there", path.display()));
    drop(full);
}

#[test]
fn the_socket_of_a_dead_process_is_replaced() {
    let folder = Folder::new();
    let path = folder.join("broker.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(UnixStream::connect(&path).is_err());
    let (_socket, _listener) = bind(&path).unwrap();
    assert!(UnixStream::connect(&path).is_ok());
}

#[test]
fn a_path_longer_than_the_kernel_takes_is_refused_with_the_limit() {
    let folder = Folder::new();
    let longest = folder.join(&"s".repeat(107 - folder.0.as_os_str().len() - 1));
    bind(&longest).unwrap();
    let longer = folder.join(&"s".repeat(108 - folder.0.as_os_str().len() - 1));
    assert_eq!(
        bind(&longer).unwrap_err(),
        format!("socket {}: the path has 108 bytes, the kernel takes at most 107", longer.display())
    );
}

#[test]
fn abstract_sockets_are_refused() {
    assert_eq!(
        bind(Path::new("@trustplane")).unwrap_err(),
        "socket @trustplane: abstract sockets have no permissions and are not used"
    );
}

#[test]
fn on_the_way_out_only_the_own_socket_is_removed() {
    let folder = Folder::new();
    let path = folder.join("broker.sock");
    let (socket, listener) = bind(&path).unwrap();
    drop((socket, listener));
    assert!(!path.exists());

    let (socket, _listener) = bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(socket);
    assert!(UnixStream::connect(&path).is_ok(), "another's socket stays");
}

//! The services alone, as verifiers' hosts run them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};

use super::{Folder, Running, bundle, connect, key, wait_for};

/// `trustplane-broker serve` without a key.
pub struct Keyless {
    pub folder: Folder,
    pub child: Child,
}

impl Keyless {
    /// With sound bundles beside it.
    pub fn start(flags: &[&str]) -> Self {
        let folder = Folder::new();
        for name in ["trust", "policy"] {
            fs::write(folder.join(name), bundle(name, 5)).unwrap();
        }
        Self::start_in(folder, flags)
    }

    pub fn start_in(folder: Folder, flags: &[&str]) -> Self {
        let mut keyless = Self::launch(folder, flags);
        wait_for("the services socket", || {
            assert!(keyless.child.try_wait().unwrap().is_none(), "{}", keyless.stderr());
            UnixStream::connect(keyless.socket()).is_ok()
        });
        keyless
    }

    /// Starts it and waits for its end, which must come.
    pub fn fail_in(folder: Folder, flags: &[&str]) -> (ExitStatus, String) {
        let mut keyless = Self::launch(folder, flags);
        let status = keyless.child.wait().unwrap();
        (status, keyless.stderr())
    }

    fn launch(folder: Folder, flags: &[&str]) -> Self {
        let mut command = Running::command();
        command.arg("serve").arg("--services-socket").arg(folder.join("run/services.sock"));
        for flag in flags {
            command.arg(
                flag.replace("DIR", folder.0.to_str().unwrap()).replace("KEY", &key().public_key().to_base64url()),
            );
        }
        let child = command.stderr(fs::File::create(folder.join("stderr")).unwrap()).spawn().unwrap();
        Self { folder, child }
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/services.sock")
    }

    pub fn get(&self, path: &str) -> Reply {
        exchange(&self.socket(), &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    pub fn get_if_changed(&self, path: &str, tag: &str) -> Reply {
        exchange(
            &self.socket(),
            &format!("GET {path} HTTP/1.1\r\nhost: x\r\nif-none-match: {tag}\r\nconnection: close\r\n\r\n"),
        )
    }
}

impl Drop for Keyless {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub fn exchange(socket: &Path, request: &str) -> Reply {
    let mut stream = connect(socket);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.into(), body: body.into() }
}

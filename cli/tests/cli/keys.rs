use std::os::unix::fs::PermissionsExt as _;

use crate::tool::{Folder, KEY, PUBLIC};

#[test]
fn a_new_key_is_printed_in_its_three_forms() {
    let folder = Folder::new();
    let key = folder.ok_json("gen-key");
    let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["fingerprint", "private_key", "public_key"]);
    assert_eq!(key["private_key"].as_str().unwrap().len(), 86);
    assert_eq!(key["public_key"].as_str().unwrap().len(), 43);
    let text = folder.ok("gen-key");
    let names: Vec<_> = text.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(names, ["private key", "public key", "fingerprint"]);
}

#[test]
fn a_key_file_is_its_owner_s_alone_and_is_never_overwritten() {
    let folder = Folder::new();
    let key = folder.ok_json("gen-key --out key");
    assert_eq!(key["private_key_file"], "key");
    assert_eq!(key.get("private_key"), None);
    assert_eq!(folder.path("key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = folder.read("key");
    assert_eq!(folder.fault("gen-key --out key"), "error: key: File exists (os error 17)\n");
    assert_eq!(folder.read("key"), text);
}

const ISSUE: &str = "issue --subject s --audience a --trust-domain t";

#[test]
fn the_private_key_may_stand_in_four_places() {
    let folder = Folder::new();
    folder.write_key("key", 0o600);
    let public = |out: &str| serde_json::from_str::<serde_json::Value>(out).unwrap()["public_key"].clone();
    assert_eq!(folder.ok_json(&format!("{ISSUE} --private-key {KEY}"))["public_key"], PUBLIC);
    assert_eq!(folder.ok_json(&format!("{ISSUE} --private-key-file key"))["public_key"], PUBLIC);
    let ran = folder.run_with_input(&format!("{ISSUE} --json --private-key -"), &format!("{KEY}\n"));
    assert_eq!((ran.code, public(&ran.out)), (0, PUBLIC.into()));
    let mut command = folder.command(&format!("{ISSUE} --json"));
    let out = command.env("TRUSTPLANE_PRIVATE_KEY", KEY).output().unwrap();
    assert_eq!(public(&String::from_utf8(out.stdout).unwrap()), PUBLIC);
}

#[test]
fn an_unusable_private_key_is_named_by_its_place() {
    let folder = Folder::new();
    folder.write_key("open", 0o640);
    folder.write("bad", "x");
    let sign = "sign --subject s --issuer i --trust-domain t --kid k --audience a --route-id r --url http://h/p";
    for (source, problem) in [
        ("", "no private key: give --private-key-file, --private-key - or TRUSTPLANE_PRIVATE_KEY"),
        (
            "--private-key AAAA",
            "--private-key: base64url of neither 32 bytes (seed) nor 64 bytes (seed and public key)",
        ),
        ("--private-key-file open", "private key file open: mode 0640 lets group or others in; chmod 0600 it"),
        ("--private-key-file none", "private key file none: No such file or directory (os error 2)"),
    ] {
        assert_eq!(folder.fault(&format!("{sign} {source}")), format!("error: {problem}\n"));
    }
    let ran = folder.run_with_input(&format!("{sign} --private-key -"), "=");
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (2, "error: standard input: neither unpadded base64url nor a PEM block\n")
    );
    let out = folder.command(sign).env("TRUSTPLANE_PRIVATE_KEY", "AAAA").output().unwrap();
    assert_eq!(
        String::from_utf8(out.stderr).unwrap(),
        "error: TRUSTPLANE_PRIVATE_KEY: base64url of neither 32 bytes (seed) nor 64 bytes (seed and public key)\n"
    );
    assert_eq!(
        folder.run(&format!("{sign} --json --private-key AAAA")).err,
        "{\"error\":{\"problem\":\"base64url of neither 32 bytes (seed) nor 64 bytes (seed and public key)\",\"source\":\"--private-key\"}}\n"
    );
}

//! The README's worked example, as it is written.

use std::fs;
use std::process::Command;

use crate::tool::{Folder, repository};

/// The blocks of a kind in the section on authoring.
fn blocks(kind: &str) -> Vec<String> {
    let readme = fs::read_to_string(repository("cli/README.md")).unwrap();
    let section = readme.split("\n## Authoring\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let open = format!("```{kind}\n");
    section.split(&open).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_worked_example_works() {
    let folder = Folder::new();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_trustplane"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let script = blocks("sh").join("echo ---\n");
    let ran =
        Command::new("sh").args(["-euc", &script]).current_dir(folder.path("")).env("PATH", path).output().unwrap();
    let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert!(ran.status.success(), "{out}{err}");
    assert_eq!(err, "");
    let parts: Vec<&str> = out.split("---\n").collect();
    assert_eq!(parts.len(), 3);
    assert!(parts[0].starts_with("out     trust.unsigned.json\n"), "lint finds nothing: {}", parts[0]);
    assert_eq!([parts[1].to_owned()], *blocks("text"));

    // What is deployed in the end: signed, the old key ending and revoked.
    let public = folder.ok_json("bundle inspect trust.json")["signed_by"].clone();
    assert_eq!((&public["issuer"], &public["kid"]), (&"local://ops".into(), &"ops-1".into()));
    let trust = folder.json("trust.json");
    let keys = trust["issuers"][0]["keys"].as_array().unwrap();
    assert_eq!(keys.iter().map(|key| key["kid"].as_str().unwrap()).collect::<Vec<_>>(), ["web-1", "web-2"]);
    assert!(keys[0]["not_after"].is_u64() && keys[1].get("not_after").is_none());
    assert_eq!(trust["revocations"][0]["value"], "web-1");
    let lint: Vec<&str> = parts[2].lines().filter(|line| line.starts_with("trust.json:")).collect();
    assert_eq!(lint.len(), 1, "{}", parts[2]);
    assert!(lint[0].ends_with("warning key-expiring: /issuers/0/keys/0/not_after"), "{}", lint[0]);
}

use std::process::Command;

use crate::tool::Folder;

/// Reads profile and key as the official SDK does, and prepares a request with them.
const SCRIPT: &str = r#"
import json, sys
from trustplane_auth.keys import export_local_ed25519_key, private_key_from_base64url
from trustplane_auth.profile import SigningProfile
from trustplane_auth.protected_client import ProtectedClient

profile, key = sys.argv[1:3]
profile = SigningProfile.from_control(json.load(open(profile)))
key = private_key_from_base64url(open(key).read())
prepared = ProtectedClient(profile, key).prepare(*sys.argv[3:])
print(json.dumps({
    "public_key": export_local_ed25519_key(key).public_key_b64url,
    "url": prepared.request.full_url,
    "lines": prepared.canonical_lines,
}))
"#;

#[test]
fn the_official_sdk_takes_profile_and_key_files_as_they_are() {
    let python = std::env::var("TRUSTPLANE_PYTHON")
        .expect("TRUSTPLANE_PYTHON must name a Python that has trustplane-auth-sdk installed");
    let folder = Folder::new();
    let public = folder.ok_json("gen-key --out key")["public_key"].clone();
    let listener = "127.0.0.1:18080".parse().unwrap();
    for (profile, words, url, route) in [
        (trustplane::local::get_profile(listener), &["GET", "/orders/7?a=1"][..], "/orders/7?a=1", "orders.read"),
        (trustplane::local::post_profile(listener), &["POST", "/orders", "{}"], "/orders", "orders.create"),
    ] {
        folder.write("profile.json", &trustplane::value::pretty(&profile));
        let ran = Command::new(&python)
            .args(["-c", SCRIPT])
            .args([folder.path("profile.json"), folder.path("key")])
            .args(words)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let prepared: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(prepared["public_key"], public);
        assert_eq!(prepared["url"], format!("http://127.0.0.1:18080{url}"));
        let lines = prepared["lines"].as_array().unwrap();
        for (index, line) in [(2, "scheme=http"), (3, "authority=127.0.0.1:18080"), (5, "audience=orders-api")] {
            assert_eq!(lines[index], line);
        }
        assert_eq!(lines[6], format!("route_id={route}"));
    }
}

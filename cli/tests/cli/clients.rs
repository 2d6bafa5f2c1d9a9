use crate::bundles::signed;
use crate::tool::{Folder, OTHER_PUBLIC};

const MERGE: &str = "bundle merge-source --trust-material trust.json --policy-bundle policy.json \
     --out-trust-material trust2.json --out-policy-bundle policy2.json --source-type software_jwks \
     --issuer https://issuer.shop.example --trust-domain shop.example --route-id orders.read";

#[test]
fn a_merge_adds_one_key_and_one_rule_and_moves_nothing_else() {
    let folder = Folder::new();
    signed(&folder);
    let line = format!("{MERGE} --kid batch-1 --public-key {OTHER_PUBLIC} --subject-prefix service:batch:");
    folder.ok(&line);
    let rule = r#"            },
            {
              "source_type": "software_jwks",
              "issuer": "https://issuer.shop.example",
              "trust_domain": "shop.example",
              "subject_prefix": "service:batch:",
              "required_key_binding": "software"
            }
          ]
"#;
    let unsigned = folder.read("policy.unsigned.json").replacen("            }\n          ]\n", rule, 1);
    let issued = |name: &str| format!("  \"issued_at\": {},\n  \"signed_by\"", folder.json(name)["issued_at"]);
    assert_eq!(folder.read("policy2.json"), unsigned.replace("  \"signed_by\"", &issued("policy.json")));
    let key = format!(
        r#"        }},
        {{
          "kid": "batch-1",
          "alg": "EdDSA",
          "public_key_b64url": "{OTHER_PUBLIC}",
          "max_key_binding": "software"
        }}
      ]
"#
    );
    let unsigned = folder.read("trust.unsigned.json").replacen("        }\n      ]\n", &key, 1);
    assert_eq!(folder.read("trust2.json"), unsigned.replace("  \"signed_by\"", &issued("trust.json")));
}

#[test]
fn a_merge_never_overwrites_unasked() {
    let folder = Folder::new();
    signed(&folder);
    let known_key = format!("{MERGE} --kid web-1 --public-key {OTHER_PUBLIC} --subject-exact service:new");
    let known_rule = format!("{MERGE} --kid web-2 --public-key {OTHER_PUBLIC} --subject-exact service:web");
    assert_eq!(
        folder.fault(&known_key),
        "error: trust.json: /issuers/0/keys/0: key \"web-1\" is there already; --replace-existing puts the new one in its place (line 9)\n"
    );
    assert_eq!(
        folder.fault(&known_rule),
        "error: policy.json: /route_groups/0/routes/0/allowed_sources/0: a rule for this source is there already; --replace-existing puts the new one in its place (line 23)\n"
    );
    assert!(!folder.path("trust2.json").exists() && !folder.path("policy2.json").exists());

    folder.ok(&format!("{known_key} --replace-existing"));
    let keys = &folder.json("trust2.json")["issuers"][0]["keys"];
    assert_eq!((keys.as_array().unwrap().len(), keys[0]["public_key_b64url"].as_str()), (1, Some(OTHER_PUBLIC)));
    folder.ok(&format!("{known_rule} --replace-existing --required-key-binding remote_kms"));
    let rules = &folder.json("policy2.json")["route_groups"][0]["routes"][0]["allowed_sources"];
    assert_eq!((rules.as_array().unwrap().len(), rules[0]["required_key_binding"].as_str()), (1, Some("remote_kms")));
}

#[test]
fn a_merge_that_makes_no_sense_is_refused_in_place() {
    let folder = Folder::new();
    signed(&folder);
    let rest = format!("--kid web-2 --public-key {OTHER_PUBLIC}");
    assert_eq!(
        folder.fault(&format!(
            "{} {rest} --subject-exact s",
            MERGE.replace("--route-id orders.read", "--route-id orders.write")
        )),
        "error: policy.json: /route_groups: no route has the id \"orders.write\" (line 13)\n"
    );
    assert_eq!(
        folder.fault(&format!(
            "{} {rest} --subject-exact s",
            MERGE.replace("--trust-domain shop.example", "--trust-domain other")
        )),
        "error: trust.json: /issuers/0/trust_domain: issuer https://issuer.shop.example speaks for \"shop.example\", not for \"other\" (line 7)\n"
    );
    let error = folder.fault(&format!("{MERGE} {rest} --subject-prefix service"));
    assert!(
        error.starts_with(
            "error: policy.json: /route_groups/0/routes/0/allowed_sources/1/subject_prefix: must end in ':' or '/'"
        ),
        "{error}"
    );
    assert!(!folder.path("policy2.json").exists());
}

const REMOVE: &str = "bundle remove-source --trust-material trust2.json --policy-bundle policy2.json \
     --out-trust-material trust3.json --out-policy-bundle policy3.json \
     --issuer https://issuer.shop.example --trust-domain shop.example --subject-prefix service:batch:";

#[test]
fn removing_what_was_merged_gives_the_documents_back() {
    let folder = Folder::new();
    signed(&folder);
    folder.ok(&format!("{MERGE} --kid batch-1 --public-key {OTHER_PUBLIC} --subject-prefix service:batch:"));
    assert_eq!(
        folder.fault(&format!("{REMOVE} --route-id orders.read --kid batch-1")),
        "error: this removes 1 source rule(s) and a key; say --confirm-remove to do it\n"
    );
    assert!(!folder.path("policy3.json").exists());
    folder.ok(&format!("{REMOVE} --route-id orders.read --kid batch-1 --confirm-remove"));
    for name in ["policy", "trust"] {
        let mut before = folder.json(&format!("{name}.unsigned.json"));
        before["issued_at"] = folder.json(&format!("{name}.json"))["issued_at"].clone();
        assert_eq!(folder.json(&format!("{name}3.json")), before);
    }
}

#[test]
fn removing_nobody_is_a_fault() {
    let folder = Folder::new();
    signed(&folder);
    let line = REMOVE.replace("trust2", "trust").replace("policy2", "policy");
    assert_eq!(
        folder.fault(&format!("{line} --all-routes --confirm-remove")),
        "error: policy.json: /route_groups: no rule is for this source (line 13)\n"
    );
    assert_eq!(
        folder.fault(&format!("{line} --route-id x --confirm-remove")),
        "error: policy.json: /route_groups: no route has the id \"x\" (line 13)\n"
    );
}

#[test]
fn an_issuer_goes_with_its_last_key() {
    let folder = Folder::new();
    signed(&folder);
    let line = REMOVE
        .replace("trust2", "trust")
        .replace("policy2", "policy")
        .replace("--subject-prefix service:batch:", "--subject-exact service:web");
    folder.ok(&format!("{line} --all-routes --kid web-1 --confirm-remove"));
    assert_eq!(folder.json("trust3.json")["issuers"], serde_json::json!([]));
    assert_eq!(folder.json("policy3.json")["route_groups"][0]["routes"][0]["allowed_sources"], serde_json::json!([]));
}

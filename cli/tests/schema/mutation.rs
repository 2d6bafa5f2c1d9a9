//! What schema and reader say of documents that are right but for one place.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::judge::{Case, by_reader, by_schema};
use crate::valid::full;

/// What only the reader refuses, in its words; each is named in the description of the schema.
const BEYOND_SCHEMAS: [(&str, &str); 16] = [
    ("policy", "no API has this id"),
    ("policy", "listed before"),
    ("policy", "missing member: the API names no audience either"),
    ("trust-material", "listed before"),
    ("trust-material", "later than not_after"),
    ("trust-material", "small order"),
    ("authoring", "listed before"),
    ("authoring", "no issuer "),
    ("authoring", "no route has the id"),
    ("authoring", "missing member: the API names no audience either"),
    ("authoring", "later than not_after"),
    ("authoring", "small order"),
    ("authoring", "No such file or directory"),
    ("filter-config", "is exempt and so can never be covered"),
    ("filter-config", "small order"),
    ("passport-request", "small order"),
];

/// A changed document: what was changed where, and what came of it.
struct Mutant {
    pointer: String,
    change: String,
    case: Case,
}

/// Values of every kind; a text that is no name, an address nor a key.
fn replacements() -> Vec<(&'static str, Value)> {
    vec![
        ("null", Value::Null),
        ("true", json!(true)),
        ("false", json!(false)),
        ("0", json!(0)),
        ("1", json!(1)),
        ("-1", json!(-1)),
        ("901", json!(901)),
        ("2^53 + 1", json!(9_007_199_254_740_993_u64)),
        ("0.5", json!(0.5)),
        ("empty text", json!("")),
        ("text", json!("x")),
        ("space before", json!(" x")),
        ("wide space behind", json!("x\u{3000}")),
        ("line break", json!("x\n")),
        ("delete", json!("/\u{7f}")),
        ("upper case", json!("X-Y")),
        ("star", json!("x*")),
        ("not ASCII", json!("é")),
        ("two dots", json!("/a/..")),
        ("dots and a parameter", json!("/a/.;v/b")),
        ("two slashes", json!("/a//b")),
        ("slash behind", json!("/a/")),
        ("braces", json!("/a/{b}")),
        ("braces within", json!("/a{b}")),
        ("an escaped letter", json!("/%41")),
        ("a space's escape", json!("/%20")),
        ("65 segments", json!("/a".repeat(65))),
        ("URL", json!("HTTP://A.example:1/x")),
        ("URL with a query", json!("http://a?b")),
        ("URL with a user", json!("http://u@a")),
        ("port 0", json!("https://a:0")),
        ("port 65536", json!("https://a:65536")),
        ("authority", json!("a:65535")),
        ("IPv6", json!("[::1]:1")),
        ("TRACE", json!("TRACE")),
        ("the nonce", json!("x-trustplane-nonce")),
        ("exponent", json!("1e3")),
        ("decimal", json!("0.10")),
        ("small order", json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("loose bits", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp")),
        ("[]", json!([])),
        ("{}", json!({})),
        ("in a list", json!([["x"]])),
    ]
}

/// Every place of a document, the whole first.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn remove(document: &mut Value, pointer: &str) {
    let (above, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(above).unwrap() {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!("it holds a member"),
    }
}

/// What stands in the same place of the other of two.
fn others(document: &Value, pointer: &str) -> Option<Value> {
    let swapped = [
        ("/keys/1/", "/keys/0/"),
        ("/routes/1/", "/routes/0/"),
        ("/issuers/1/", "/issuers/0/"),
        ("required", "exempt"),
        ("exempt", "required"),
    ];
    let other =
        swapped.iter().find(|(own, _)| pointer.contains(own)).map(|(own, other)| pointer.replace(own, other))?;
    document.pointer(&other).cloned()
}

fn mutants(case: &Case) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    let mut pointers = Vec::new();
    places(&case.document, "", &mut pointers);
    // A configuration's bundles are changed by themselves.
    pointers.retain(|pointer| !pointer.starts_with("/policy_bundle/") && !pointer.starts_with("/trust_bundle/"));
    for pointer in pointers {
        let mut add = |change: &str, mutate: &dyn Fn(&mut Value)| {
            let mut case = case.clone();
            mutate(&mut case.document);
            mutants.push(Mutant { pointer: pointer.clone(), change: change.to_owned(), case });
        };
        // Where no text belongs, one is as wrong as the next.
        let is_text = case.document.pointer(&pointer).is_some_and(Value::is_string);
        let fitting = |(change, value): &(&str, Value)| is_text || !value.is_string() || *change == "text";
        for (change, value) in replacements().into_iter().filter(fitting) {
            add(change, &|document| *document.pointer_mut(&pointer).unwrap() = value.clone());
        }
        if let Some(other) = others(&case.document, &pointer) {
            add("the other's", &|document| *document.pointer_mut(&pointer).unwrap() = other.clone());
        }
        if !pointer.is_empty() {
            add("removed", &|document| remove(document, &pointer));
        }
        if case.document.pointer(&pointer).is_some_and(Value::is_object) {
            for name in ["unknown", "required_x", "line\nbreak"] {
                add(&format!("added {name:?}"), &|document| document.pointer_mut(&pointer).unwrap()[name] = json!("x"));
            }
        }
    }
    mutants
}

#[test]
fn schema_and_reader_agree_on_every_change_but_those_that_are_named() {
    let mutants: Vec<Mutant> = full().iter().flat_map(mutants).collect();
    assert!(mutants.len() > 5_000, "{} mutants", mutants.len());
    let cases: Vec<Case> = mutants.iter().map(|mutant| mutant.case.clone()).collect();
    let mut met = BTreeSet::new();
    let mut refused = 0;
    for (mutant, by_schema) in mutants.iter().zip(by_schema(&cases)) {
        let Mutant { pointer, change, case } = mutant;
        let by_reader = by_reader(case);
        refused += usize::from(by_reader.is_err());
        let beyond = |problem: &String| {
            BEYOND_SCHEMAS.iter().position(|(schema, part)| *schema == case.schema && problem.contains(part))
        };
        match (&by_schema, &by_reader) {
            (Ok(()), Ok(())) | (Err(_), Err(_)) => {}
            (Ok(()), Err(problem)) if beyond(problem).is_some() => drop(met.insert(beyond(problem))),
            _ => panic!("{} {pointer} {change}: by schema {by_schema:?}, by reader {by_reader:?}", case.schema),
        }
    }
    assert_eq!(met.len(), BEYOND_SCHEMAS.len(), "{met:?}");
    assert!((1_000..mutants.len() - 1_000).contains(&refused), "{refused} of {}", mutants.len());
}

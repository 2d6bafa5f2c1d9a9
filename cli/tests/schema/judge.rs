use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use trustplane_core::json::{Limits, parse};
use trustplane_core::{FilterConfig, Pin, Policy, Trust};

use crate::authored;
use crate::tool::repository;

/// A document, and the schema that is about it.
#[derive(Clone, Debug)]
pub struct Case {
    pub schema: &'static str,
    pub document: Value,
}

/// What Python's `jsonschema` says of each by the shipped schemas: its first complaint, if any.
pub fn by_schema(cases: &[Case]) -> Vec<Result<(), String>> {
    let processes = std::thread::available_parallelism().map_or(1, usize::from);
    let share = cases.len().div_ceil(processes).max(100);
    std::thread::scope(|scope| {
        let shares: Vec<_> = cases.chunks(share).map(|cases| scope.spawn(|| by_one_process(cases))).collect();
        shares.into_iter().flat_map(|share| share.join().unwrap()).collect()
    })
}

fn by_one_process(cases: &[Case]) -> Vec<Result<(), String>> {
    let python = std::env::var("TRUSTPLANE_PYTHON").expect("TRUSTPLANE_PYTHON must name a Python that has jsonschema");
    let mut child = Command::new(python)
        .arg(repository("cli/tests/schema/judge.py"))
        .arg(repository("cli/schemas"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: Vec<String> =
        cases.iter().map(|case| json!({ "schema": case.schema, "document": case.document }).to_string()).collect();
    let writer = std::thread::spawn(move || stdin.write_all((lines.join("\n") + "\n").as_bytes()).unwrap());
    let ran = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(ran.status.success());
    let verdicts: Vec<_> = String::from_utf8(ran.stdout)
        .unwrap()
        .lines()
        .map(|line| if line == "ok" { Ok(()) } else { Err(line.to_owned()) })
        .collect();
    assert_eq!(verdicts.len(), cases.len());
    verdicts
}

/// What our own reader says.
pub fn by_reader(case: &Case) -> Result<(), String> {
    let text = case.document.to_string();
    let parsed = || parse(text.as_bytes(), Limits::DOCUMENT).map_err(|fault| fault.to_string());
    match case.schema {
        "policy" => Policy::load(&parsed()?, &Pin::UnsignedDev).map(drop).map_err(|fault| fault.to_string()),
        "trust-material" => Trust::load(&parsed()?, &Pin::UnsignedDev).map(drop).map_err(|fault| fault.to_string()),
        "filter-config" => {
            let config = FilterConfig::parse(text.as_bytes()).map_err(|fault| fault.to_string())?;
            config.load().map(drop).map_err(|fault| fault.to_string())
        }
        "broker-policy" => {
            trustplane_broker::Policy::parse(text.as_bytes()).map(drop).map_err(|fault| fault.to_string())
        }
        "passport-request" => {
            trustplane::issuer::PassportRequest::parse(text.as_bytes()).map(drop).map_err(|fault| fault.to_string())
        }
        "request-description" => {
            trustplane::judge::Description::parse(text.as_bytes()).map(drop).map_err(|fault| fault.to_string())
        }
        "authoring" => authored::read(&case.document),
        name => panic!("nothing of ours reads {name}"),
    }
}

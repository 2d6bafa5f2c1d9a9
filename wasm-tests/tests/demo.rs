//! `trustplane demo`: the matrix that a newcomer sees, row for row.

use std::process::{Command, ExitCode, Output};

use serde::Deserialize;

use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::run::Run;

/// What the matrix must at least hold: a word of each row's name, and the reason.
const ROWS: [(&str, &str); 19] = [
    ("GET /orders/7?expand=items, signed", "200"),
    ("again", "jti_replay"),
    ("method", ""),
    ("path", ""),
    ("query", ""),
    ("body", "request_binding_mismatch"),
    ("header", "request_binding_mismatch"),
    ("authority", ""),
    ("proof", "invalid_request_proof"),
    ("no passport", "missing_passport"),
    ("unknown", "unknown_issuer_key"),
    ("expired", "passport_expired"),
    ("audience", "audience_mismatch"),
    ("subject", "source_subject_mismatch"),
    ("class", "insufficient_key_binding"),
    ("fresher bundle", "stale_bundle_fail_closed"),
    ("revoked", "passport_revoked"),
    ("32 times at once", "1 x 200, 31 x 403 jti_replay"),
    ("2 Envoys", "1 x 200, 31 x 403 jti_replay"),
];

#[derive(Deserialize)]
struct Summary {
    rows: Vec<Row>,
    passed: usize,
    total: usize,
    upstream_expected: u64,
    upstream_actual: u64,
}

#[derive(Deserialize)]
struct Row {
    case: String,
    expected: String,
    actual: String,
    passed: bool,
    upstream_expected: u64,
    upstream_actual: u64,
}

fn main() -> ExitCode {
    let mut run = Run::from_arguments();
    match demo(&[]) {
        Ok(ran) => {
            if let Err(why) = matrix(&mut run, &ran) {
                run.check("demo", "The demo prints its rows as JSON.", &[why]);
            }
        }
        Err(why) => run.check("demo", "The command line and Envoy are at hand.", &[why]),
    }
    run.finish()
}

fn demo(more: &[&str]) -> Result<Output, String> {
    let binary = artefact::command_line()?;
    Command::new(&binary)
        .args(["demo", "--json", "--filter"])
        .arg(artefact::path())
        .args(more)
        .output()
        .map_err(|error| format!("{}: {error}", binary.display()))
}

fn matrix(run: &mut Run, ran: &Output) -> Result<(), String> {
    let summary: Summary = serde_json::from_slice(&ran.stdout).map_err(|error| {
        format!("{error}: {}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr))
    })?;
    for row in &summary.rows {
        let same = row.passed && row.expected == row.actual && row.upstream_expected == row.upstream_actual;
        run.holds(&format!("demo {}", row.case), "Every row is as expected.", || {
            let Row { expected, actual, upstream_actual, .. } = row;
            if same {
                Ok(())
            } else {
                Err(format!("expected {expected}, got {actual}, the upstream saw {upstream_actual}"))
            }
        });
    }
    run.holds("demo rows", "No row of the acceptance matrix is missing.", || {
        let there = |(word, reason): &&(&str, &str)| {
            summary.rows.iter().any(|row| row.case.contains(word) && row.expected.contains(reason))
        };
        let missing: Vec<_> = ROWS.iter().filter(|row| !there(row)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    });
    run.holds("demo summary", "The sums are those of the rows, and the exit code says so.", || {
        let Summary { rows, passed, total, upstream_expected, upstream_actual } = &summary;
        let sound = passed == total
            && *total == rows.len()
            && upstream_expected == upstream_actual
            && ran.status.code() == Some(0);
        if sound {
            Ok(())
        } else {
            Err(format!("{passed} of {total}, upstream {upstream_actual} of {upstream_expected}, {}", ran.status))
        }
    });
    Ok(())
}

use serde_json::Value;

use crate::running::command;

fn demo(workers: &str) -> (Option<i32>, Value) {
    let out = command().args(["demo", "--json", "--workers", workers]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    (out.status.code(), serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{said}")))
}

fn failed(summary: &Value) -> Vec<&str> {
    let rows = summary["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["passed"] == false).map(|row| row["case"].as_str().unwrap()).collect()
}

#[test]
fn every_row_of_the_matrix_comes_out_as_expected() {
    let (code, summary) = demo("2");
    assert_eq!(failed(&summary), Vec::<&str>::new());
    assert_eq!((code, summary["passed"].as_u64(), summary["total"].as_u64()), (Some(0), Some(42), Some(42)));
    assert_eq!(summary["upstream_actual"], summary["upstream_expected"]);
}

/// On one worker nothing races: the row that claims a race must not pass.
#[test]
fn a_race_without_a_second_worker_fails_its_row_and_the_demo() {
    let (code, summary) = demo("1");
    assert_eq!(failed(&summary), ["one passport, 32 times at once"]);
    assert_eq!(code, Some(1));
    let row = summary["rows"].as_array().unwrap().last().unwrap();
    assert_eq!(row["note"], "workers took 32: no race");
}

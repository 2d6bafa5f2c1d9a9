use serde_json::Value;

use crate::running::command;

fn demo(flags: &[&str]) -> (Option<i32>, Value) {
    let out = command().args(["demo", "--json"]).args(flags).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    (out.status.code(), serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{said}")))
}

fn failed(summary: &Value) -> Vec<&str> {
    let rows = summary["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["passed"] == false).map(|row| row["case"].as_str().unwrap()).collect()
}

#[test]
fn every_row_of_the_matrix_comes_out_as_expected() {
    let (code, summary) = demo(&["--workers", "2"]);
    assert_eq!(failed(&summary), Vec::<&str>::new());
    assert_eq!((code, summary["passed"].as_u64(), summary["total"].as_u64()), (Some(0), Some(55), Some(55)));
    assert_eq!(summary["upstream_actual"], summary["upstream_expected"]);
    let row = summary["rows"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&row["case"], &row["note"]),
        (&"one passport, 32 times at 2 Envoys".into(), &"Envoys took 16 + 16".into())
    );

    let (code, of_adapter) = demo(&["--workers", "2", "--host", "adapter"]);
    assert_eq!(failed(&of_adapter), Vec::<&str>::new());
    assert_eq!(code, Some(0));
    let table = |summary: &Value| -> Vec<[String; 3]> {
        let rows = summary["rows"].as_array().unwrap().iter();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().replace("adapters", "Envoys");
        rows.map(|row| ["case", "expected", "actual"].map(|name| text(row, name))).collect()
    };
    assert_eq!(table(&of_adapter), table(&summary), "both hosts give the same table");
}

#[test]
fn without_spire_the_demo_says_how_to_get_it_before_anything_starts() {
    let folder = std::env::temp_dir();
    for (flags, said) in [
        (
            vec!["--spire"],
            "error: no spire-server and spire-agent on PATH; name their folder with --spire-dir or TRUSTPLANE_SPIRE, or \
             build them with .ci/spire\n"
                .to_owned(),
        ),
        (
            vec!["--spire", "--spire-dir", folder.to_str().unwrap()],
            format!("error: {}: expected spire-server and spire-agent in it\n", folder.display()),
        ),
    ] {
        let mut demo = command();
        demo.arg("demo").args(flags).env("PATH", "/nonexistent").env_remove("TRUSTPLANE_SPIRE");
        let out = demo.output().unwrap();
        assert_eq!((out.status.code(), String::from_utf8(out.stderr).unwrap()), (Some(2), said));
    }
}

#[test]
fn without_redis_the_demo_says_how_to_get_it_and_how_to_do_without() {
    let path = std::env::var_os("PATH");
    let envoy = trustplane::envoy::find_binary(None, path.as_deref()).unwrap();
    let out = command().args(["demo", "--envoy-bin"]).arg(envoy).env("PATH", "/nonexistent").output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(out.stderr).unwrap(),
        "error: redis-server: No such file or directory (os error 2); it has to be on PATH: apt-get install \
         redis-server; --without-redis leaves its row out\n"
    );
}

/// On one worker nothing races: the row that claims a race must not pass.
#[test]
fn a_race_without_a_second_worker_fails_its_row_and_the_demo() {
    let (code, summary) = demo(&["--workers", "1", "--without-redis"]);
    assert_eq!(failed(&summary), ["one passport, 32 times at once"]);
    assert_eq!((code, summary["total"].as_u64()), (Some(1), Some(54)));
    let row = summary["rows"].as_array().unwrap().last().unwrap();
    assert_eq!(row["note"], "workers took 32: no race");
}

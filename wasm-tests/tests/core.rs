//! All cases against the core, natively.

use std::process::ExitCode;

use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::core_subject::CoreSubject;
use trustplane_wasm_tests::run::Run;

fn main() -> ExitCode {
    let cases = Cases::committed();
    let mut run = Run::from_arguments();
    run.all("core", &cases, &mut CoreSubject::new(&cases));
    run.finish()
}

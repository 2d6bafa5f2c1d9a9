//! All cases against the core, compiled to wasm, on Node.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_test::wasm_bindgen_test;

use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::core_subject::CoreSubject;
use trustplane_wasm_tests::run::Run;

#[wasm_bindgen]
extern "C" {
    /// Past the test harness, which shows only what failing tests print.
    #[wasm_bindgen(js_namespace = ["process", "stdout"], js_name = write)]
    fn print(text: &str);
}

#[wasm_bindgen_test]
fn every_case_is_decided_as_expected() {
    let cases = Cases::committed();
    let mut run = Run::default();
    run.all("wasm", &cases, &mut CoreSubject::new(&cases));
    print(&format!("\n{}\n", run.report()));
    assert!(run.ok());
}

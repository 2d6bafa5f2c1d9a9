//! The core's steps compiled to wasm, on Node: what `benches/steps` measures natively.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_test::wasm_bindgen_test;

use trustplane_wasm_tests::steps::{Step, Steps};

const ROUNDS: usize = 9;
const ROUND_MS: f64 = 30.0;
/// Enough for the engine to have compiled it for good.
const WARM_UP: usize = 3_000;

#[wasm_bindgen]
extern "C" {
    /// Past the test harness, which shows only what failing tests print.
    #[wasm_bindgen(js_namespace = ["process", "stdout"], js_name = write)]
    fn print(text: &str);

    /// Milliseconds, with fractions.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn now() -> f64;
}

#[wasm_bindgen_test]
fn every_step_comes_out_as_it_must() {
    let mut steps = Steps::new();
    print(&format!("\n{:<32}{:>10}{:>10}\n", "step, wasm on Node", "best us", "median us"));
    for step in Step::ALL {
        (0..WARM_UP).for_each(|_| steps.run(step));
        let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round(&mut steps, step)).collect();
        rounds.sort_by(f64::total_cmp);
        print(&format!("{:<32}{:>10.2}{:>10.2}\n", step.name(), rounds[0], rounds[ROUNDS / 2]));
    }
}

/// Microseconds.
fn round(steps: &mut Steps, step: Step) -> f64 {
    let (begun, mut count) = (now(), 0.0);
    loop {
        (0..20).for_each(|_| steps.run(step));
        count += 20.0;
        let took = now() - begun;
        if took > ROUND_MS {
            return took * 1e3 / count;
        }
    }
}

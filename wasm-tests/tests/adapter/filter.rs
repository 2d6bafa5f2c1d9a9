//! What the shipped filter writes into its audit events: every other host's are the same.

use std::collections::BTreeMap;

use serde_json::Value;

use trustplane_wasm_tests::artefact;
use trustplane_wasm_tests::case::Cases;
use trustplane_wasm_tests::filter_subject::FilterSubject;
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::host::Guest;
use trustplane_wasm_tests::subject::Subject as _;

/// The filter's event for each case, by name: the clock is the case's, so the moment is in it.
pub fn events(cases: &Cases) -> Result<BTreeMap<String, Value>, String> {
    let guest = Guest::compile(&artefact::read()?).map_err(|error| error.to_string())?;
    let mut filter = FilterSubject::new(&guest, cases, Hold::StopIteration);
    cases.cases.iter().map(|case| Ok((case.name.clone(), filter.decide(case)?.audit))).collect()
}

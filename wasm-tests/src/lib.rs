//! One set of cases, six subjects, equal answers.

pub mod case;
pub mod core_subject;
pub mod counting;
pub mod hold;
pub mod run;
pub mod steps;
pub mod subject;
pub mod verdict;

#[cfg(not(target_arch = "wasm32"))]
pub mod artefact;
#[cfg(not(target_arch = "wasm32"))]
pub mod filter_subject;
#[cfg(not(target_arch = "wasm32"))]
pub mod host;
#[cfg(not(target_arch = "wasm32"))]
pub mod load;
#[cfg(not(target_arch = "wasm32"))]
pub mod report;
#[cfg(not(target_arch = "wasm32"))]
pub mod store;

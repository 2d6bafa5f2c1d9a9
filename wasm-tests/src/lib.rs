//! One set of cases, six subjects, equal answers.

pub mod case;
pub mod core_subject;
pub mod counting;
pub mod hold;
pub mod run;
pub mod steps;
pub mod subject;
pub mod verdict;

#[cfg(not(any(core_alone, target_arch = "wasm32")))]
pub mod artefact;
#[cfg(not(any(core_alone, target_arch = "wasm32")))]
pub mod filter_subject;
#[cfg(not(any(core_alone, target_arch = "wasm32")))]
pub mod host;
#[cfg(not(any(core_alone, target_arch = "wasm32")))]
pub mod load;
#[cfg(not(any(core_alone, target_arch = "wasm32")))]
pub mod report;
#[cfg(not(any(core_alone, target_arch = "wasm32")))]
pub mod store;

use serde::{Deserialize, Serialize};

/// How Envoy withholds a request while its body is hashed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Hold {
    /// The filter pauses at the head (`allow_on_headers_stop_iteration`).
    #[default]
    StopIteration,
    /// A buffer filter behind ours holds head and body back.
    TrailingBuffer,
}

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use crate::proof::{CoveredHeaders, Uncovered, is_exempt};
use crate::transcript::is_header_name;

/// Which headers a proof must cover, by exact lower-case names.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CoveredNames {
    /// Must be present and covered, besides the nonce.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::schema::HeaderName>"))]
    pub required: Vec<String>,
    /// Are never covered, besides the built-in ones: what other proxies add.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::schema::ExemptName>"))]
    pub exempt: Vec<String>,
    /// What becomes of a header that the proof does not cover.
    #[serde(with = "UncoveredName")]
    pub uncovered: Uncovered,
}

#[derive(Deserialize, Serialize)]
#[serde(remote = "Uncovered", rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum UncoveredName {
    /// The request is denied.
    Refuse,
    /// It is removed before the upstream.
    Remove,
}

impl CoveredNames {
    /// Whether proofs can be held to these names.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self { required, exempt, uncovered: _uncovered } = self;
        for (index, name) in exempt.iter().enumerate() {
            let refuse = |problem| Err(ConfigError::new(format!("/covered_headers/exempt/{index}"), problem));
            if !is_exact_name(name) {
                return refuse(no_name(name));
            }
            if name == "x-trustplane-nonce" {
                return refuse("the nonce is always covered".into());
            }
        }
        for (index, name) in required.iter().enumerate() {
            let refuse = |problem| Err(ConfigError::new(format!("/covered_headers/required/{index}"), problem));
            if !is_exact_name(name) {
                return refuse(no_name(name));
            }
            if is_exempt(name.as_bytes()) || exempt.contains(name) {
                return refuse(format!("{name:?} is exempt and so can never be covered"));
            }
        }
        Ok(())
    }

    /// The rules that proofs are checked by.
    pub fn rules(&self) -> CoveredHeaders {
        CoveredHeaders { required: self.required.clone(), exempt: self.exempt.clone(), uncovered: self.uncovered }
    }
}

/// `*` is a token character (RFC 9110 section 5.6.2), but who writes it means a wildcard.
fn is_exact_name(name: &str) -> bool {
    is_header_name(name.as_bytes()) && !name.contains('*')
}

fn no_name(name: &str) -> String {
    format!("expected a lower-case header name without wildcards, found {name:?}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refusal, text};
    use super::*;

    #[test]
    fn faults_are_named_with_their_place() {
        for (members, error) in [
            (r#"{"require":[]}"#, "/covered_headers/require: unknown member"),
            (
                r#"{"uncovered":"keep"}"#,
                "/covered_headers/uncovered: expected \"refuse\" or \"remove\", found \"keep\"",
            ),
            (
                r#"{"required":["Accept"]}"#,
                "/covered_headers/required/0: expected a lower-case header name without wildcards, found \"Accept\"",
            ),
            (
                r#"{"exempt":["a","x-*"]}"#,
                "/covered_headers/exempt/1: expected a lower-case header name without wildcards, found \"x-*\"",
            ),
            (
                r#"{"exempt":[":path"]}"#,
                "/covered_headers/exempt/0: expected a lower-case header name without wildcards, found \":path\"",
            ),
            (r#"{"exempt":["x-trustplane-nonce"]}"#, "/covered_headers/exempt/0: the nonce is always covered"),
            (
                r#"{"required":["a","via"]}"#,
                "/covered_headers/required/1: \"via\" is exempt and so can never be covered",
            ),
            (
                r#"{"required":["a"],"exempt":["a"]}"#,
                "/covered_headers/required/0: \"a\" is exempt and so can never be covered",
            ),
        ] {
            assert_eq!(refusal(&text(&format!(r#","covered_headers":{members}"#))), error);
        }
    }
}

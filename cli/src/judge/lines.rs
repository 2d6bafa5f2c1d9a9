use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use trustplane_core::json::{self, JsonError, Limits};
use trustplane_core::sha256;

use crate::exit::Fault;
use crate::input::is_standard;

/// The names of the twenty lines, in their order (`trustplane-transcript-v1`).
pub(super) const NAMES: [&str; 20] = [
    "version",
    "method",
    "scheme",
    "authority",
    "path",
    "audience",
    "route_id",
    "content_encoding",
    "query_normalization.algorithm",
    "query_normalization.normalized",
    "query_normalization.sha256",
    "query_sha256",
    "headers.allow_list",
    "headers.selected",
    "body_sha256",
    "passport_jti",
    "nonce",
    "issued_at",
    "time_bucket",
    "key_binding",
];

/// More than any transcript that could be sent.
const MOST_BYTES: u64 = 1 << 20;

/// The twenty lines of a transcript, whoever wrote them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lines(Vec<String>);

/// A line whose value is not the same in two transcripts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Difference<'a> {
    pub(super) line: usize,
    pub(super) name: &'static str,
    pub(super) signer: &'a str,
    pub(super) verifier: &'a str,
}

/// As `trustplane sign --explain --json` writes it.
#[derive(Deserialize)]
struct Signed {
    canonical_lines: Vec<String>,
}

impl Lines {
    /// Lines that have the twenty names in their order; an error says which has not, from 0.
    pub(crate) fn new(lines: Vec<String>) -> Result<Self, JsonError> {
        for (index, name) in NAMES.iter().enumerate() {
            let Some(line) = lines.get(index) else {
                return Err(JsonError::new(format!("expected twenty lines, found {}", lines.len())));
            };
            if line.split_once('=').is_none_or(|(own, _)| own != *name) {
                return Err(JsonError::new(format!("expected {name}=, found {line:?}")).within(index));
            }
        }
        match lines.len() {
            20 => Ok(Self(lines)),
            more => Err(JsonError::new(format!("expected twenty lines, found {more}"))),
        }
    }

    /// Reads what `trustplane sign --explain` printed, in either format, or the lines alone.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let mut text = String::new();
        let read = match is_standard(path) {
            true => std::io::stdin().take(MOST_BYTES).read_to_string(&mut text),
            false => fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text)),
        };
        read.map_err(|err| Fault::file(path, err))?;
        let source = path.display().to_string();
        if text.starts_with('{') {
            let limits = Limits { max_bytes: text.len(), max_depth: 8 };
            let read = json::parse(text.as_bytes(), limits).and_then(|value| json::decode::<Signed>(&value));
            let lines = read.and_then(|Signed { canonical_lines }| {
                Self::new(canonical_lines).map_err(|error| error.within("canonical_lines"))
            });
            return lines.map_err(|error| Fault::json(source, error));
        }
        // Headers or a command stand above the lines; no line is empty, for each has its name.
        let lines = text.strip_suffix('\n').unwrap_or(&text);
        let (above, lines) =
            lines.rsplit_once("\n\n").map_or((0, lines), |(head, tail)| (head.matches('\n').count() + 2, tail));
        Self::new(lines.split('\n').map(str::to_owned).collect()).map_err(|JsonError { pointer, problem, .. }| {
            match pointer.trim_start_matches('/').parse::<usize>() {
                Ok(index) => Fault::of(source, format!("line {}: {problem}", above + index + 1)),
                Err(_) => Fault::of(source, problem),
            }
        })
    }

    /// Reads the canonical text that the core wrote.
    pub(super) fn of_text(text: &str) -> Self {
        Self(text.split('\n').map(str::to_owned).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What a proof over them signs.
    pub(super) fn digest(&self) -> [u8; 32] {
        sha256(self.0.join("\n").as_bytes())
    }

    /// The value of `headers.allow_list`.
    pub(super) fn covered(&self) -> Option<&str> {
        self.iter().find_map(|line| line.strip_prefix("headers.allow_list="))
    }

    /// Where a signer's lines are not those of the verifier, whose own these are.
    pub(super) fn differences<'a>(&'a self, signer: &'a Self) -> Vec<Difference<'a>> {
        let values = |line: &'a str| line.split_once('=').map_or("", |(_, value)| value);
        let lines = NAMES.iter().zip(signer.iter().zip(self.iter())).enumerate();
        lines
            .filter(|(_, (_, (signer, verifier)))| signer != verifier)
            .map(|(index, (name, (signer, verifier)))| Difference {
                line: index + 1,
                name,
                signer: values(signer),
                verifier: values(verifier),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use trustplane_core::{KeyBinding, Transcript};

    use super::*;

    #[test]
    fn the_names_are_those_that_the_core_writes() {
        let transcript = Transcript {
            method: "GET",
            scheme: "https",
            authority: "a",
            path: "/",
            audience: "a",
            route_id: "r",
            content_encoding: "identity",
            query: "",
            headers: &[],
            body_sha256: [0; 32],
            passport_jti: "j",
            nonce: "n",
            issued_at: 1,
            key_binding: KeyBinding::Software,
        };
        let text = transcript.text();
        let lines = Lines::of_text(&text);
        assert_eq!(Lines::new(text.split('\n').map(str::to_owned).collect()), Ok(lines.clone()));
        assert_eq!(lines.digest(), transcript.digest());
        assert_eq!(lines.covered(), Some(""));
    }
}

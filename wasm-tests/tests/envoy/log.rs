//! Envoy's access log: the decision and the audit event of each request.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The lines of a log by request id, oldest first.
pub struct Log {
    lines: BTreeMap<String, VecDeque<Line>>,
    size: usize,
}

/// What one line says; what the filter did not set is absent.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    request_id: Option<String>,
    /// The reason code in filter state.
    pub decision: Option<String>,
    /// The audit event in filter state.
    pub audit: Option<String>,
    /// Response code details.
    pub details: Option<String>,
}

impl Log {
    /// Reads a log that is complete: Envoy writes it in blocks, and the rest when it ends.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut lines: BTreeMap<String, VecDeque<Line>> = BTreeMap::new();
        let mut size = 0;
        for text in text.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            let line: Line = serde_json::from_slice(text)
                .map_err(|error| format!("{error} in the access log: {}", text.escape_ascii()))?;
            let id = line.request_id.clone().unwrap_or_default();
            lines.entry(id).or_default().push_back(line);
            size += 1;
        }
        Ok(Self { lines, size })
    }

    /// How many lines there were.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The oldest line of that request that was not yet taken; where the filter removed the request
    /// id, the one that tells of this `jti`.
    pub fn take(&mut self, request_id: &str, jti: Option<&str>) -> Option<Line> {
        if let Some(line) = self.lines.get_mut(request_id).and_then(VecDeque::pop_front) {
            return Some(line);
        }
        let member = format!("\"jti\":\"{}\"", jti?);
        let nameless = self.lines.get_mut("")?;
        let tells = |line: &Line| line.audit.as_ref().is_some_and(|audit| audit.contains(&member));
        nameless.iter().position(tells).and_then(|index| nameless.remove(index))
    }

    /// How many decisions the filter made, by reason.
    pub fn decisions(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for decision in self.lines.values().flatten().filter_map(|line| line.decision.clone()) {
            *counts.entry(decision).or_default() += 1;
        }
        counts
    }
}

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

    /// The oldest line of that request that was not yet taken.
    pub fn take(&mut self, request_id: &str) -> Option<Line> {
        self.lines.get_mut(request_id)?.pop_front()
    }
}

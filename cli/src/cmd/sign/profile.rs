use std::path::Path;

use serde::Deserialize;
use trustplane_core::{DocumentError, json};

use crate::exit::Fault;
use crate::input::Source;

/// What a signing profile says, as the official SDK reads it; other members are for others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    pub(super) state: String,
    pub(super) request_base_url: String,
    pub(super) kid: String,
    pub(super) subject: String,
    pub(super) trust_domain: String,
    pub(super) issuer: String,
    pub(super) route_id: String,
    pub(super) route_path: String,
    pub(super) method: String,
    pub(super) audience: String,
}

impl Profile {
    pub(super) fn read(path: &Path) -> Result<Self, Fault> {
        let source = Source::read(path)?;
        let profile: Self = json::decode(&source.value()?).map_err(|error| source.fault(error.into()))?;
        if profile.state != "active" {
            let problem = format!("expected \"active\", found {:?}", profile.state);
            return Err(source.fault(DocumentError::new("/state", problem)));
        }
        Ok(profile)
    }
}

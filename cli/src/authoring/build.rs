use serde::Serialize;
use trustplane_core::json::{self, Limits, Object, Position, Value};

use super::file::File;
use super::places::Places;
use super::types::Authoring;
use crate::bundle::{self, Kind};
use crate::exit::Fault;
use crate::value::{Json, compact, value};

/// Both documents of an authoring file, unsigned.
#[derive(Debug)]
pub struct Built {
    /// Which callers may use which route.
    pub policy: Json,
    /// Whose passports are believed.
    pub trust: Json,
    /// What was passed by.
    pub notes: Vec<String>,
    places: Places,
}

/// Makes both documents of an authoring file: the same file gives the same bytes.
pub fn build(file: File) -> Result<Built, Fault> {
    json::check_present(file.value()).map_err(|error| file.fault(error.into()))?;
    let authored: Authoring = json::decode(file.value()).map_err(|error| file.fault(error.into()))?;
    let mut maker = Maker { places: Places::of(file), notes: Vec::new() };
    let trust = maker.trust(&authored)?;
    let policy = maker.policy(&authored)?;
    let Maker { places, notes } = maker;
    let policy = bundle::build(Kind::Policy, policy).map_err(|error| places.fault(Kind::Policy, error))?;
    let trust = bundle::build(Kind::Trust, trust).map_err(|error| places.fault(Kind::Trust, error))?;
    Ok(Built { policy, trust, notes, places })
}

impl Built {
    /// File, pointer and position that places of one of the documents come from.
    pub fn places(&self, kind: Kind, pointers: &[String]) -> Vec<(String, String, Position)> {
        self.places.all(kind, pointers)
    }
}

/// What is learnt while the documents are made.
pub(super) struct Maker {
    pub(super) places: Places,
    pub(super) notes: Vec<String>,
}

/// The members of a struct, in its own order.
pub(super) fn members(written: &impl Serialize) -> Object<'static> {
    match json::parse(compact(written).as_bytes(), Limits::DOCUMENT).map(Value::into_owned) {
        Ok(Value::Object(members)) => members,
        // What is written are structs and maps of texts and numbers that were read before.
        _ => Object::new(),
    }
}

/// The name that an enum is written as.
pub(super) fn name_of(written: &impl Serialize) -> Json {
    value!(compact(written).trim_matches('"'))
}

use std::collections::HashMap;

/// From the places of a document to those of the files that it was made from.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<String, Origin>);

/// Where a part of a document comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// This place of the authoring file.
    Authored(String),
    /// This place of the key set with this number.
    KeySet(usize, String),
}

impl Origins {
    pub(super) fn add(&mut self, pointer: impl Into<String>, origin: Origin) {
        self.0.insert(pointer.into(), origin);
    }

    pub(super) fn authored(&mut self, pointer: impl Into<String>, origin: impl Into<String>) {
        self.add(pointer, Origin::Authored(origin.into()));
    }

    /// The origin of the value at `pointer`: that of the nearest part around it, and on from there.
    pub(super) fn find(&self, pointer: &str) -> Origin {
        let mut part = pointer;
        loop {
            match (self.0.get(part), part.rfind('/')) {
                (Some(Origin::Authored(place)), _) => {
                    return Origin::Authored(format!("{place}{}", &pointer[part.len()..]));
                }
                (Some(Origin::KeySet(number, place)), _) => {
                    return Origin::KeySet(*number, format!("{place}{}", &pointer[part.len()..]));
                }
                (None, Some(parent)) => part = &part[..parent],
                (None, None) => return Origin::Authored(pointer.to_owned()),
            }
        }
    }
}

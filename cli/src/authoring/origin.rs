/// From the places of a document to those of the files that it was made from.
#[derive(Debug)]
pub(super) struct Origins(Vec<(String, Origin)>);

/// Where a part of a document comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// This place of the authoring file.
    Authored(String),
    /// This place of the key set with this number.
    KeySet(usize, String),
}

impl Origins {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, pointer: impl Into<String>, origin: Origin) {
        self.0.push((pointer.into(), origin));
    }

    pub(super) fn authored(&mut self, pointer: impl Into<String>, origin: impl Into<String>) {
        self.add(pointer, Origin::Authored(origin.into()));
    }

    /// The origin of the value at `pointer`: that of the nearest part around it, and on from there.
    pub(super) fn find(&self, pointer: &str) -> Origin {
        let holds = |part: &str| pointer.strip_prefix(part).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let nearest = self.0.iter().filter_map(|(part, origin)| Some((part.len(), holds(part)?, origin)));
        match nearest.max_by_key(|(length, _, _)| *length) {
            Some((_, rest, Origin::Authored(place))) => Origin::Authored(format!("{place}{rest}")),
            Some((_, rest, Origin::KeySet(number, place))) => Origin::KeySet(*number, format!("{place}{rest}")),
            None => Origin::Authored(pointer.to_owned()),
        }
    }
}

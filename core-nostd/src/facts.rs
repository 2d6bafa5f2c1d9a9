use alloc::string::String;
use alloc::vec::Vec;

/// What a passport states about its caller: strings by name, as provenance and context carry them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts(Vec<(String, String)>);

impl Facts {
    /// Facts by name, each name once.
    pub const fn new(facts: Vec<(String, String)>) -> Self {
        Self(facts)
    }

    /// What is stated under this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(own, value)| (own == name).then_some(value))
    }

    /// Every fact, in the order of the passport.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

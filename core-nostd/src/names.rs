use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Values by name, found in logarithmic time.
///
/// Every index of the crate is one of these over the same tree type: a tree compiles to several KiB
/// for each type it holds, and the module has to be small. No hash map, because wasm has no entropy
/// to seed one with and names may be an attacker's.
#[derive(Clone, Debug)]
pub(crate) struct Names<V> {
    places: BTreeMap<Box<str>, usize>,
    values: Vec<V>,
}

impl<V> Names<V> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        self.places.get(name).and_then(|place| self.values.get(*place))
    }

    /// Adds a value; whether the name was not there before. One that was keeps its value.
    pub(crate) fn insert(&mut self, name: &str, value: V) -> bool {
        let fresh = !self.places.contains_key(name);
        if fresh {
            self.push(name, value);
        }
        fresh
    }

    /// The value of a name, made if it has none.
    pub(crate) fn entry(&mut self, name: &str, make: impl FnOnce() -> V) -> Option<&mut V> {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => self.push(name, make()),
        };
        self.values.get_mut(place)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.places.iter().filter_map(|(name, place)| Some((&**name, self.values.get(*place)?)))
    }

    fn push(&mut self, name: &str, value: V) -> usize {
        let place = self.values.len();
        self.places.insert(name.into(), place);
        self.values.push(value);
        place
    }
}

impl<V> Default for Names<V> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), values: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_of_a_name_stays() {
        let mut names = Names::default();
        assert!(names.insert("b", 1));
        assert!(!names.insert("b", 2));
        assert_eq!((names.get("b"), names.get("a")), (Some(&1), None));
        *names.entry("a", || 7).unwrap() += 1;
        *names.entry("a", || 7).unwrap() += 1;
        assert_eq!(names.iter().collect::<Vec<_>>(), [("a", &9), ("b", &1)]);
    }
}

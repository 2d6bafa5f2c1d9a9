use alloc::collections::BTreeMap;
use alloc::vec::Vec;

type Id = [u8; 32];

/// A map that knows which of its entries was used longest ago.
///
/// Ids come from callers, so it is a tree: nobody can choose ids that collide. The values lie beside
/// it, so that the trees are the same for every type of value and are compiled once.
pub(super) struct Recent<T> {
    entries: BTreeMap<Id, Entry>,
    /// When each entry was last used; no two at one time.
    order: BTreeMap<u64, Id>,
    values: Vec<Option<T>>,
    /// Places whose value is gone.
    free: Vec<usize>,
}

struct Entry {
    used_at: u64,
    place: usize,
}

impl<T> Recent<T> {
    pub(super) const fn new() -> Self {
        Self { entries: BTreeMap::new(), order: BTreeMap::new(), values: Vec::new(), free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry, which does not count as a use.
    pub(super) fn peek(&self, id: &Id) -> Option<&T> {
        self.values.get(self.entries.get(id)?.place)?.as_ref()
    }

    /// Marks the entry as used `now`, which must be later than any use before.
    pub(super) fn touch(&mut self, id: &Id, now: u64) -> Option<&mut T> {
        let entry = self.entries.get_mut(id)?;
        self.order.remove(&entry.used_at);
        self.order.insert(now, *id);
        entry.used_at = now;
        self.values.get_mut(entry.place)?.as_mut()
    }

    /// Adds or replaces an entry, used `now`.
    pub(super) fn insert(&mut self, id: Id, value: T, now: u64) {
        self.remove(&id);
        let place = self.free.pop().unwrap_or(self.values.len());
        match self.values.get_mut(place) {
            Some(free) => *free = Some(value),
            None => self.values.push(Some(value)),
        }
        self.order.insert(now, id);
        self.entries.insert(id, Entry { used_at: now, place });
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<T> {
        let entry = self.entries.remove(id)?;
        self.order.remove(&entry.used_at);
        self.free.push(entry.place);
        self.values.get_mut(entry.place)?.take()
    }

    /// When the entry that was used longest ago was used.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.order.first_key_value().map(|(used_at, _)| *used_at)
    }

    pub(super) fn remove_oldest(&mut self) -> Option<T> {
        let (_, id) = self.order.first_key_value()?;
        let id = *id;
        self.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut recent = Recent::new();
        for (now, name) in [(1, 'a'), (2, 'b'), (3, 'c')] {
            recent.insert([now; 32], name, u64::from(now));
        }
        assert_eq!(recent.touch(&[1; 32], 4), Some(&mut 'a'));
        assert_eq!(recent.peek(&[2; 32]), Some(&'b'));
        assert_eq!(recent.oldest(), Some(2));
        assert_eq!([(); 4].map(|()| recent.remove_oldest()), [Some('b'), Some('c'), Some('a'), None]);
    }

    #[test]
    fn both_trees_hold_the_same_entries_after_replacing_and_removing() {
        let mut recent = Recent::new();
        recent.insert([1; 32], 'a', 1);
        recent.insert([1; 32], 'b', 2);
        recent.insert([2; 32], 'c', 3);
        assert_eq!(recent.remove(&[2; 32]), Some('c'));
        assert_eq!(recent.remove(&[2; 32]), None);
        assert_eq!(recent.touch(&[2; 32], 4), None);
        assert_eq!((recent.len(), recent.order.len(), recent.oldest()), (1, 1, Some(2)));
        assert_eq!(recent.peek(&[1; 32]), Some(&'b'));
        recent.insert([3; 32], 'd', 5);
        assert_eq!((recent.peek(&[3; 32]), recent.values.len()), (Some(&'d'), 2), "a free place is taken again");
    }
}

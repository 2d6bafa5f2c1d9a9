use alloc::collections::BTreeMap;

type Id = [u8; 32];

/// A map that knows which of its entries was used longest ago.
///
/// Ids come from callers, so it is a tree: nobody can choose ids that collide.
pub(super) struct Recent<T> {
    entries: BTreeMap<Id, Entry<T>>,
    /// When each entry was last used; no two at one time.
    order: BTreeMap<u64, Id>,
}

struct Entry<T> {
    used_at: u64,
    value: T,
}

impl<T> Recent<T> {
    pub(super) const fn new() -> Self {
        Self { entries: BTreeMap::new(), order: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry, which does not count as a use.
    pub(super) fn peek(&self, id: &Id) -> Option<&T> {
        self.entries.get(id).map(|entry| &entry.value)
    }

    /// Marks the entry as used `now`, which must be later than any use before.
    pub(super) fn touch(&mut self, id: &Id, now: u64) -> Option<&mut T> {
        let entry = self.entries.get_mut(id)?;
        self.order.remove(&entry.used_at);
        self.order.insert(now, *id);
        entry.used_at = now;
        Some(&mut entry.value)
    }

    /// Adds or replaces an entry, used `now`.
    pub(super) fn insert(&mut self, id: Id, value: T, now: u64) {
        self.remove(&id);
        self.order.insert(now, id);
        self.entries.insert(id, Entry { used_at: now, value });
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<T> {
        let entry = self.entries.remove(id)?;
        self.order.remove(&entry.used_at);
        Some(entry.value)
    }

    /// When the entry that was used longest ago was used.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.order.first_key_value().map(|(used_at, _)| *used_at)
    }

    pub(super) fn remove_oldest(&mut self) -> Option<T> {
        let (_, id) = self.order.pop_first()?;
        self.entries.remove(&id).map(|entry| entry.value)
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
    }
}

use alloc::vec::Vec;

type Id = [u8; 32];

/// A map that knows which of its entries was used longest ago.
///
/// Ids come from callers, so they are found by order and not by hash: nobody can choose ids that
/// collide. The values lie beside them, so that all but a few lines are compiled once.
pub(super) struct Recent<T> {
    uses: Uses,
    values: Vec<Option<T>>,
}

/// Who was used when, as places in a list of values.
struct Uses {
    /// Places by id. A new one moves the rest: thousands of bytes, at a good signature of a new key.
    index: Vec<usize>,
    links: Vec<Link>,
    /// Places that nobody has.
    free: Vec<usize>,
    oldest: Option<usize>,
    latest: Option<usize>,
}

#[derive(Clone, Copy)]
struct Link {
    id: Id,
    used_at: u64,
    earlier: Option<usize>,
    later: Option<usize>,
}

impl<T> Recent<T> {
    pub(super) const fn new() -> Self {
        Self { uses: Uses::new(), values: Vec::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.uses.index.len()
    }

    /// The entry, which does not count as a use.
    pub(super) fn peek(&self, id: &Id) -> Option<&T> {
        self.values.get(self.uses.place(id)?)?.as_ref()
    }

    /// Marks the entry as used `now`, which no use before may be later than.
    pub(super) fn touch(&mut self, id: &Id, now: u64) -> Option<&mut T> {
        let place = self.uses.place(id)?;
        self.uses.unlink(place);
        self.uses.link(place, *id, now);
        self.values.get_mut(place)?.as_mut()
    }

    /// Adds or replaces an entry, used `now`.
    pub(super) fn insert(&mut self, id: Id, value: T, now: u64) {
        let place = self.uses.insert(id, now);
        match self.values.get_mut(place) {
            Some(held) => *held = Some(value),
            None => self.values.push(Some(value)),
        }
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<T> {
        let place = self.uses.remove(id)?;
        self.values.get_mut(place)?.take()
    }

    /// When the entry that was used longest ago was used.
    pub(super) fn oldest(&self) -> Option<u64> {
        Some(self.uses.links.get(self.uses.oldest?)?.used_at)
    }

    pub(super) fn remove_oldest(&mut self) -> Option<T> {
        let id = self.uses.links.get(self.uses.oldest?)?.id;
        self.remove(&id)
    }
}

impl Uses {
    const fn new() -> Self {
        Self { index: Vec::new(), links: Vec::new(), free: Vec::new(), oldest: None, latest: None }
    }

    /// Where the id stands in the index, or would.
    fn find(&self, id: &Id) -> Result<usize, usize> {
        self.index.binary_search_by(|place| self.links.get(*place).map(|link| &link.id).cmp(&Some(id)))
    }

    fn place(&self, id: &Id) -> Option<usize> {
        self.find(id).ok().and_then(|at| self.index.get(at)).copied()
    }

    /// A place of its own for the id, the latest used.
    fn insert(&mut self, id: Id, now: u64) -> usize {
        let place = match self.find(&id) {
            Ok(at) => {
                let place = self.index.get(at).copied().unwrap_or_default();
                self.unlink(place);
                place
            }
            Err(at) => {
                let place = self.free.pop().unwrap_or(self.links.len());
                self.index.insert(at, place);
                place
            }
        };
        self.link(place, id, now);
        place
    }

    fn remove(&mut self, id: &Id) -> Option<usize> {
        let place = self.index.remove(self.find(id).ok()?);
        self.unlink(place);
        self.free.push(place);
        Some(place)
    }

    /// Puts a place that is in no list at the end of it.
    fn link(&mut self, place: usize, id: Id, used_at: u64) {
        let link = Link { id, used_at, earlier: self.latest, later: None };
        match self.links.get_mut(place) {
            Some(free) => *free = link,
            None => self.links.push(link),
        }
        match self.latest.and_then(|latest| self.links.get_mut(latest)) {
            Some(earlier) => earlier.later = Some(place),
            None => self.oldest = Some(place),
        }
        self.latest = Some(place);
    }

    fn unlink(&mut self, place: usize) {
        let Some(Link { earlier, later, .. }) = self.links.get(place).copied() else {
            return;
        };
        match earlier.and_then(|place| self.links.get_mut(place)) {
            Some(link) => link.later = later,
            None => self.oldest = later,
        }
        match later.and_then(|place| self.links.get_mut(place)) {
            Some(link) => link.earlier = earlier,
            None => self.latest = earlier,
        }
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
    fn order_and_values_agree_after_replacing_and_removing() {
        let mut recent = Recent::new();
        recent.insert([1; 32], 'a', 1);
        recent.insert([1; 32], 'b', 2);
        recent.insert([2; 32], 'c', 3);
        assert_eq!(recent.remove(&[2; 32]), Some('c'));
        assert_eq!(recent.remove(&[2; 32]), None);
        assert_eq!(recent.touch(&[2; 32], 4), None);
        assert_eq!((recent.len(), recent.uses.free.len(), recent.oldest()), (1, 1, Some(2)));
        assert_eq!(recent.peek(&[1; 32]), Some(&'b'));
        recent.insert([3; 32], 'd', 5);
        assert_eq!((recent.peek(&[3; 32]), recent.values.len()), (Some(&'d'), 2), "a free place is taken again");
    }

    #[test]
    fn it_does_as_a_plain_list_does() {
        let mut recent = Recent::new();
        let mut model: Vec<(Id, u64, u64)> = Vec::new();
        let mut state = 1_u64;
        for now in 1..5_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let [name, what, ..] = state.to_be_bytes();
            let id = [name % 40; 32];
            match what % 4 {
                0 => {
                    model.retain(|(other, ..)| *other != id);
                    model.push((id, now, now));
                    recent.insert(id, now, now);
                }
                1 => {
                    let at = model.iter().position(|(other, ..)| *other == id);
                    let moved = at.map(|at| model.remove(at));
                    assert_eq!(recent.touch(&id, now).copied(), moved.map(|(_, value, _)| value));
                    model.extend(moved.map(|(id, value, _)| (id, value, now)));
                }
                2 => {
                    let at = model.iter().position(|(other, ..)| *other == id);
                    assert_eq!(recent.remove(&id), at.map(|at| model.remove(at).1));
                }
                _ if name < 32 => {
                    let oldest = (!model.is_empty()).then(|| model.remove(0).1);
                    assert_eq!(recent.remove_oldest(), oldest);
                }
                _ => {
                    assert_eq!(recent.peek(&id).copied(), model.iter().find(|(other, ..)| *other == id).map(|it| it.1))
                }
            }
            assert_eq!((recent.len(), recent.oldest()), (model.len(), model.first().map(|(_, _, used_at)| *used_at)));
        }
    }
}

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The connections that are open, by the user at their other end.
///
/// One user may fill every slot, but no user is turned away below `fair_share` for the sake of one
/// that holds more: the connection of such a one that has waited longest for its line gives way.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: usize,
    fair_share: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    taken: usize,
    next: u64,
    users: HashMap<User, Held>,
}

/// A user id; those that cannot be known share one.
type User = Option<u32>;

#[derive(Debug, Default)]
struct Held {
    count: usize,
    /// Connections without a full line yet, oldest first.
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// One connection's slot, given back when dropped.
#[derive(Debug)]
pub struct Slot {
    shared: Arc<Shared>,
    user: User,
    number: u64,
    serving: bool,
    evicted: Arc<Notify>,
}

impl Slots {
    /// `total` slots, of which every user can have `fair_share`.
    pub fn new(total: usize, fair_share: usize) -> Self {
        Self(Arc::new(Shared { total, fair_share, table: Mutex::default() }))
    }

    /// A slot for a connection of `user`, or `None` when there is none for it.
    pub fn take(&self, user: User) -> Option<Slot> {
        let mut table = self.0.lock();
        let held = table.users.get(&user).map_or(0, |held| held.count);
        if table.taken >= self.0.total && (held >= self.0.fair_share || !table.evict(self.0.fair_share)) {
            return None;
        }
        table.taken = table.taken.saturating_add(1);
        table.next = table.next.saturating_add(1);
        let number = table.next;
        let evicted = Arc::new(Notify::new());
        let held = table.users.entry(user).or_default();
        held.count = held.count.saturating_add(1);
        held.waiting.insert(number, Arc::clone(&evicted));
        drop(table);
        Some(Slot { shared: Arc::clone(&self.0), user, number, serving: false, evicted })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.0.lock().taken
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Makes the user that holds most give one up; its slot is free at once, its answer still under way.
    fn evict(&mut self, fair_share: usize) -> bool {
        let most = self.users.iter_mut().filter(|(_, held)| held.count > fair_share && !held.waiting.is_empty());
        let Some((&user, held)) = most.max_by_key(|(_, held)| held.count) else {
            return false;
        };
        let Some((_, evicted)) = held.waiting.pop_first() else {
            return false;
        };
        self.give_back(user);
        // One permit is stored: the connection sees it even if it is not waiting at this moment.
        evicted.notify_one();
        true
    }

    fn stop_waiting(&mut self, user: User, number: u64) -> bool {
        self.users.get_mut(&user).is_some_and(|held| held.waiting.remove(&number).is_some())
    }

    fn give_back(&mut self, user: User) {
        self.taken = self.taken.saturating_sub(1);
        if let Some(held) = self.users.get_mut(&user) {
            held.count = held.count.saturating_sub(1);
            if held.count == 0 {
                self.users.remove(&user);
            }
        }
    }
}

impl Slot {
    /// Waits until this connection has to give way; never ends for one that is being served.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// From now on the connection is being served and gives way no more; `false` if it had to before.
    pub fn serve(&mut self) -> bool {
        let mut table = self.shared.lock();
        self.serving = table.stop_waiting(self.user, self.number);
        self.serving
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = self.shared.lock();
        // An evicted one was given back by whoever evicted it.
        if self.serving || table.stop_waiting(self.user, self.number) {
            table.give_back(self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: User = Some(1000);
    const B: User = Some(1001);

    fn take(slots: &Slots, user: User, count: usize) -> Vec<Slot> {
        (0..count).map(|_| slots.take(user).unwrap()).collect()
    }

    #[test]
    fn one_user_alone_can_have_every_slot_and_no_more() {
        let slots = Slots::new(4, 2);
        let held = take(&slots, A, 4);
        assert!(slots.take(A).is_none());
        drop(held);
        assert_eq!(slots.taken(), 0);
        assert!(slots.take(A).is_some());
    }

    #[tokio::test]
    async fn the_longest_waiting_connection_of_a_greedy_user_gives_way() {
        let slots = Slots::new(4, 2);
        let mut greedy = take(&slots, A, 4);
        assert!(greedy[0].serve(), "being served, it stays");
        let fair = take(&slots, B, 2);
        greedy[1].evicted().await;
        greedy[2].evicted().await;
        assert!(!greedy[1].serve());
        assert!(slots.take(B).is_none(), "both have their share");
        assert!(slots.take(A).is_none());
        assert_eq!(slots.taken(), 4);
        drop(greedy);
        assert_eq!(slots.taken(), 2, "an evicted slot is given back once");
        drop(fair);
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn a_user_that_holds_no_more_than_its_share_keeps_it() {
        let slots = Slots::new(4, 2);
        let _a = take(&slots, A, 2);
        let _b = take(&slots, B, 2);
        assert!(slots.take(None).is_none());
    }

    #[test]
    fn connections_that_are_being_served_are_not_cut_off() {
        let slots = Slots::new(2, 1);
        let mut held = take(&slots, A, 2);
        assert!(held.iter_mut().all(Slot::serve));
        assert!(slots.take(B).is_none());
    }
}

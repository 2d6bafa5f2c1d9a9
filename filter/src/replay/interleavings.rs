//! Every interleaving of the host calls that workers make, under each host's rules.
//!
//! A worker is run again from its start for each of its steps, fed with the answers it had so far,
//! until it makes a call it has no answer for; that call is its next step. So the code under test is
//! the code that ships, and a state is the host's table with each worker's answers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use trustplane_core::{Consumed, UnixTime};

use super::shared::{SharedStore, Ticket};
use crate::data::SharedData;
use crate::data::rules::{Rules, Table};

const NOW: UnixTime = UnixTime::from_secs(1_740_000_000);
const STORE: SharedStore = SharedStore { cold_margin_seconds: 2, bucket_bytes: 16_384 };

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Answer {
    Got(Result<(Vec<u8>, u32), u32>),
    Set(u32),
}

#[derive(Debug)]
enum Call {
    Get(String),
    Set(String, Vec<u8>, u32),
}

/// Replays the answers, then notes the first call without one.
struct Script<'a> {
    answers: RefCell<std::slice::Iter<'a, Answer>>,
    next: RefCell<Option<Call>>,
}

impl Script<'_> {
    fn stop(&self, call: Call) -> u32 {
        self.next.borrow_mut().get_or_insert(call);
        u32::MAX
    }
}

impl SharedData for Script<'_> {
    fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32> {
        match self.answers.borrow_mut().next() {
            Some(Answer::Got(answer)) => answer.clone(),
            Some(Answer::Set(_)) => panic!("the worker's steps changed"),
            None => Err(self.stop(Call::Get(key.to_owned()))),
        }
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> u32 {
        match self.answers.borrow_mut().next() {
            Some(Answer::Set(status)) => *status,
            Some(Answer::Got(_)) => panic!("the worker's steps changed"),
            None => self.stop(Call::Set(key.to_owned(), value.to_vec(), cas)),
        }
    }
}

type State = (Table, Vec<Vec<Answer>>);

/// Visits every state that any order of steps can reach; hands each end to `check`.
fn explore<R>(start: Table, workers: &[&dyn Fn(&Script<'_>) -> R], mut check: impl FnMut(Table, Vec<R>)) -> usize {
    let mut open: Vec<State> = vec![(start, vec![Vec::new(); workers.len()])];
    let mut seen = BTreeSet::new();
    let mut ends = 0;
    while let Some(state) = open.pop() {
        if !seen.insert(state.clone()) {
            continue;
        }
        let (table, answers) = state;
        let mut results = Vec::new();
        for (index, worker) in workers.iter().enumerate() {
            let script = Script { answers: RefCell::new(answers[index].iter()), next: RefCell::new(None) };
            let result = worker(&script);
            let Some(call) = script.next.into_inner() else {
                results.push(result);
                continue;
            };
            let (mut table, mut answers) = (table.clone(), answers.clone());
            answers[index].push(match call {
                Call::Get(key) => Answer::Got(table.get(&key)),
                Call::Set(key, value, cas) => Answer::Set(table.set(&key, &value, cas)),
            });
            open.push((table, answers));
        }
        if results.len() == workers.len() {
            ends += 1;
            check(table, results);
        }
    }
    ends
}

/// Passports `ids`, one a worker, all in one bucket: exactly one `Fresh` each, and none is lost.
fn race(start: &Table, ids: &[u8]) {
    let tickets: Vec<Ticket> = ids.iter().map(|id| ticket(*id)).collect();
    let workers: Vec<_> =
        tickets.iter().map(|ticket| move |script: &Script<'_>| STORE.consume_ticket(script, ticket, NOW)).collect();
    let workers: Vec<&dyn Fn(&Script<'_>) -> Consumed> = workers.iter().map(|worker| worker as _).collect();
    let ends = explore(start.clone(), &workers, |table, results| {
        let mut fresh = BTreeMap::new();
        for (id, result) in ids.iter().zip(&results) {
            assert!(matches!(result, Consumed::Fresh | Consumed::Replayed), "{ids:?} {results:?}");
            *fresh.entry(*id).or_insert(0) += u32::from(*result == Consumed::Fresh);
        }
        assert!(fresh.values().all(|count| *count == 1), "{ids:?} {results:?}");
        let table = RefCell::new(table);
        for id in ids {
            let again = STORE.consume_ticket(&Plain(&table), &ticket(*id), NOW);
            assert_eq!(again, Consumed::Replayed, "passport {id} was lost");
        }
    });
    assert!(ends > 0);
}

struct Plain<'a>(&'a RefCell<Table>);

impl SharedData for Plain<'_> {
    fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32> {
        self.0.borrow().get(key)
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> u32 {
        self.0.borrow_mut().set(key, value, cas)
    }
}

fn ticket(id: u8) -> Ticket {
    let mut bytes = [0; 32];
    bytes[0] = id;
    Ticket { id: bytes, issued_at: NOW, keep_until: NOW.plus(600) }
}

/// A store that began a minute ago, and one whose bucket already holds a live and an expired entry.
fn starts() -> impl Iterator<Item = Table> {
    Rules::ALL.into_iter().flat_map(|rules| {
        let empty = RefCell::new(Table::new(rules));
        assert_eq!(STORE.begin(&Plain(&empty), NOW.minus(60)), Some(NOW.minus(60)));
        let used = empty.clone();
        for (id, keep_until) in [(200, NOW.minus(1)), (201, NOW.plus(9))] {
            let ticket = Ticket { keep_until, ..ticket(id) };
            assert_eq!(STORE.consume_ticket(&Plain(&used), &ticket, NOW.minus(5)), Consumed::Fresh);
        }
        [empty.into_inner(), used.into_inner()]
    })
}

#[test]
fn two_workers_admit_each_passport_exactly_once() {
    for start in starts() {
        race(&start, &[1, 1]);
        race(&start, &[1, 2]);
    }
}

#[test]
fn three_workers_admit_each_passport_exactly_once() {
    for start in starts() {
        race(&start, &[1, 1, 1]);
        race(&start, &[1, 1, 2]);
        race(&start, &[1, 2, 3]);
    }
}

#[test]
fn workers_that_begin_together_agree_on_one_moment() {
    for rules in Rules::ALL {
        let begin = |later| move |script: &Script<'_>| STORE.begin(script, NOW.plus(later));
        let (first, second, third) = (begin(0), begin(1), begin(2));
        let ends = explore(Table::new(rules), &[&first, &second, &third], |table, moments| {
            let moment = STORE.begin(&Plain(&RefCell::new(table)), NOW.plus(9));
            assert!(moment.is_some() && moments.iter().all(|other| *other == moment), "{moments:?}");
        });
        assert!(ends >= 3);
    }
}

/// What the store does is needed: under the rules of Envoy's host, reading and then storing with 0
/// admits a passport twice. It also shows that the search above finds such a fault.
#[test]
fn a_plain_get_then_set_admits_twice_on_envoy() {
    let naive = |script: &Script<'_>| match script.get("id") {
        Ok(_) => Consumed::Replayed,
        Err(_) => match script.set("id", b"", 0) {
            0 => Consumed::Fresh,
            _ => Consumed::Unavailable,
        },
    };
    let mut worst = BTreeMap::new();
    for rules in Rules::ALL {
        explore(Table::new(rules), &[&naive, &naive], |_, results| {
            let fresh = results.iter().filter(|result| **result == Consumed::Fresh).count();
            let most = worst.entry(rules).or_insert(0);
            *most = fresh.max(*most);
        });
    }
    assert_eq!(worst, BTreeMap::from([(Rules::Cpp, 2), (Rules::Mosn, 1), (Rules::Ngx, 1)]));
}

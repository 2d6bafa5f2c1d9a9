use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::LocalSet;
use trustplane::clock;
use trustplane_wasm_tests::load::{Lane, Order};
use trustplane_wasm_tests::store::Fallible;

use crate::report::{Row, grouped};
use crate::site::Site;

/// How many present one passport at once.
pub const PRESENTERS: usize = 32;
/// Races under way at a time: between two of them the workers would have nothing to do.
const GROUPS: usize = 4;
/// A worker accepts a connection at once.
const ACCEPT: Duration = Duration::from_secs(10);

/// A connection, and the worker that has it.
struct Presenter {
    lane: Lane,
    worker: usize,
}

#[derive(Default)]
struct Tally {
    words: BTreeMap<String, u64>,
    /// Passports by how often they were admitted.
    admitted: BTreeMap<usize, u64>,
    /// Races of which two workers decided a tenth each.
    shared: u64,
    /// Answers and admissions by worker.
    decided: Vec<u64>,
    won: Vec<u64>,
}

/// Presents each passport on 32 connections at once: exactly one of them must be admitted.
pub fn run(row: &mut Row, site: &Site, runtime: &Runtime, passports: u64) -> Fallible<()> {
    site.await_open(runtime)?;
    let (before, local) = (site.upstream.count(), LocalSet::new());
    let workers = site.envoys.len() * usize::try_from(site.plan.workers)?;
    let began = Cell::new(Instant::now());
    let tally = local.block_on(runtime, async {
        let mut groups = Vec::new();
        for _ in 0..GROUPS {
            groups.push(presenters(site).await?);
        }
        let empty = || vec![0; workers];
        let tally = Rc::new(RefCell::new(Tally { decided: empty(), won: empty(), ..Tally::default() }));
        let left = Rc::new(Cell::new(passports));
        began.set(Instant::now());
        let tasks: Vec<_> = groups
            .into_iter()
            .map(|group| {
                let (callers, tally, left) = (Arc::clone(&site.callers), Rc::clone(&tally), Rc::clone(&left));
                tokio::task::spawn_local(async move {
                    let mut group = group;
                    while left.get() > 0 {
                        left.set(left.get() - 1);
                        let order = Order::new(callers.number(), &Arc::from([]), clock::now());
                        let words = present(&mut group, &callers.sign(&order)?).await?;
                        tally.borrow_mut().add(&group, words);
                    }
                    Fallible::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Fallible::Ok(tally)
    })?;
    let seconds = began.get().elapsed().as_secs_f64();
    tally.borrow().tell(row, passports);
    row.expect("upstream saw", &grouped(site.upstream.count() - before), &grouped(passports));
    row.expect("upstream saw twice", &site.upstream.repeated(), &0);
    #[expect(clippy::cast_precision_loss, reason = "a rate for reading")]
    row.fact("presented a second", format!("{:.0}", (passports * 32) as f64 / seconds));
    Ok(())
}

async fn present(group: &mut [Presenter], wire: &trustplane_wasm_tests::load::Wire) -> Fallible<Vec<String>> {
    for presenter in &mut *group {
        presenter.lane.write(wire).await?;
    }
    let mut words = Vec::with_capacity(group.len());
    for presenter in group {
        words.push(presenter.lane.read().await?.word());
    }
    Ok(words)
}

/// Connections to every Envoy in turn. Which worker took one shows in Envoy's own count.
async fn presenters(site: &Site) -> Fallible<Vec<Presenter>> {
    let addresses = site.addresses()?;
    let mut presenters = Vec::new();
    for number in 0..PRESENTERS {
        let envoy = number % addresses.len();
        let before = site.worker_connections(envoy).await?;
        let (lane, worker) = open(site, envoy, addresses[envoy], &before).await?;
        presenters.push(Presenter { lane, worker: envoy * before.len() + worker });
    }
    Ok(presenters)
}

async fn open(site: &Site, envoy: usize, address: SocketAddr, before: &[u64]) -> Fallible<(Lane, usize)> {
    let (lane, began) = (Lane::open(address).await?, Instant::now());
    loop {
        let after = site.worker_connections(envoy).await?;
        if let Some(worker) = after.iter().zip(before).position(|(after, before)| after > before) {
            return Ok((lane, worker));
        }
        if began.elapsed() > ACCEPT {
            return Err("no worker took a connection".into());
        }
    }
}

impl Tally {
    fn add(&mut self, group: &[Presenter], words: Vec<String>) {
        let (mut admitted, mut shares) = (0, vec![0; self.decided.len()]);
        for (presenter, word) in group.iter().zip(words) {
            shares[presenter.worker] += 1;
            if word == "200" {
                admitted += 1;
                self.won[presenter.worker] += 1;
            }
            *self.words.entry(word).or_default() += 1;
        }
        *self.admitted.entry(admitted).or_default() += 1;
        let took_part = shares.iter().filter(|share| **share * 10 >= group.len()).count();
        self.shared += u64::from(took_part >= 2);
        for (all, share) in self.decided.iter_mut().zip(shares) {
            *all += u64::try_from(share).unwrap_or(u64::MAX);
        }
    }

    fn tell(&self, row: &mut Row, passports: u64) {
        let times = |times| self.admitted.get(&times).copied().unwrap_or_default();
        let (never, once) = (times(0), times(1));
        row.expect("admitted exactly once", &grouped(once), &grouped(passports));
        row.expect("admitted twice or more", &grouped(passports - never - once), &grouped(0));
        row.expect("never admitted", &grouped(never), &grouped(0));
        for (word, count) in &self.words {
            row.fact(&format!("answered {word}"), grouped(*count));
            row.must(matches!(word.as_str(), "200" | "403 jti_replay"), || format!("an answer {word}"));
        }
        row.expect("races on two workers or more", &grouped(self.shared), &grouped(passports));
        let all: u64 = self.decided.iter().sum();
        let shares = |of: &[u64]| of.iter().map(|one| grouped(*one)).collect::<Vec<_>>().join(" + ");
        row.fact("decided by each worker", shares(&self.decided));
        row.fact("admitted by each worker", shares(&self.won));
        let took_part = self.decided.iter().filter(|share| **share * 10 >= all).count();
        row.must(took_part >= 2, || "no race: one worker decided nearly all".into());
    }
}

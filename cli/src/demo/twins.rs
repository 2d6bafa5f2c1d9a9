use super::race::{PRESENTERS, at_once, broken, connect, expected, outcomes};
use super::row::Row;
use crate::clock;
use crate::envoy::{Envoy, Launch, find_binary};
use crate::exit::Fault;
use crate::local::{AdapterLaunch, AdapterProcess, Draft, Gate, Store, Up, UpOptions};

/// Two Envoys or adapters in front of one upstream, with one memory: a real Redis, which the replay
/// service asks, or each adapter itself.
#[derive(Debug)]
pub(crate) struct Twins {
    // It ends before the stack whose service and upstream it shares.
    second: Gate,
    first: Up,
}

impl Twins {
    /// The stack that both share.
    pub(crate) fn options(of: &UpOptions) -> UpOptions {
        UpOptions { store: Store::Redis, broker: None, ..of.clone() }
    }

    /// Starts a second one beside that stack. Blocks.
    pub(crate) fn start(first: Up, options: &UpOptions) -> Result<Self, Fault> {
        let folder = first.state_dir().join("second");
        std::fs::create_dir(&folder).map_err(|err| Fault::file(&folder, err))?;
        let second = match (first.adapter(), &first.paths().envoy) {
            (Some(launch), _) => Gate::Adapter(AdapterProcess::start(&AdapterLaunch {
                port: 0,
                audit_log: folder.join("audit.jsonl"),
                log: folder.join("adapter.log"),
                ..launch.clone()
            })?),
            (None, Some(envoy)) => {
                let binary = find_binary(options.envoy_bin.as_deref(), std::env::var_os("PATH").as_deref());
                let launch = Launch {
                    binary: binary.map_err(|err| Fault::new(err.to_string()))?,
                    config: envoy.config.clone(),
                    folder,
                    workers: options.workers,
                };
                Gate::Envoy(Envoy::start(&launch).map_err(|err| Fault::new(err.to_string()))?)
            }
            (None, None) => return Err(Fault::new("the first stack has nothing that decides")),
        };
        Ok(Self { second, first })
    }

    /// How many requests the service behind both has seen.
    pub(crate) fn upstream_count(&self) -> u64 {
        self.first.upstream().count()
    }
}

/// One passport at both at once: exactly one presentation must pass, whichever it reaches.
pub(super) async fn race(twins: &Twins) -> Result<Row, Fault> {
    let Twins { first, second } = twins;
    let other = second.listener().ok_or_else(|| Fault::new("Envoy reports no listener of ours"))?;
    let message = first.caller().sign(&Draft::get("/orders/7"), first.listener(), clock::now())?;
    let taken = async || -> Result<[u64; 2], Fault> {
        let here = first.gate().shares().await.map_err(broken)?;
        let there = second.shares().await.map_err(broken)?;
        Ok([here.iter().sum(), there.iter().sum()])
    };
    let (taken_before, seen_before) = (taken().await?, twins.upstream_count());
    let connections = connect(&[first.listener(), other].repeat(PRESENTERS / 2)).await.map_err(broken)?;
    let (answers, took) = at_once(connections, message).await;
    let taken_after = taken().await?;
    let row = Row::of(
        &format!("one passport, {PRESENTERS} times at 2 {}", second.plural()),
        (expected(), 1),
        (outcomes(&answers), twins.upstream_count() - seen_before),
        took,
    );
    Ok(row.raced(second.plural(), &[0, 1].map(|one: usize| taken_after[one] - taken_before[one])))
}

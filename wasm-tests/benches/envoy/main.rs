//! What authorising a request costs: our filter beside Envoy's own, in one real Envoy.
//!
//! Envoy has one worker on one core; everything else, load included, runs on another. Rounds are
//! interleaved, and every row is first and last shown what it must refuse.

mod authz;
mod figures;
mod picture;
mod rows;
mod tokens;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{env, fs, io, thread};

use clap::Parser;
use serde_json::{Map, Value, json};
use trustplane::envoy::{Envoy, ReplayService, find_binary};
use trustplane_core::{KeyCacheSettings, UnixTime, hex, sha256};
use trustplane_wasm_tests::load::cpu::{self, Clock};
use trustplane_wasm_tests::load::site::{self, Gate};
use trustplane_wasm_tests::load::{self, Callers};
use trustplane_wasm_tests::store::{Redis, Service};

use crate::figures::{Figures, Measured};
use crate::rows::{Row, WARM_UP};
use crate::tokens::Signer;

/// After a start the filter refuses passports that are not younger than it.
const COLD: Duration = Duration::from_secs(4);

#[derive(Parser)]
struct Args {
    /// The filter to measure.
    #[arg(long, default_value = "target/wasm32-unknown-unknown/release/trustplane_filter.wasm")]
    filter: PathBuf,
    /// Another build of the filter, to measure beside it.
    #[arg(long)]
    against: Option<PathBuf>,
    /// Envoy, if not the one on PATH.
    #[arg(long)]
    envoy_bin: Option<PathBuf>,
    /// Rounds; an odd number has a median. They are short and many: what a host's other guests do
    /// comes and goes within seconds.
    #[arg(long, default_value_t = 21)]
    rounds: u32,
    /// Divides the requests of every row, for a try.
    #[arg(long, default_value_t = 1)]
    divide: usize,
    /// Only this row, and those it is compared with. May be repeated.
    #[arg(long)]
    only: Vec<String>,
    /// Ends with one JSON object.
    #[arg(long)]
    json: bool,
    /// Writes a picture.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Cargo's.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What every round needs.
struct Bench {
    envoy: Envoy,
    envoy_clock: Clock,
    helpers: BTreeMap<&'static str, Vec<Clock>>,
    /// They end with the bench.
    _store: (Service, Redis),
    callers: Callers,
    divide: usize,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("bench: {err}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let module = module_file(&args.filter)?;
    let shipped = fs::read(&module)?;
    let binary = find_binary(args.envoy_bin.as_deref(), env::var_os("PATH").as_deref()).map_err(io::Error::other)?;
    let folder = env::temp_dir().join(format!("trustplane-bench-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let measured = measure(args, &binary, &module, &folder);
    fs::remove_dir_all(&folder)?;
    let (rows, rounds, version) = measured?;

    let mut figures = Figures::new(&rows);
    rounds.into_iter().for_each(|round| figures.add(round));
    let context = [
        ("date", now().rfc3339()),
        ("machine", cpu::machine()),
        ("envoy", version),
        ("filter_sha256", hex(&sha256(&shipped))),
        ("command", "just bench".into()),
    ];
    println!("{}", figures.table());
    for (name, value) in &context {
        println!("{name}: {value}");
    }
    if let Some(svg) = &args.svg {
        let caption: Vec<_> = context.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        fs::write(root().join(svg), picture::draw(&figures, &caption)).map_err(|err| named(svg, err))?;
    }
    if args.json {
        let context: Map<_, _> =
            context.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        println!("{}", figures.to_json(context));
    }
    Ok(())
}

/// Cargo starts benches in the package's folder; files are named from the repository's.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn module_file(path: &Path) -> io::Result<PathBuf> {
    root().join(path).canonicalize().map_err(|err| named(path, err))
}

type Round = BTreeMap<&'static str, Measured>;

fn measure(args: &Args, binary: &Path, module: &Path, folder: &Path) -> io::Result<(Vec<Row>, Vec<Round>, String)> {
    let mut rows = selected(&args.only);
    if args.against.is_none() {
        rows.retain(|row| row.name != rows::OTHER);
    }
    let other = args.against.as_deref().map(module_file).transpose()?;
    let mut bench = Bench::start(binary, module, other.as_deref(), folder, args.divide)?;
    thread::sleep(COLD);
    for row in &rows {
        bench.load(row, WARM_UP)?;
        bench.check(row)?;
    }
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        eprintln!("round {number} of {}", args.rounds);
        let mut round = Round::new();
        for row in &rows {
            round.insert(row.name, bench.load(row, (row.total / bench.divide).max(1))?);
        }
        rounds.push(round);
    }
    // By now every key has its table.
    for row in &rows {
        bench.check(row)?;
    }
    Ok((rows, rounds, bench.envoy.version().to_owned()))
}

fn selected(only: &[String]) -> Vec<Row> {
    let all = rows::rows();
    if only.is_empty() {
        return all;
    }
    let asked = |row: &Row| only.iter().any(|name| name == row.name) || [rows::EDDSA, rows::OTHER].contains(&row.name);
    let wanted: Vec<_> = all.iter().filter(|row| asked(row)).flat_map(|row| [row.name, row.baseline]).collect();
    all.into_iter().filter(|row| wanted.contains(&row.name)).collect()
}

impl Bench {
    fn start(binary: &Path, module: &Path, other: Option<&Path>, folder: &Path, divide: usize) -> io::Result<Self> {
        cpu::pin(cpu::OTHERS)?;
        let callers = Callers::new()?;
        let mut configuration = callers.configuration(now());
        let store = store(folder)?;
        let socket = store.0.socket();
        configuration["replay"] = json!({
            "store": "callout",
            "cluster": ReplayService::CLUSTER,
            "authority": ReplayService::AUTHORITY,
            "timeout_ms": 1000,
        });
        let callout = Gate::Callout { module: module.to_owned(), configuration: configuration.to_string(), socket };
        let configuration = callers.configuration(now()).to_string();
        let noop = folder.join("noop.wasm");
        fs::write(&noop, wat::parse_str(include_str!("noop.wat")).map_err(io::Error::other)?)?;

        let tables = KeyCacheSettings::default();
        let mut helpers = BTreeMap::new();
        let mut service = |name, keys| {
            let socket = folder.join(name);
            helpers.insert(name, vec![authz::start(configuration.clone(), keys, &socket)?]);
            io::Result::Ok((name, Gate::Service { socket }))
        };
        let service_with_tables = service("service", tables)?;
        let service_without = service("service-plain", KeyCacheSettings { max_bytes: 0, ..tables })?;
        let open = folder.join("service-open");
        helpers.insert("service-open", vec![authz::start_open(&open)?]);
        helpers.insert("callout", vec![Clock::Process(store.0.pid()), Clock::Process(store.1.pid())]);
        let jwt = |name, signer: Signer, cache| (name, Gate::Jwt { provider: signer.provider(cache) });
        let other = other
            .map(|module| ("other", Gate::Wasm { module: module.to_owned(), configuration: configuration.clone() }));
        let gates = [
            ("open", Gate::Open),
            ("buffer", Gate::Buffer),
            ("noop", Gate::Wasm { module: noop, configuration: String::new() }),
            ("trustplane", Gate::Wasm { module: module.to_owned(), configuration }),
            jwt("jwt-eddsa", Signer::eddsa(1), false),
            jwt("jwt-eddsa-cached", Signer::eddsa(1), true),
            jwt("jwt-es256", Signer::es256(1), false),
            jwt("jwt-es256-cached", Signer::es256(1), true),
            service_with_tables,
            service_without,
            ("service-open", Gate::Service { socket: open }),
            ("callout", callout),
        ];
        let gates: Vec<_> = gates.into_iter().chain(other).collect();
        let envoy = site::start(binary, folder, &gates)?;
        let envoy_clock = Clock::Process(envoy.pid());
        Ok(Self { envoy, envoy_clock, helpers, _store: store, callers, divide })
    }

    /// Signs, then sends; every answer must be the row's.
    fn load(&mut self, row: &Row, total: usize) -> io::Result<Measured> {
        let address = site::address(&self.envoy, row.gate)?;
        let wires = row.requests(&self.callers, total, now())?;
        let helpers = self.helpers.get(row.gate).map_or(&[][..], Vec::as_slice);
        let clocks = || -> io::Result<(Duration, Duration)> {
            Ok((self.envoy_clock.now()?, helpers.iter().map(Clock::now).sum::<io::Result<_>>()?))
        };
        let before = clocks()?;
        let seen = load::run(address, wires, total)?;
        let after = clocks()?;
        if seen.statuses != BTreeMap::from([(row.status, total)]) {
            return Err(io::Error::other(format!("{}: of {total} requests: {:?}", row.name, seen.statuses)));
        }
        Ok(Measured::new(&seen, after.0 - before.0, after.1 - before.1))
    }

    /// What the row must refuse, it refuses.
    fn check(&mut self, row: &Row) -> io::Result<()> {
        let address = site::address(&self.envoy, row.gate)?;
        for (refusal, status) in &row.refusals {
            let mut wires = row.refused(*refusal, &self.callers, now())?;
            let last = wires.pop().into_iter().collect();
            if !wires.is_empty() {
                let total = wires.len();
                load::run(address, wires, total)?;
            }
            let seen = load::run(address, last, 1)?;
            if seen.statuses != BTreeMap::from([(*status, 1)]) {
                return Err(io::Error::other(format!("{}, {refusal:?}: {:?}", row.name, seen.statuses)));
            }
        }
        Ok(())
    }
}

/// A real Redis, and the replay service in front of it.
fn store(folder: &Path) -> io::Result<(Service, Redis)> {
    let start = || {
        let redis = Redis::start(&folder.join("redis"), &[])?;
        Ok((Service::start(&folder.join("service-replay"), &redis.socket(), &[])?, redis))
    };
    start().map_err(|err: Box<dyn std::error::Error + Send + Sync>| io::Error::other(err))
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}

fn named(path: &Path, err: io::Error) -> io::Error {
    io::Error::new(err.kind(), format!("{}: {err}", path.display()))
}

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use trustplane::clock;
use trustplane_wasm_tests::load::{Callers, Flaw, Lane, Order};
use trustplane_wasm_tests::store::Fallible;

use crate::report::{Row, grouped};
use crate::site::Site;

/// Connections at a time.
const LANES: u64 = 16;

/// Ways to present another's passport, and what each is answered.
const TRIES: [(Flaw, &str); 4] = [
    (Flaw::Proof, "403 invalid_request_proof"),
    (Flaw::Subject, "403 source_subject_mismatch"),
    (Flaw::Issuer, "401 invalid_passport_signature"),
    (Flaw::Target, "403 request_binding_mismatch"),
];

/// The id of each passport is first presented by someone who may not, then by its rightful caller.
pub fn run(row: &mut Row, site: &Site, runtime: &Runtime, passports: u64) -> Fallible<()> {
    site.await_open(runtime)?;
    let before = site.upstream.count();
    let addresses = site.addresses()?;
    let words = runtime.block_on(async {
        let mut lanes = JoinSet::new();
        for (lane, address) in (0..LANES).zip(addresses.iter().cycle()) {
            let share = passports / LANES + u64::from(lane < passports % LANES);
            lanes.spawn(victims(Arc::clone(&site.callers), *address, share));
        }
        let mut words: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(done) = lanes.join_next().await {
            for (word, count) in done?? {
                *words.entry(word).or_default() += count;
            }
        }
        Fallible::Ok(words)
    })?;
    for (word, count) in &words {
        row.fact(word, grouped(*count));
    }
    let of = |word: &str| words.get(word).copied().unwrap_or_default();
    let expected: Vec<String> = TRIES.iter().map(|(flaw, answer)| told(*flaw, answer)).collect();
    row.expect(
        "tries refused for their own fault",
        &grouped(expected.iter().map(|word| of(word)).sum()),
        &grouped(passports),
    );
    row.must(expected.iter().all(|word| of(word) > 0), || "a way was never tried".into());
    row.expect("rightful callers admitted", &grouped(of(RIGHTFUL)), &grouped(passports));
    row.expect("upstream saw", &grouped(site.upstream.count() - before), &grouped(passports));
    row.expect("upstream saw twice", &site.upstream.repeated(), &0);
    Ok(())
}

const RIGHTFUL: &str = "rightful caller: 200";

fn told(flaw: Flaw, answer: &str) -> String {
    format!("{flaw:?} broken: {answer}")
}

async fn victims(callers: Arc<Callers>, address: SocketAddr, count: u64) -> Fallible<BTreeMap<String, u64>> {
    let (mut lane, mut words) = (Lane::open(address).await?, BTreeMap::new());
    for (_, (flaw, _)) in (0..count).zip(TRIES.iter().cycle()) {
        let sound = Order::new(callers.number(), &Arc::from([]), clock::now());
        let theft = callers.sign(&Order { flaw: *flaw, ..sound.clone() })?;
        *words.entry(told(*flaw, &lane.send(&theft).await?.word())).or_default() += 1;
        let answer = lane.send(&callers.sign(&sound)?).await?.word();
        *words.entry(format!("rightful caller: {answer}")).or_default() += 1;
    }
    Ok(words)
}

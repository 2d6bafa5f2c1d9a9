use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use trustplane_core::KeyBinding;
use trustplane_wasm_tests::report::Row;
use trustplane_wasm_tests::store::Fallible;

use crate::must_be_attested;
use crate::site::{LIFE, Site};

/// Callers at once.
const CALLERS: usize = 4;
/// SVIDs that must have been seen: so many turns less one.
const SVIDS: usize = 4;
/// They come at half their life, or a little later.
const LONGEST: Duration = Duration::from_secs(LIFE * SVIDS as u64);

/// Several callers ask without a pause worth naming while SVIDs come and go; not one is refused.
pub fn under_load(row: &mut Row, site: &Site) -> Fallible<()> {
    let began = Instant::now();
    let work = || -> Fallible<(u64, u64, BTreeSet<String>)> {
        let (mut issued, mut passed, mut svids) = (0, 0, BTreeSet::new());
        while began.elapsed() < LONGEST && svids.len() < SVIDS {
            let asked = site.ask(KeyBinding::AttestedWorkload, false)?;
            let claims = asked.claims().map_err(|err| format!("after {issued} issues: {err}"))?;
            must_be_attested(claims["cnf"]["key_binding"].as_str().and_then(KeyBinding::parse))?;
            issued += 1;
            svids.extend(claims["provenance"]["attestation_id"].as_str().map(str::to_owned));
            if issued % 20 == 0 {
                let word = site.present(&asked)?;
                if word != "200" {
                    return Err(format!("issue {issued}: Envoy said {word}").into());
                }
                passed += 1;
            }
            sleep(Duration::from_millis(5));
        }
        Ok((issued, passed, svids))
    };
    let done = std::thread::scope(|scope| -> Fallible<Vec<_>> {
        let threads: Vec<_> = (0..CALLERS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect()
    })?;
    let svids: BTreeSet<_> = done.iter().flat_map(|(_, _, svids)| svids).collect();
    row.fact("issued, none refused", done.iter().map(|(issued, ..)| issued).sum::<u64>());
    row.fact("of those through Envoy, all 200", done.iter().map(|(_, passed, _)| passed).sum::<u64>());
    row.fact("SVIDs seen", svids.len());
    row.fact("each lives, seconds", LIFE);
    row.fact("seconds", began.elapsed().as_secs());
    row.must(svids.len() >= SVIDS, || format!("fewer than {SVIDS} SVIDs came"));
    Ok(())
}

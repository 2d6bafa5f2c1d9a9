//! Seeds as ordinary tests walk them.

use std::fs;
use std::path::Path;

/// Judges the seeds of a target of the package under test and all that is one step from them: cut, or
/// changed to a telling byte, at every place. Answers how many that were.
pub fn from_seeds(target: &str, telling: &[u8], judge: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut judged = 0;
    for seed in fs::read_dir(folder).unwrap() {
        let seed = fs::read(seed.unwrap().path()).unwrap();
        judge(&seed);
        for at in 0..seed.len() {
            judge(&seed[..at]);
            let mut changed = seed.clone();
            for byte in telling {
                changed[at] = *byte;
                judge(&changed);
            }
        }
        judged += 1 + seed.len() * (1 + telling.len());
    }
    judged
}

//! The seeds of the fuzz targets, each as it is, cut at every byte and changed at every byte.

#[path = "../fuzz/judge.rs"]
mod judge;
#[path = "../../core-nostd/fuzz/walk.rs"]
mod walk;

use walk::from_seeds;

/// Bytes that mean something to one of the readers.
const TELLING: &[u8] = b"\0\n\"\\{},\xff";

#[test]
fn no_line_stops_the_reader_or_adds_a_line_to_the_transcript() {
    assert!(from_seeds("ipc", TELLING, judge::ipc) > 10_000);
}

use trustplane_core::UnixTime;

/// Where a server says since when it remembers.
pub(super) const KEY: &str = "trustplane:replay:v1:began";

/// Since when a server remembers everything.
///
/// It stands in the server itself, under the id of its run. A server that was restarted, or that took
/// over from another, is a new run: it may lack what was consumed last, so what was issued before is
/// refused. One that was emptied has no marker at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Marker {
    run_id: String,
    began: UnixTime,
}

impl Marker {
    pub(super) fn new(run_id: String, began: UnixTime) -> Self {
        Self { run_id, began }
    }

    /// Reads a marker; `None` unless it is of this run.
    pub(super) fn of_run(run_id: &str, text: &[u8]) -> Option<Self> {
        let (written, began) = std::str::from_utf8(text).ok()?.split_once(' ')?;
        let began = UnixTime::from_secs(began.parse().ok()?);
        (written == run_id).then(|| Self::new(run_id.to_owned(), began))
    }

    pub(super) fn text(&self) -> String {
        format!("{} {}", self.run_id, self.began.as_secs())
    }

    /// Whether a passport of that time may have been consumed before.
    pub(super) fn is_cold(&self, issued_at: UnixTime, margin_seconds: u64) -> bool {
        issued_at <= self.began.plus(margin_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_and_by_its_own_run_alone() {
        let marker = Marker::new("f00".into(), UnixTime::from_secs(1_740_000_000));
        assert_eq!(marker.text(), "f00 1740000000");
        assert_eq!(Marker::of_run("f00", marker.text().as_bytes()), Some(marker.clone()));
        for (run_id, text) in [
            ("f01", "f00 1740000000"),
            ("f00", "f00"),
            ("f00", "f00 "),
            ("f00", "f00 -1"),
            ("f00", "f00 17 "),
            ("f00", ""),
        ] {
            assert_eq!(Marker::of_run(run_id, text.as_bytes()), None, "{text}");
        }
        assert_eq!(Marker::of_run("f00", b"f00 \xff"), None);
    }

    #[test]
    fn what_was_issued_up_to_the_margin_after_the_beginning_is_cold() {
        let marker = Marker::new("f00".into(), UnixTime::from_secs(1000));
        for (issued_at, cold) in [(0, true), (1000, true), (1002, true), (1003, false)] {
            assert_eq!(marker.is_cold(UnixTime::from_secs(issued_at), 2), cold, "{issued_at}");
        }
    }
}

/// How current the bundles must be for a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// Within the verifier's short window.
    Realtime,
    /// No older than this.
    Bounded {
        /// The oldest age; zero where the bundle names none, and then nothing is fresh.
        max_staleness_seconds: u64,
    },
    /// Of any age.
    OfflineOk,
    /// No class, or one that this verifier does not know: the route denies.
    Unknown,
}

impl Freshness {
    pub(super) fn new(class: Option<&str>, max_staleness_seconds: Option<u64>) -> Self {
        match class {
            Some("realtime") => Self::Realtime,
            Some("bounded") => Self::Bounded { max_staleness_seconds: max_staleness_seconds.unwrap_or(0) },
            Some("offline-ok" | "offline_ok") => Self::OfflineOk,
            Some(_) | None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_read_in_exact_case_and_others_deny() {
        for (class, freshness) in [
            (Some("realtime"), Freshness::Realtime),
            (Some("bounded"), Freshness::Bounded { max_staleness_seconds: 300 }),
            (Some("offline-ok"), Freshness::OfflineOk),
            (Some("offline_ok"), Freshness::OfflineOk),
            (Some("offline ok"), Freshness::Unknown),
            (Some("Bounded"), Freshness::Unknown),
            (None, Freshness::Unknown),
        ] {
            assert_eq!(Freshness::new(class, Some(300)), freshness);
        }
        assert_eq!(Freshness::new(Some("bounded"), None), Freshness::Bounded { max_staleness_seconds: 0 });
    }
}

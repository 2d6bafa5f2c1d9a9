/// How firmly a caller's proof key is bound to it, weakest first (signer taxonomy v1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum KeyBinding {
    /// Key material managed by software: possession, no more.
    Software,
    /// A remote key service signs; the caller's credentials for it may be portable.
    RemoteKms,
    /// A local key that hardware does not export.
    HardwareLocal,
    /// A broker vouched for the workload before it issued the passport.
    AttestedWorkload,
}

impl KeyBinding {
    /// Every class, weakest first.
    pub const ALL: [Self; 4] = [Self::Software, Self::RemoteKms, Self::HardwareLocal, Self::AttestedWorkload];

    /// The class named so, in exact case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::RemoteKms => "remote_kms",
            Self::HardwareLocal => "hardware_local",
            Self::AttestedWorkload => "attested_workload",
        }
    }

    /// The published rank.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Software => 10,
            Self::RemoteKms => 20,
            Self::HardwareLocal => 30,
            Self::AttestedWorkload => 40,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_follows_the_published_ranks() {
        let ranks: alloc::vec::Vec<u8> = KeyBinding::ALL.iter().map(|c| c.rank()).collect();
        assert_eq!(ranks, [10, 20, 30, 40]);
        assert!(KeyBinding::ALL.is_sorted());
    }

    #[test]
    fn names_are_matched_in_exact_case() {
        assert_eq!(KeyBinding::parse("remote_kms"), Some(KeyBinding::RemoteKms));
        assert_eq!(KeyBinding::parse("Software"), None);
    }
}

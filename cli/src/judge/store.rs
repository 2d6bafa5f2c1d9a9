use clap::ValueEnum;
use serde::Deserialize;
use trustplane_core::{Consumed, Reason};

/// What a replay store is taken to answer; none is asked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Store {
    /// It began to remember after the passport was issued.
    Cold,
    /// It sees the passport for the first time.
    #[default]
    Fresh,
    /// It has no room left.
    Full,
    /// It saw the passport before.
    Replayed,
    /// It does not say.
    Unavailable,
}

impl Store {
    /// What becomes of a request when nothing else is wrong with it.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Cold => Reason::ReplayStoreCold,
            Self::Fresh => Reason::RequestAllowed,
            Self::Full => Reason::ReplayStoreFull,
            Self::Replayed => Reason::JtiReplay,
            Self::Unavailable => Reason::ReplayStoreUnavailable,
        }
    }
}

impl From<Store> for Consumed {
    fn from(store: Store) -> Self {
        match store {
            Store::Cold => Self::Cold,
            Store::Fresh => Self::Fresh,
            Store::Full => Self::Full,
            Store::Replayed => Self::Replayed,
            Store::Unavailable => Self::Unavailable,
        }
    }
}

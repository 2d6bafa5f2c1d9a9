use serde::{Deserialize, Serialize};

use super::check::check_range;
use super::error::ConfigError;
use crate::key::{KeyCacheSettings, Width};

/// The memory that a worker gives to keys whose signatures were good, so that the next cost less.
///
/// `max_bytes` holds the base point's table first, which takes at most a quarter, then a
/// thirty-second of itself for keys without a table, at most an eighth for busy keys, then as many
/// keys' tables as fit; the first and the busy keys' are narrower than asked for where they would take
/// more. Plugins that share a VM share what the last of them says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyCacheConfig {
    /// The most that keys and tables take together; at 0 nothing is kept.
    #[cfg_attr(feature = "schema", schemars(range(max = 1_073_741_824)))]
    pub max_bytes: u32,
    /// Bits of a scalar for each entry of a key's table.
    #[cfg_attr(feature = "schema", schemars(range(min = Width::LEAST, max = Width::MOST)))]
    pub key_width: u32,
    /// The same for the base point's table.
    #[cfg_attr(feature = "schema", schemars(range(min = Width::LEAST, max = Width::MOST)))]
    pub base_width: u32,
    /// The same for a busy key's table: one that makes an eighth of all signatures, as issuers' do.
    #[cfg_attr(feature = "schema", schemars(range(min = Width::LEAST, max = Width::MOST)))]
    pub busy_width: u32,
}

impl Default for KeyCacheConfig {
    fn default() -> Self {
        let KeyCacheSettings { max_bytes, key_width, base_width, busy_width, build_after: _ } =
            KeyCacheSettings::default();
        Self {
            max_bytes: u32::try_from(max_bytes).unwrap_or(u32::MAX),
            key_width: key_width.bits().into(),
            base_width: base_width.bits().into(),
            busy_width: busy_width.bits().into(),
        }
    }
}

impl KeyCacheConfig {
    pub(super) fn check(self) -> Result<(), ConfigError> {
        check_range("/key_cache/max_bytes", self.max_bytes, 0..=1 << 30)?;
        let widths = || Width::LEAST.into()..=Width::MOST.into();
        check_range("/key_cache/key_width", self.key_width, widths())?;
        check_range("/key_cache/base_width", self.base_width, widths())?;
        check_range("/key_cache/busy_width", self.busy_width, widths())
    }

    /// What the cache takes; the width that is none was refused before.
    pub fn settings(self) -> KeyCacheSettings {
        let width = |bits: u32, default| u8::try_from(bits).ok().and_then(Width::new).unwrap_or(default);
        let KeyCacheSettings { max_bytes, key_width, base_width, busy_width, build_after } =
            KeyCacheSettings::default();
        KeyCacheSettings {
            max_bytes: usize::try_from(self.max_bytes).unwrap_or(max_bytes),
            key_width: width(self.key_width, key_width),
            base_width: width(self.base_width, base_width),
            busy_width: width(self.busy_width, busy_width),
            build_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::super::FilterConfig;
    use super::super::tests::{refusal, text};
    use super::*;

    #[test]
    fn silence_is_the_cache_s_own_default() {
        let config = FilterConfig::parse(text("").as_bytes()).unwrap().key_cache();
        assert_eq!(config, KeyCacheSettings::default());
        let said = text(r#","key_cache":{"max_bytes":0,"key_width":4}"#);
        let said = FilterConfig::parse(said.as_bytes()).unwrap().key_cache();
        let expected = KeyCacheSettings { max_bytes: 0, key_width: Width::new(4).unwrap(), ..config };
        assert_eq!(said, expected);
    }

    #[test]
    fn sizes_that_no_table_has_are_refused() {
        for (member, error) in [
            (r#""max_bytes":1073741825"#, "max_bytes: expected an integer from 0 to 1073741824, found 1073741825"),
            (r#""key_width":3"#, "key_width: expected an integer from 4 to 14, found 3"),
            (r#""base_width":15"#, "base_width: expected an integer from 4 to 14, found 15"),
            (r#""busy_width":0"#, "busy_width: expected an integer from 4 to 14, found 0"),
            (r#""build_after":1"#, "build_after: unknown member"),
        ] {
            assert_eq!(refusal(&text(&format!(r#","key_cache":{{{member}}}"#))), format!("/key_cache/{error}"));
        }
    }
}

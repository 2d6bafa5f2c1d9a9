use alloc::sync::Arc;

/// A text of which every record keeps its share.
///
/// One copy of this code: inlined at every field it takes kilobytes of the module.
#[inline(never)]
pub(crate) fn shared(text: &str) -> Arc<str> {
    Arc::from(text)
}

use std::fmt;
use std::sync::Arc;

use crate::run;

/// Where a part of the broker says what operators should read.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(fmt::Arguments<'_>) + Send + Sync>);

impl Log {
    /// Gives each line to `write`.
    pub fn new(write: impl Fn(fmt::Arguments<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Standard error, as the broker's other lines.
    pub fn stderr() -> Self {
        Self::new(run::log)
    }

    /// Says one line.
    pub fn line(&self, line: fmt::Arguments<'_>) {
        (self.0)(line);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

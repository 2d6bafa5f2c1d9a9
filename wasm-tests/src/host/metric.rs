//! Counters, gauges and histograms. Of a histogram only the last value is kept.

use std::collections::BTreeMap;

use super::Status;

#[derive(Default)]
pub(super) struct Metrics {
    defined: Vec<(Kind, String)>,
    values: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Metrics {
    /// The id, never zero. The same name twice is the same metric.
    pub(super) fn define(&mut self, kind: u32, name: &str) -> Result<u32, Status> {
        let kind = match kind {
            0 => Kind::Counter,
            1 => Kind::Gauge,
            2 => Kind::Histogram,
            _ => return Err(Status::BadArgument),
        };
        self.values.entry(name.to_owned()).or_insert(0);
        self.defined.push((kind, name.to_owned()));
        Ok(u32::try_from(self.defined.len()).expect("a test defines few metrics"))
    }

    /// Envoy counts up only: a counter's offset must be above zero.
    pub(super) fn increment(&mut self, id: u32, offset: i64) -> Result<(), Status> {
        let (kind, value) = self.find(id)?;
        match kind {
            Kind::Counter if offset > 0 => *value = value.wrapping_add_signed(offset),
            Kind::Gauge => *value = value.wrapping_add_signed(offset),
            Kind::Counter | Kind::Histogram => return Err(Status::BadArgument),
        }
        Ok(())
    }

    pub(super) fn record(&mut self, id: u32, new: u64) -> Result<(), Status> {
        let (kind, value) = self.find(id)?;
        match kind {
            Kind::Counter => *value = value.wrapping_add(new),
            Kind::Gauge | Kind::Histogram => *value = new,
        }
        Ok(())
    }

    pub(super) fn value(&mut self, id: u32) -> Result<u64, Status> {
        match self.find(id)? {
            (Kind::Histogram, _) => Err(Status::BadArgument),
            (_, value) => Ok(*value),
        }
    }

    pub(super) fn values(&self) -> &BTreeMap<String, u64> {
        &self.values
    }

    fn find(&mut self, id: u32) -> Result<(Kind, &mut u64), Status> {
        let index = id.checked_sub(1).ok_or(Status::NotFound)? as usize;
        let (kind, name) = self.defined.get(index).ok_or(Status::NotFound)?;
        let value = self.values.get_mut(name).ok_or(Status::NotFound)?;
        Ok((*kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_only_rises_and_its_name_is_one_metric() {
        let mut metrics = Metrics::default();
        let one = metrics.define(0, "requests").expect("a counter");
        let again = metrics.define(0, "requests").expect("the same counter");
        assert_eq!(metrics.increment(one, 2), Ok(()));
        assert_eq!(metrics.increment(again, 1), Ok(()));
        assert_eq!(metrics.increment(one, 0), Err(Status::BadArgument));
        assert_eq!(metrics.increment(one, -1), Err(Status::BadArgument));
        assert_eq!(metrics.value(one), Ok(3));
        assert_eq!(metrics.values().get("requests"), Some(&3));
    }

    #[test]
    fn a_gauge_falls_too_and_unknown_kinds_and_ids_are_refused() {
        let mut metrics = Metrics::default();
        let gauge = metrics.define(1, "open").expect("a gauge");
        assert_eq!(metrics.record(gauge, 5), Ok(()));
        assert_eq!(metrics.increment(gauge, -2), Ok(()));
        assert_eq!(metrics.value(gauge), Ok(3));
        assert_eq!(metrics.define(3, "x"), Err(Status::BadArgument));
        assert_eq!(metrics.value(0), Err(Status::NotFound));
        assert_eq!(metrics.value(gauge + 1), Err(Status::NotFound));
    }
}

//! What hosts' shared data does with a compare-and-swap number, for tests.

use std::collections::BTreeMap;

use crate::status;

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rules {
    /// proxy-wasm-cpp-host: Envoy, Istio, Higress.
    Cpp,
    /// mosn.io/proxy-wasm-go-host.
    Mosn,
    /// Kong's ngx_wasm_module.
    Ngx,
}

impl Rules {
    pub(crate) const ALL: [Self; 3] = [Self::Cpp, Self::Mosn, Self::Ngx];
}

/// One host's shared data.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Table {
    rules: Rules,
    next: u32,
    values: BTreeMap<String, (Vec<u8>, u32)>,
}

impl Table {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, next: 1, values: BTreeMap::new() }
    }

    pub(crate) fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32> {
        self.values.get(key).cloned().ok_or(status::NOT_FOUND)
    }

    pub(crate) fn set(&mut self, key: &str, value: &[u8], cas: u32) -> u32 {
        let current = self.values.get(key).map(|(_, current)| *current);
        let stands = match (self.rules, current, cas) {
            (Rules::Cpp, Some(_), 0) => true,
            (Rules::Mosn | Rules::Ngx, Some(_), 0) => false,
            (_, Some(current), cas) => current == cas,
            (Rules::Cpp | Rules::Mosn, None, _) => true,
            (Rules::Ngx, None, cas) => cas == 0,
        };
        if !stands {
            return status::CAS_MISMATCH;
        }
        self.values.insert(key.to_owned(), (value.to_vec(), self.next));
        self.next += 1;
        status::OK
    }
}

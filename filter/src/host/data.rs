use super::{Returned, proxy_get_shared_data, proxy_set_shared_data};
use crate::data::SharedData;
use crate::status;

/// The host's shared data.
#[derive(Clone, Copy, Debug)]
pub struct HostData;

impl SharedData for HostData {
    fn get(&self, key: &str) -> Result<(Vec<u8>, u32), u32> {
        let mut returned = Returned::default();
        let mut cas = 0;
        // SAFETY: the key outlives the call; `returned` as in `buffer`; the host writes four bytes to `cas`.
        let status = unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), &raw mut returned.data, &raw mut returned.size, &raw mut cas)
        };
        let value = returned.take();
        if status == status::OK { Ok((value, cas)) } else { Err(status) }
    }

    fn set(&self, key: &str, value: &[u8], cas: u32) -> u32 {
        // SAFETY: pointers and sizes are those of `key` and `value`, which outlive the call.
        unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) }
    }
}

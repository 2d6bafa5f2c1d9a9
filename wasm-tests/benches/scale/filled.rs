//! A module that fills a replay store in shared data, as a million admitted requests would have.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use trustplane_core::{UnixTime, sha256};

const BUCKETS: usize = 4096;
const ENTRIES: usize = 245;
/// Live passports in the store.
pub const PASSPORTS: usize = BUCKETS * ENTRIES;
/// How long ago the store began, and how long from now the passports live.
const SINCE: u64 = 60;
const FOR: u64 = 3600;

/// Writes the module; every bucket gets the same passports, which nobody will ask for.
pub fn write(folder: &Path, now: UnixTime) -> io::Result<PathBuf> {
    let path = folder.join("filler.wasm");
    fs::write(&path, wat::parse_str(text(now)?).map_err(io::Error::other)?)?;
    Ok(path)
}

/// A bucket as the filter writes it: mark, beginning, then id and expiry of each passport.
fn bucket(now: UnixTime) -> io::Result<Vec<u8>> {
    let until = u32::try_from(now.plus(FOR).as_secs()).map_err(io::Error::other)?;
    let mut value = b"tpr1".to_vec();
    value.extend(now.as_secs().saturating_sub(SINCE).to_le_bytes());
    for number in 0..ENTRIES {
        let id = sha256(format!("filled {number}").as_bytes());
        value.extend_from_slice(&id[..16]);
        value.extend(until.to_le_bytes());
    }
    Ok(value)
}

fn text(now: UnixTime) -> io::Result<String> {
    let bucket = bucket(now)?;
    let mut escaped = String::new();
    for byte in &bucket {
        // A string takes any write.
        let _ = write!(escaped, "\\{byte:02x}");
    }
    Ok(format!(
        r#"(module
  (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 65536))
  (data (i32.const 0) "0123456789abcdef")
  (data (i32.const 64) "trustplane.replay.v1.000")
  (data (i32.const 1024) "{escaped}")
  (func $digit (param $place i32) (param $value i32)
    (i32.store8 (local.get $place) (i32.load8_u (i32.and (local.get $value) (i32.const 15)))))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (global.set $free (i32.add (global.get $free) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
    (local.get $at))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (local $index i32)
    (loop $next
      (call $digit (i32.const 85) (i32.shr_u (local.get $index) (i32.const 8)))
      (call $digit (i32.const 86) (i32.shr_u (local.get $index) (i32.const 4)))
      (call $digit (i32.const 87) (local.get $index))
      (if (call $set (i32.const 64) (i32.const 24) (i32.const 1024) (i32.const {length}) (i32.const 0))
        (then (return (i32.const 0))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $index) (i32.const {BUCKETS}))))
    (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1)))
"#,
        length = bucket.len()
    ))
}

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::exit::Fault;
use crate::files::{self, Readers};

/// The folder of one local stack: keys, bundles, Envoy's configuration and logs.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether it goes with this value.
    temporary: bool,
}

impl Folder {
    /// The folder at `path`, made if it is not there.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let fault = |err: io::Error| Fault::file(path, err);
        match DirBuilder::new().mode(0o700).create(path) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(fault)?,
        }
        let path = path.canonicalize().map_err(fault)?;
        let meta = fs::metadata(&path).map_err(fault)?;
        // Whoever can write here can put their own policy in place of ours.
        if meta.mode() & 0o022 != 0 {
            let problem = format!("mode {:04o} lets others write; chmod 0700 it", meta.mode() & 0o7777);
            return Err(Fault::file(&path, problem));
        }
        Ok(Self { path, temporary: false })
    }

    /// A new folder that nobody else can look into; it is removed with this value.
    pub fn temporary() -> Result<Self, Fault> {
        let parent = std::env::temp_dir();
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|err| Fault::new(err.to_string()))?;
        let path = parent.join(format!("trustplane-{:016x}", u64::from_ne_bytes(random)));
        DirBuilder::new().mode(0o700).create(&path).map_err(|err| Fault::file(&path, err))?;
        let path = path.canonicalize().map_err(|err| Fault::file(&path, err))?;
        Ok(Self { path, temporary: true })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file in it is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in it, in place of one of that name.
    pub fn write(&self, name: &str, text: &str, readers: Readers) -> Result<PathBuf, Fault> {
        let path = self.file(name);
        files::write(&path, text.as_bytes(), readers).map_err(|err| Fault::file(&path, err))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed now is left to whoever cleans the temporary folder.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

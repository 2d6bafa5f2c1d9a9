use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::exit::Fault;

/// The variable that names the folder of SPIRE's programs.
const VARIABLE: &str = "TRUSTPLANE_SPIRE";

/// SPIRE's two programs.
#[derive(Clone, Debug)]
pub struct SpireFiles {
    pub(super) server: PathBuf,
    pub(super) agent: PathBuf,
}

impl SpireFiles {
    /// Those in a folder; else in the one that `TRUSTPLANE_SPIRE` names; else on `PATH`.
    pub fn find(folder: Option<&Path>) -> Result<Self, Fault> {
        let variable = std::env::var_os(VARIABLE).map(PathBuf::from);
        match folder.or(variable.as_deref()) {
            Some(folder) => Self::among(&[folder.to_owned()])
                .ok_or_else(|| Fault::file(folder, "expected spire-server and spire-agent in it")),
            None => Self::on(std::env::var_os("PATH").as_deref()).ok_or_else(|| {
                Fault::new(format!(
                    "no spire-server and spire-agent on PATH; name their folder with --spire-dir or {VARIABLE}, \
                     or build them with .ci/spire"
                ))
            }),
        }
    }

    fn on(path: Option<&OsStr>) -> Option<Self> {
        let folders: Vec<_> = path.map(std::env::split_paths).into_iter().flatten().collect();
        Self::among(&folders)
    }

    fn among(folders: &[PathBuf]) -> Option<Self> {
        let find = |name: &str| {
            let files = folders.iter().map(|folder| folder.join(name));
            files.into_iter().find(|file| file.is_file() && access(file, AccessFlags::X_OK).is_ok())
        };
        Some(Self { server: find("spire-server")?, agent: find("spire-agent")? })
    }
}

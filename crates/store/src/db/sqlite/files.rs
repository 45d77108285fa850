//! Whether the files of the database are still the ones that were opened.

use super::connection::with_suffix;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The files of the database, each with its device and inode.
pub(super) struct Files(Vec<(PathBuf, Option<(u64, u64)>)>);

impl Files {
    pub(super) fn of(named: &Path, path: &Path) -> Self {
        let names = ["", "-wal", "-shm"].map(|suffix| with_suffix(path, suffix));
        // A link can come to lead elsewhere.
        let link = (named != path).then(|| named.to_owned());
        let mut files = Self(names.into_iter().chain(link).map(|file| (file, None)).collect());
        // The first look is what later ones are compared with.
        files.why_moved();
        files
    }

    /// Why what is written now would not be found after a restart, in words.
    pub(super) fn why_moved(&mut self) -> Option<String> {
        for (path, known) in &mut self.0 {
            let found = match std::fs::metadata(&*path) {
                Ok(file) => Some((file.dev(), file.ino())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                // A disk that does not answer says nothing about where a file is.
                Err(_) => continue,
            };
            match (*known, found) {
                (None, found) => *known = found,
                (Some(_), None) => return Some(format!("{} was removed or renamed", path.display())),
                (Some(known), Some(found)) if known != found => {
                    return Some(format!("{} was replaced by another file", path.display()));
                }
                _ => {}
            }
        }
        None
    }
}

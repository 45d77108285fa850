//! Copying the sources of a suite beside the packages that it needs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(super) fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, folder.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}

pub(super) fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// The JavaScript files of a folder, in order.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = all_files_of(folder)?;
    files.retain(|file| file.extension() == Some(OsStr::new("js")));
    Ok(files)
}

/// The files of a folder, in order, without what is in folders below it.
pub(super) fn all_files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

//! The settings of the server for passwords, and the operator's own list of those that are refused.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, io};
use verger_credentials::Password;
use verger_credentials::breached::{self, ReadAt};

/// What passwords are checked with.
#[derive(Clone, Debug, Default)]
pub struct PasswordChecks {
    /// How many are hashed at once; `None`: as many as there are cores.
    pub hash_slots: Option<NonZeroUsize>,
    /// The operator's own list of passwords that are refused.
    pub list: Option<PasswordList>,
}

/// The operator's own list of passwords that are refused.
#[derive(Clone)]
pub struct PasswordList(Arc<ListFile>);

struct ListFile(File);

impl ReadAt for ListFile {
    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

impl fmt::Debug for PasswordList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordList")
    }
}

impl PasswordList {
    /// A list in a file, which is looked at here and there.
    ///
    /// # Errors
    /// The file cannot be read, or is no such list.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = ListFile(File::open(path)?);
        breached::check(&file)?;
        Ok(Self(Arc::new(file)))
    }

    pub(crate) fn contains(&self, password: &Password) -> io::Result<bool> {
        breached::contains(&*self.0, password.normalized())
    }
}

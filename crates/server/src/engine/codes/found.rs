//! What decides about a code, as it is loaded and written.

use crate::engine::users::object_name;
use crate::engine::writing::Writing;
use crate::error::Failure;
use verger_core::{Identification, IdentifierKind, User, VerificationWindow};
use verger_store::{Change, LoadedForCode, StoreError, WindowWrite, Write};
use verger_wire::{IdentificationId, UnixMillis};

/// The user, if the identification is of this kind: an id of another kind does not exist here (contract section 2).
pub(super) fn of_kind(
    found: Option<LoadedForCode>,
    id: &IdentificationId,
    kind: IdentifierKind,
) -> Result<LoadedForCode, Failure> {
    let is_of_kind = |found: &LoadedForCode| {
        found.loaded.user.identification(id).is_some_and(|held| held.identifier.kind() == kind)
    };
    found.filter(is_of_kind).ok_or_else(|| Failure::not_found(object_name(kind)))
}

/// The user and what is remembered of the number or address, together.
pub(super) fn code_write(
    found: &LoadedForCode,
    held: &Identification,
    after: User,
    window: VerificationWindow,
    now: UnixMillis,
) -> Write {
    Write {
        changes: vec![Change::update(found.loaded.user.clone(), after).into()],
        windows: vec![window_write(found, held, window)],
        ..Write::at(now)
    }
}

fn window_write(found: &LoadedForCode, held: &Identification, after: VerificationWindow) -> WindowWrite {
    WindowWrite {
        kind: held.identifier.kind(),
        identifier: held.identifier.as_str().to_owned(),
        before: found.window.clone(),
        after,
    }
}

impl Writing<'_> {
    /// A clock that was ahead must not close a number for longer than a steady one: a timestamp in the future that causes
    /// a refusal is set to now, and ages from then on.
    pub(super) async fn settle_window(&self, found: &LoadedForCode, id: &IdentificationId, now: UnixMillis) {
        let held = found.loaded.user.identification(id);
        let (Some(held), Some(after)) = (held, found.window.settled(now)) else { return };
        if self.is_dry_run() {
            return;
        }
        let write = Write { windows: vec![window_write(found, held, after)], ..Write::at(now) };
        match self.scoped().save(&write, self.deadline()).await {
            // A concurrent write has corrected it.
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(error) => tracing::warn!(
                %error,
                trace_id = &*self.context.trace_id.0,
                "recent codes and failures of a number lie in the future, and could not be corrected"
            ),
        }
    }
}

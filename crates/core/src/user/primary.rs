//! Which number and which address is primary.

use super::{IdentifierKind, Refusal, User};

impl User {
    /// Makes the identification at `at` primary; it must be verified or reserved.
    pub(super) fn set_primary(&mut self, at: usize, param: &'static str) -> Result<(), Refusal> {
        let identification = &self.identifications[at];
        if !identification.verification.is_claimed() {
            return Err(Refusal::NeedsVerification { param });
        }
        let (kind, id) = (identification.identifier.kind(), identification.id.clone());
        if let Some(primary) = self.primary_mut(kind) {
            *primary = Some(id);
        }
        Ok(())
    }

    /// After a removal: if the primary is gone, the oldest verified one of its kind takes its place, else none.
    pub(super) fn promote_primary(&mut self, kind: IdentifierKind) {
        let is_gone = self.primary(kind).is_some_and(|primary| self.identification(primary).is_none());
        if !is_gone {
            return;
        }
        let oldest_verified = self
            .of_kind(kind)
            .filter(|identification| identification.verification.is_verified())
            .min_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)))
            .map(|identification| identification.id.clone());
        if let Some(primary) = self.primary_mut(kind) {
            *primary = oldest_verified;
        }
    }
}

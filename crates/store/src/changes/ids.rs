//! The ids of events: made from the row whenever it is read, so that they are stored nowhere and always the same.

use super::PLACES_OF_INSTANCE;
use sha2::{Digest as _, Sha256};
use verger_wire::{EventId, InstanceId, Ksuid, UnixMillis};

/// The id of the event with this number. The number is in it, so that it leads to its row; what follows it tells the id
/// from one that somebody made up.
pub(crate) fn event_id(
    instance: &InstanceId,
    created_at: UnixMillis,
    number: i64,
    personal_digest: &str,
) -> EventId {
    let mut tag = Sha256::new();
    tag.update(b"verger: event id");
    tag.update((instance.as_str().len() as u64).to_be_bytes());
    tag.update(instance.as_str());
    tag.update(number.to_be_bytes());
    tag.update(personal_digest);
    let mut payload = [0; 16];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    payload[8..].copy_from_slice(&tag.finalize()[..8]);
    EventId::from_ksuid(Ksuid::with_payload(created_at, payload))
}

/// The number in an id, if it is one that [`event_id`] may have made.
pub(crate) fn number_in(id: &EventId) -> Option<i64> {
    let ksuid = Ksuid::parse(id.as_str().strip_prefix(EventId::PREFIX)?)?;
    let number = ksuid.as_bytes()[4..12].try_into().ok().map(i64::from_be_bytes)?;
    (1..PLACES_OF_INSTANCE).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_leads_to_its_number_and_sorts_by_it() {
        let instance = InstanceId::from("ins_1");
        let at = UnixMillis(1_800_000_000_123);
        let ids: Vec<_> = [1, 2, 300, 70_000].map(|number| event_id(&instance, at, number, "a")).into();
        assert!(ids.is_sorted());
        assert_eq!(
            ids.iter().map(number_in).collect::<Vec<_>>(),
            [Some(1), Some(2), Some(300), Some(70_000)]
        );
        assert_eq!(verger_wire::moment_of(ids[0].as_str()), Some(UnixMillis(1_800_000_000_000)));
        assert_ne!(ids[0], event_id(&InstanceId::from("ins_2"), at, 1, "a"));
        assert_ne!(ids[0], event_id(&instance, at, 1, "b"));
        for text in ["", "evt_1", "evt_0002", "user_0ujtsYcgvSTl8PAuAdqWYSMnLOv"] {
            assert_eq!(number_in(&text.into()), None, "{text}");
        }
    }
}

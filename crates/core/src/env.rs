//! Time and randomness, as arguments.

use rand::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use verger_wire::{
    ActorTokenId, AllowlistIdentifierId, BlocklistIdentifierId, ClientId, DomainId, EventId,
    IdentificationId, InstanceId, InvitationId, JwtTemplateId, KeyId, Ksuid, MessageId, RedirectUrlId,
    SessionId, SignInTokenId, SigningKeyId, UnixMillis, UserId, VerificationId, WebhookEndpointId,
};

/// The only source of time, ids and codes for everything that decides.
pub struct Env {
    /// The moment of the command.
    pub now: UnixMillis,
    rng: Box<dyn Rng + Send>,
    ids: Arc<IdSequence>,
}

/// What makes the ids of a process rise, however many threads make them at once and wherever the clock goes. Nobody waits: it
/// is one word of memory, with the millisecond of the last id above its counter.
#[derive(Debug, Default)]
pub struct IdSequence(AtomicU64);

/// Bits of the counter in a word of [`IdSequence`]. The other 42 hold milliseconds since 2014 for 139 years.
const COUNTER_BITS: u32 = 22;
/// The last millisecond since 2014 that an id can have, in the year 2153.
const MOMENT_MAX: u64 = (1 << (64 - COUNTER_BITS)) - 1;
/// Bits of the counter in an id that are not of the sequence but random.
const RANDOM_BITS: u32 = 32 - COUNTER_BITS;
/// The greatest step from one counter to the next: 8,192 ids of one millisecond are sure to fit.
const STEP_MAX: u64 = 256;

impl IdSequence {
    /// The next millisecond and counter, from 64 random bits.
    fn next(&self, now: UnixMillis, draw: u64) -> (UnixMillis, u32) {
        let since_epoch = u64::try_from(now.0.saturating_sub(Ksuid::EPOCH.0)).unwrap_or(0).min(MOMENT_MAX);
        // Half the range is left for the steps of the same millisecond.
        let start = (draw >> RANDOM_BITS) & ((1 << (COUNTER_BITS - 1)) - 1);
        let first = (since_epoch << COUNTER_BITS) | start;
        let step = (draw >> 48) % STEP_MAX + 1;
        let following = |last: u64| {
            if first >> COUNTER_BITS > last >> COUNTER_BITS { first } else { last.saturating_add(step) }
        };
        let last =
            match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(following(last))) {
                Ok(last) | Err(last) => last,
            };
        let word = following(last);
        let counter = word & ((1 << COUNTER_BITS) - 1);
        let random = draw & ((1 << RANDOM_BITS) - 1);
        let moment = Ksuid::EPOCH.plus_ms(i64::try_from(word >> COUNTER_BITS).unwrap_or(i64::MAX));
        (moment, u32::try_from((counter << RANDOM_BITS) | random).unwrap_or(u32::MAX))
    }
}

impl Env {
    /// An environment at `now` that draws from `rng`; outside tests the generator of the operating system.
    pub fn new(now: UnixMillis, rng: Box<dyn Rng + Send>) -> Self {
        Self::sharing(now, rng, Arc::default())
    }

    /// An environment of its own, whose ids rise together with those of all that share the sequence.
    pub fn sharing(now: UnixMillis, rng: Box<dyn Rng + Send>, ids: Arc<IdSequence>) -> Self {
        Self { now, rng, ids }
    }

    /// Randomness for what is not an id.
    pub fn rng(&mut self) -> &mut (dyn Rng + Send) {
        &mut *self.rng
    }

    /// An id greater than every one before it, even within a millisecond or when the clock steps back.
    ///
    /// The counter starts at random in each millisecond and moves by a random step, so that ids tell nobody how
    /// many were made.
    pub fn ksuid(&mut self) -> Ksuid {
        let (moment, counter) = self.ids.next(self.now, self.rng.next_u64());
        let mut random = [0; 10];
        self.rng.fill_bytes(&mut random);
        Ksuid::new(moment, counter, random)
    }

    /// A fresh id for a user: `user_…`.
    pub fn user_id(&mut self) -> UserId {
        UserId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a phone number or an email address.
    pub fn identification_id(&mut self) -> IdentificationId {
        IdentificationId::from_ksuid(self.ksuid())
    }

    /// A fresh id for an event.
    pub fn event_id(&mut self) -> EventId {
        EventId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a verification by code.
    pub fn verification_id(&mut self) -> VerificationId {
        VerificationId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a message.
    pub fn message_id(&mut self) -> MessageId {
        MessageId::from_ksuid(self.ksuid())
    }

    /// Six decimal digits, each of the million as likely as any other.
    pub fn code(&mut self) -> String {
        // The largest multiple of a million that fits: what lies above would favour small codes.
        const BOUND: u32 = u32::MAX - u32::MAX % 1_000_000;
        loop {
            let draw = self.rng.next_u32();
            if draw < BOUND {
                return format!("{:06}", draw % 1_000_000);
            }
        }
    }

    /// A fresh id for an instance.
    pub fn instance_id(&mut self) -> InstanceId {
        InstanceId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a secret key.
    pub fn key_id(&mut self) -> KeyId {
        KeyId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a webhook endpoint.
    pub fn webhook_endpoint_id(&mut self) -> WebhookEndpointId {
        WebhookEndpointId::from_ksuid(self.ksuid())
    }

    /// A fresh `kid` for a signing key; the first one of an instance has the id of the instance instead.
    pub fn signing_key_id(&mut self) -> SigningKeyId {
        SigningKeyId::from_ksuid(self.ksuid())
    }

    /// A fresh id for an entry of the allow-list.
    pub fn allowlist_identifier_id(&mut self) -> AllowlistIdentifierId {
        AllowlistIdentifierId::from_ksuid(self.ksuid())
    }

    /// A fresh id for an entry of the block-list.
    pub fn blocklist_identifier_id(&mut self) -> BlocklistIdentifierId {
        BlocklistIdentifierId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a redirect URL.
    pub fn redirect_url_id(&mut self) -> RedirectUrlId {
        RedirectUrlId::from_ksuid(self.ksuid())
    }

    /// A fresh id for an invitation.
    pub fn invitation_id(&mut self) -> InvitationId {
        InvitationId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a frontend host, which the documented API shows as a domain.
    pub fn domain_id(&mut self) -> DomainId {
        DomainId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a session.
    pub fn session_id(&mut self) -> SessionId {
        SessionId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a client.
    pub fn client_id(&mut self) -> ClientId {
        ClientId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a JWT template.
    pub fn jwt_template_id(&mut self) -> JwtTemplateId {
        JwtTemplateId::from_ksuid(self.ksuid())
    }

    /// A fresh id for a sign-in token.
    pub fn sign_in_token_id(&mut self) -> SignInTokenId {
        SignInTokenId::from_ksuid(self.ksuid())
    }

    /// A fresh id for an actor token.
    pub fn actor_token_id(&mut self) -> ActorTokenId {
        ActorTokenId::from_ksuid(self.ksuid())
    }

    /// `N` random bytes: a secret, or a part of one.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, TryRng, rngs::StdRng};
    use std::convert::Infallible;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    /// Gives these draws, one after the other.
    struct Draws(std::vec::IntoIter<u64>);

    impl Draws {
        fn env(draws: Vec<u64>) -> Env {
            Env::new(NOW, Box::new(Self(draws.into_iter())))
        }
    }

    impl TryRng for Draws {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(u32::try_from(self.0.next().expect("one more draw")).expect("a draw of 32 bits"))
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(self.0.next().expect("one more draw"))
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.fill(0);
            Ok(())
        }
    }

    /// Of an id the part of the counter that is of the sequence, and the random part.
    fn counter_of(id: Ksuid) -> (u32, u32) {
        let [_, _, _, _, _, _, a, b, c, d, ..] = *id.as_bytes();
        let counter = u32::from_be_bytes([a, b, c, d]);
        (counter >> RANDOM_BITS, counter & 0x3ff)
    }

    #[test]
    fn counter_starts_and_steps_at_random_within_half_of_its_range() {
        let start = 0x1234_5678_9abc_def0;
        let mut env = Draws::env(vec![start, 0, u64::MAX, 0x0004_0000_0000_0001, u64::MAX]);
        assert_eq!(counter_of(env.ksuid()), (0x1abc_def0 >> 10, 0x2f0));
        assert_eq!(counter_of(env.ksuid()), ((0x1abc_def0 >> 10) + 1, 0));
        assert_eq!(counter_of(env.ksuid()), ((0x1abc_def0 >> 10) + 1 + 0x100, 0x3ff));
        assert_eq!(counter_of(env.ksuid()), ((0x1abc_def0 >> 10) + 1 + 0x100 + 5, 1));
        env.now = NOW.plus_ms(1);
        assert_eq!(counter_of(env.ksuid()), (0x1f_ffff, 0x3ff));
    }

    #[test]
    fn ids_carry_their_moment_and_one_before_the_epoch_counts_as_of_the_epoch() {
        for (now, moment) in
            [(NOW.0 + 999, NOW.0 + 999), (Ksuid::EPOCH.0, Ksuid::EPOCH.0), (-1, Ksuid::EPOCH.0)]
        {
            let mut env = Env::new(UnixMillis(now), Box::new(StdRng::seed_from_u64(1)));
            assert_eq!(verger_wire::moment_of(env.user_id().as_str()), Some(UnixMillis(moment)));
        }
    }

    #[test]
    fn ids_of_many_threads_are_different_and_rise_in_each() {
        let ids = Arc::new(IdSequence::default());
        let made = |seed| {
            let mut env = Env::sharing(NOW, Box::new(StdRng::seed_from_u64(seed)), Arc::clone(&ids));
            move || (0..5_000).map(|_| env.ksuid()).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|seed| std::thread::spawn(made(seed))).collect();
        let mut all = Vec::new();
        for thread in threads {
            let made = thread.join().expect("no panic");
            assert!(made.is_sorted());
            all.extend(made.iter().map(|id| id.as_bytes()[..10].to_vec()));
        }
        let count = all.len();
        all.sort_unstable();
        // Without their random parts.
        let mut words: Vec<_> = all
            .into_iter()
            .map(|mut bytes| {
                bytes[9] = 0;
                bytes[8] &= 0xfc;
                bytes
            })
            .collect();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn draws_that_would_favour_small_codes_are_drawn_again() {
        let mut env = Draws::env(vec![0, 7, 999_999, 1_000_000, 4_293_999_999]);
        let codes: Vec<_> = (0..5).map(|_| env.code()).collect();
        assert_eq!(codes, ["000000", "000007", "999999", "000000", "999999"]);
        // 4,294 times all codes fit into 32 bits, and not quite once more.
        let mut env = Draws::env(vec![4_294_000_000, u64::from(u32::MAX), 123_456]);
        assert_eq!(env.code(), "123456");
    }

    #[test]
    fn ids_rise_within_a_millisecond_and_when_the_clock_steps_back() {
        let mut env = Env::new(NOW, Box::new(StdRng::seed_from_u64(1)));
        let mut last = env.ksuid();
        for round in 0..300_000_i64 {
            if round == 200_000 {
                env.now = UnixMillis(1_799_999_999_000);
            }
            let next = env.ksuid();
            assert!(next > last, "round {round}");
            last = next;
        }
    }
}

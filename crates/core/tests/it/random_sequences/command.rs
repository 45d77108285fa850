//! What can happen: commands that are drawn at random.

use proptest::prelude::*;
use verger_core::user::{IdentificationStatus, IdentificationUpdate};
use verger_wire::Patch;

const PHONES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const EMAILS: [&str; 3] = ["x@", "y@", "z@"];
/// The first two are the same name.
const USERNAMES: [&str; 3] = ["ada_l", "ADA_L", "grace"];
const EXTERNAL_IDS: [&str; 2] = ["crm-1", "crm-2"];

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) who: usize,
    pub(super) command: Command,
    /// Zero puts two commands into the same millisecond.
    pub(super) wait_ms: i64,
    /// A load may bring identifications in any order.
    pub(super) turn: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Command {
    CreateUser {
        held: Vec<(&'static str, IdentificationStatus)>,
        username: Option<&'static str>,
        skip: bool,
    },
    DeleteUser,
    Post {
        name: &'static str,
        verified: bool,
        second_factor: bool,
        primary: bool,
    },
    Patch {
        pick: usize,
        body: IdentificationUpdate,
    },
    Delete {
        pick: usize,
    },
    Put {
        name: &'static str,
        status: IdentificationStatus,
    },
    DeleteMfa,
    PatchUser(UserPatch),
    MergeMetadata {
        key: &'static str,
        value: Option<i64>,
    },
    ReplaceMetadata {
        value: Option<i64>,
    },
    Ban(bool),
    Lock(bool),
    Prepare {
        pick: usize,
    },
    /// Tries a code that was sent `back` codes ago.
    Attempt {
        back: usize,
        right: bool,
    },
}

#[derive(Clone, Debug)]
pub(super) struct UserPatch {
    pub(super) username: Patch<&'static str>,
    pub(super) external_id: Patch<&'static str>,
    pub(super) first_name: Patch<&'static str>,
    pub(super) primary_phone_number: Option<usize>,
    pub(super) primary_email_address: Option<usize>,
}

/// A few additions first, so that most sequences meet users who have something to lose.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    fn step(command: impl Strategy<Value = Command>) -> impl Strategy<Value = Step> {
        let wait_ms = prop_oneof![
            10 => Just(0_i64),
            20 => 1..1_000_i64,
            3 => Just(30_000),
            1 => 570_000..600_001_i64,
        ];
        (0..4_usize, command, wait_ms, 0..8_usize).prop_map(|(who, command, wait_ms, turn)| Step {
            who,
            command,
            wait_ms,
            turn,
        })
    }
    let additions = prop::collection::vec(step(post(0.8, 0.5)), 6..=14);
    // Of one user, so that codes meet tries.
    let codes = prop::collection::vec(step(codes()), 0..=14);
    let commands = prop::collection::vec(step(command()), 1..=20);
    (additions, codes, commands).prop_map(|(mut steps, codes, commands)| {
        steps.extend(codes.into_iter().map(|step| Step { who: 0, ..step }));
        steps.extend(commands);
        steps
    })
}

fn codes() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => (0..32_usize).prop_map(|pick| Command::Prepare { pick }),
        3 => (prop_oneof![4 => Just(0_usize), 1 => 1..4_usize], prop::bool::weighted(0.15))
            .prop_map(|(back, right)| Command::Attempt { back, right }),
    ]
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => prop::sample::select(&PHONES[..]), 1 => prop::sample::select(&EMAILS[..])]
}

fn status() -> impl Strategy<Value = IdentificationStatus> {
    use IdentificationStatus::{Reserved, Unverified, Verified};
    prop::sample::select(vec![Verified, Reserved, Unverified])
}

fn post(verified: f64, second_factor: f64) -> impl Strategy<Value = Command> {
    let flags =
        (prop::bool::weighted(verified), prop::bool::weighted(second_factor), prop::bool::weighted(0.3));
    (name(), flags).prop_map(|(name, (verified, second_factor, primary))| Command::Post {
        name,
        verified,
        second_factor,
        primary,
    })
}

fn command() -> impl Strategy<Value = Command> {
    let held = prop::collection::vec((name(), status()), 0..4);
    let username = prop::option::weighted(0.3, prop::sample::select(&USERNAMES[..]));
    prop_oneof![
        2 => (held, username, any::<bool>())
            .prop_map(|(held, username, skip)| Command::CreateUser { held, username, skip }),
        1 => Just(Command::DeleteUser),
        5 => post(0.5, 0.3),
        16 => (0..32_usize, body()).prop_map(|(pick, body)| Command::Patch { pick, body }),
        5 => (0..32_usize).prop_map(|pick| Command::Delete { pick }),
        1 => (name(), status()).prop_map(|(name, status)| Command::Put { name, status }),
        1 => Just(Command::DeleteMfa),
        3 => user_patch().prop_map(Command::PatchUser),
        1 => (prop::sample::select(vec!["k", "l"]), prop::option::of(0..2_i64))
            .prop_map(|(key, value)| Command::MergeMetadata { key, value }),
        1 => prop::option::of(0..2_i64).prop_map(|value| Command::ReplaceMetadata { value }),
        1 => any::<bool>().prop_map(Command::Ban),
        1 => any::<bool>().prop_map(Command::Lock),
        12 => codes(),
    ]
}

pub(crate) fn body() -> impl Strategy<Value = IdentificationUpdate> {
    let field = || prop::option::of(prop::bool::weighted(0.6));
    (field(), field(), field()).prop_map(|(verified, reserved_for_second_factor, primary)| {
        IdentificationUpdate { verified, reserved_for_second_factor, primary }
    })
}

fn user_patch() -> impl Strategy<Value = UserPatch> {
    fn field(values: &'static [&'static str]) -> impl Strategy<Value = Patch<&'static str>> {
        prop_oneof![
            2 => Just(Patch::Absent),
            1 => Just(Patch::Null),
            1 => prop::sample::select(values).prop_map(Patch::Set),
        ]
    }
    let pick = || prop::option::weighted(0.3, 0..32_usize);
    (field(&USERNAMES), field(&EXTERNAL_IDS), field(&["Ada", "Grace"]), pick(), pick()).prop_map(
        |(username, external_id, first_name, primary_phone_number, primary_email_address)| UserPatch {
            username,
            external_id,
            first_name,
            primary_phone_number,
            primary_email_address,
        },
    )
}

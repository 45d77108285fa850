//! Random commands on a few users of one instance who share a few numbers, addresses and names: every rule of the
//! contract's section 4 holds after each, and a naive reading of the contract agrees with what came out.

use crate::model::{Code, Model, New, code};
use crate::section_8::digest;
use crate::support::{bare_user, env_at, identifier};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRunner};
use serde_json::json;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use verger_core::event::{self, Resource};
use verger_core::metadata::Metadata;
use verger_core::user::{
    IdentificationStatus, IdentificationUpdate, MetadataChange, NewIdentification, NewUser, ProfileChange,
};
use verger_core::verification::{Attempt, Prepared};
use verger_core::{
    Change, Claims, Consequence, Env, Identification, Identifier, IdentifierKind, PendingCode, Refusal,
    SecondFactor, User, Username, Verification, VerificationStatus, VerificationWindow,
};
use verger_wire::{IdentificationId, Patch, UnixMillis, UserId};

const PHONES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const EMAILS: [&str; 3] = ["x@", "y@", "z@"];
/// The first two are the same name.
const USERNAMES: [&str; 3] = ["ada_l", "ADA_L", "grace"];
const EXTERNAL_IDS: [&str; 2] = ["crm-1", "crm-2"];
const START: UnixMillis = UnixMillis(1_800_000_000_000);

pub(crate) type Verdict = Result<(), TestCaseError>;
type Coverage = RefCell<BTreeMap<String, u32>>;

/// How often each random test draws a case, unless `VERGER_RANDOM_CASES` says otherwise.
pub(crate) const CASES: u32 = 10_000;

pub(crate) fn config() -> ProptestConfig {
    let cases = std::env::var("VERGER_RANDOM_CASES").map_or(CASES, |text| text.parse().expect("a number"));
    ProptestConfig {
        cases,
        failure_persistence: None,
        // A strategy seeds a generator for every choice that it leaves open, which cost the default one half of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    }
}

// What can happen

#[derive(Clone, Debug)]
struct Step {
    who: usize,
    command: Command,
    /// Zero puts two commands into the same millisecond.
    wait_ms: i64,
    /// A load may bring identifications in any order.
    turn: usize,
}

#[derive(Clone, Debug)]
enum Command {
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
struct UserPatch {
    username: Patch<&'static str>,
    external_id: Patch<&'static str>,
    first_name: Patch<&'static str>,
    primary_phone_number: Option<usize>,
    primary_email_address: Option<usize>,
}

/// A few additions first, so that most sequences meet users who have something to lose.
fn steps() -> impl Strategy<Value = Vec<Step>> {
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

// The instance

/// What came of a command.
struct Answer {
    what: &'static str,
    outcome: Result<Change, Refusal>,
    /// Side effects that the command itself asked for.
    named: Vec<Consequence>,
}

struct World<'a> {
    users: [Option<User>; 4],
    /// Stands in for the store's unique key.
    claims: BTreeMap<(IdentifierKind, String), UserId>,
    windows: BTreeMap<(IdentifierKind, String), VerificationWindow>,
    /// Every code that was sent, oldest first, as the store keeps it.
    sent: Vec<Sent>,
    /// The contract's own count, written down anew: when the tries of a number failed.
    failures: BTreeMap<(IdentifierKind, String), Vec<i64>>,
    env: Env,
    coverage: &'a Coverage,
}

struct Sent {
    code: String,
    identification: IdentificationId,
    of: (IdentifierKind, String),
    verification: PendingCode,
}

impl<'a> World<'a> {
    fn new(coverage: &'a Coverage) -> Self {
        let mut env = env_at(START);
        let users = [Some(bare_user(&mut env)), Some(bare_user(&mut env)), Some(bare_user(&mut env)), None];
        Self {
            users,
            claims: BTreeMap::new(),
            windows: BTreeMap::new(),
            sent: Vec::new(),
            failures: BTreeMap::new(),
            env,
            coverage,
        }
    }

    fn count(&self, what: String) {
        *self.coverage.borrow_mut().entry(what).or_default() += 1;
    }

    fn run(&mut self, step: Step) -> Verdict {
        self.env.now = self.env.now.plus_ms(step.wait_ms);
        if let Command::CreateUser { held, username, skip } = step.command {
            return match self.users.iter().position(Option::is_none) {
                Some(slot) => self.create_user(slot, &held, username, skip),
                None => Ok(()),
            };
        }
        let Some(slot) = (step.who..step.who + 4).map(|at| at % 4).find(|at| self.users[*at].is_some())
        else {
            return Ok(());
        };
        let mut user = self.users[slot].take().unwrap();
        let length = user.identifications.len().max(1);
        user.identifications.rotate_left(step.turn % length);
        let next = self.run_on(user, step.command)?;
        self.users[slot] = next;
        self.rules_hold()
    }

    /// Runs a command on a user, who is outside the world meanwhile; gives the user afterwards.
    fn run_on(&mut self, user: User, command: Command) -> Result<Option<User>, TestCaseError> {
        if let Command::DeleteUser = command {
            events_tell_the_difference(Some(&user), None)?;
            self.claims.retain(|_, owner| *owner != user.id);
            return Ok(None);
        }
        if let Command::Attempt { back, right } = command {
            return self.attempt(user, back, right).map(Some);
        }
        let untouched = user.clone();
        let Answer { what, outcome, named } = self.answer(&user, command)?;
        prop_assert_eq!(&user, &untouched, "a command touched the user it was given");
        match outcome {
            Err(refusal) => {
                self.count(format!("{what}: {}", code(refusal)));
                Ok(Some(user))
            }
            Ok(change) => {
                self.count(format!("{what}: {}", if change.user == user { "unchanged" } else { "changed" }));
                for consequence in &change.consequences {
                    self.count(consequence.as_str().to_owned());
                }
                change_is_sound(&user, &change, &named, self.env.now)?;
                self.claim(&change.user)?;
                Ok(Some(change.user))
            }
        }
    }

    /// Gives the command to the user and to the model, who must agree.
    fn answer(&mut self, user: &User, command: Command) -> Result<Answer, TestCaseError> {
        let model = Model::of(user);
        match command {
            Command::CreateUser { .. } | Command::DeleteUser | Command::Attempt { .. } => {
                unreachable!("not one change of a user")
            }
            Command::Post { name, verified, second_factor, primary } => {
                self.post(user, name, verified, second_factor, primary)
            }
            Command::Put { name, status } => self.put(user, name, status),
            Command::Patch { pick, body } => self.patch(user, pick, body),
            Command::PatchUser(patch) => self.patch_user(user, &model, patch),
            Command::Prepare { pick } => self.prepare(user, model, pick),
            Command::Delete { pick } => {
                let id = self.pick(user, pick);
                let outcome = user.remove_identification(&id, &mut self.env);
                agree(&outcome, model.delete(id.as_str(), self.env.now.0))?;
                subject_is(&outcome, &id)?;
                only_identifications_differ(user, &outcome)?;
                Ok(Answer { what: "delete", outcome, named: vec![] })
            }
            Command::DeleteMfa => {
                let outcome = Ok(user.disable_mfa(&mut self.env));
                agree(&outcome, Ok(model.delete_mfa(self.env.now.0)))?;
                only_identifications_differ(user, &outcome)?;
                Ok(Answer { what: "delete mfa", outcome, named: vec![Consequence::MfaDisabled] })
            }
            Command::MergeMetadata { key, value } => {
                let change = metadata_change(&json!({ key: value }));
                let outcome = user.merge_metadata(&change, &mut self.env);
                agree(&outcome, Ok(model))?;
                let merged = &outcome.as_ref().unwrap().user.public_metadata;
                prop_assert_eq!(merged.get(key).cloned(), value.map(|value| json!(value).into()));
                Ok(Answer { what: "merge metadata", outcome, named: vec![] })
            }
            Command::ReplaceMetadata { value } => {
                let object = value.map_or(json!({}), |value| json!({ "k": value }));
                let outcome = user.replace_metadata(metadata_change(&object), &mut self.env);
                agree(&outcome, Ok(model))?;
                prop_assert_eq!(
                    Some(outcome.as_ref().unwrap().user.public_metadata.clone()),
                    as_metadata(&object)
                );
                Ok(Answer { what: "replace metadata", outcome, named: vec![] })
            }
            Command::Ban(banned) => {
                let change = user.set_banned(banned, &mut self.env);
                prop_assert_eq!(change.user.banned_at, since(user.banned_at, banned, self.env.now));
                let outcome = Ok(change);
                agree(&outcome, Ok(model))?;
                Ok(Answer { what: "ban", outcome, named: vec![] })
            }
            Command::Lock(locked) => {
                let change = user.set_locked(locked, &mut self.env);
                prop_assert_eq!(change.user.locked_at, since(user.locked_at, locked, self.env.now));
                let outcome = Ok(change);
                agree(&outcome, Ok(model))?;
                Ok(Answer { what: "lock", outcome, named: vec![] })
            }
        }
    }

    fn post(
        &mut self,
        user: &User,
        name: &str,
        verified: bool,
        second_factor: bool,
        primary: bool,
    ) -> Result<Answer, TestCaseError> {
        let identifier = identifier(name);
        let (kind, text) = (identifier.kind(), identifier.as_str().to_owned());
        let is_phone = kind == IdentifierKind::PhoneNumber;
        let reserved_for_second_factor = second_factor && is_phone;
        let new =
            New { is_phone, text: &text, verified, reserved: false, reserved_for_second_factor, primary };
        let real = NewIdentification { identifier, verified, primary, reserved_for_second_factor };
        let outcome = user.add_identification(real, &self.claims_of_others(&user.id), &mut self.env);
        let id = subject_is_new(user, &outcome)?;
        let taken = self.is_claimed(kind, &text);
        agree(&outcome, Model::of(user).post(&new, &id, taken, self.env.now.0))?;
        only_identifications_differ(user, &outcome)?;
        Ok(Answer { what: "post", outcome, named: vec![primary_moved(is_phone)] })
    }

    fn put(
        &mut self,
        user: &User,
        name: &str,
        status: IdentificationStatus,
    ) -> Result<Answer, TestCaseError> {
        let identifier = identifier(name);
        let (kind, text) = (identifier.kind(), identifier.as_str().to_owned());
        let is_phone = kind == IdentifierKind::PhoneNumber;
        let new = New {
            is_phone,
            text: &text,
            verified: status == IdentificationStatus::Verified,
            reserved: status == IdentificationStatus::Reserved,
            reserved_for_second_factor: false,
            primary: true,
        };
        let claims = self.claims_of_others(&user.id);
        let outcome = user.replace_identification(identifier, status, &claims, &mut self.env);
        let id = subject_is_new(user, &outcome)?;
        let taken = self.is_claimed(kind, &text);
        agree(&outcome, Model::of(user).put(&new, &id, taken, self.env.now.0))?;
        only_identifications_differ(user, &outcome)?;
        Ok(Answer { what: "put", outcome, named: vec![primary_moved(is_phone)] })
    }

    fn patch(
        &mut self,
        user: &User,
        pick: usize,
        mut body: IdentificationUpdate,
    ) -> Result<Answer, TestCaseError> {
        let id = self.pick(user, pick);
        let held = user.identification(&id).map(|held| &held.identifier);
        let is_phone = held.is_some_and(|held| held.kind() == IdentifierKind::PhoneNumber);
        let taken = held.is_some_and(|held| self.is_claimed(held.kind(), held.as_str()));
        if !is_phone {
            // An address has no such field.
            body.reserved_for_second_factor = None;
        }
        let outcome = user.update_identification(&id, body, &self.claims_of_others(&user.id), &mut self.env);
        agree(&outcome, Model::of(user).patch(id.as_str(), body, taken, self.env.now.0))?;
        subject_is(&outcome, &id)?;
        only_identifications_differ(user, &outcome)?;
        let named = (body.primary == Some(true)).then(|| primary_moved(is_phone)).into_iter().collect();
        Ok(Answer { what: "patch", outcome, named })
    }

    fn barred(user: &User) -> Option<Code> {
        match (user.banned_at, user.locked_at) {
            (Some(_), _) => Some("user_banned"),
            (None, Some(_)) => Some("user_locked"),
            (None, None) => None,
        }
    }

    /// Ten failures in the last hour, counted anew.
    fn is_closed(&self, of: &(IdentifierKind, String)) -> bool {
        let now = self.env.now.0;
        self.failures.get(of).is_some_and(|at| at.iter().filter(|at| now - **at < 3_600_000).count() >= 10)
    }

    fn prepare(&mut self, user: &User, model: Model, pick: usize) -> Result<Answer, TestCaseError> {
        let id = self.pick(user, pick);
        let of = user.identification(&id).map(|held| (held.identifier.kind(), held.identifier.as_str()));
        let of = of.map(|(kind, text)| (kind, text.to_owned()));
        let window = of.as_ref().and_then(|of| self.windows.get(of)).cloned().unwrap_or_default();
        let claims = self.claims_of_others(&user.id);
        let outcome = user.prepare_verification(&id, &window, &claims, digest, &mut self.env);
        let now = self.env.now.0;
        let expected: Result<(), Code> = match (&of, Self::barred(user)) {
            (None, _) => Err("resource_not_found"),
            (_, Some(code)) => Err(code),
            (Some(of), None) => {
                let last = self.sent.iter().rev().find(|sent| sent.of == *of);
                if self.is_claimed(of.0, &of.1) {
                    Err("form_identifier_exists")
                } else if self.is_closed(of) {
                    Err("too_many_requests")
                } else if last.is_some_and(|last| now - last.verification.created_at.0 < 30_000) {
                    Err("verification_code_too_many_requests")
                } else {
                    Ok(())
                }
            }
        };
        prop_assert_eq!(outcome.as_ref().map(|_| ()).map_err(|refusal| code(*refusal)), expected);
        let outcome = match (outcome, of) {
            (Ok(Prepared { change, window, code, .. }), Some(of)) => {
                let verification = change.user.identification(&id).unwrap().pending_code.clone().unwrap();
                prop_assert_eq!(verification.expire_at.0, now + 600_000);
                prop_assert_eq!(verification.attempts, 0);
                self.windows.insert(of.clone(), window);
                self.sent.push(Sent { code, identification: id.clone(), of, verification });
                Ok(change)
            }
            (Err(refusal), _) => Err(refusal),
            (Ok(_), None) => return Err(TestCaseError::fail("a code for nobody")),
        };
        if outcome.is_ok() {
            agree(&outcome, Ok(model))?;
        }
        subject_is(&outcome, &id)?;
        only_identifications_differ(user, &outcome)?;
        Ok(Answer { what: "prepare", outcome, named: vec![] })
    }

    /// As the server does it: count, keep, compare, accept. The naive count says what must come of it. Gives the user
    /// afterwards, who was written twice if the code was right.
    fn attempt(&mut self, user: User, back: usize, right: bool) -> Result<User, TestCaseError> {
        let own = |sent: &&Sent| user.identification(&sent.identification).is_some();
        let Some(sent) = self.sent.iter().rev().filter(own).nth(back) else { return Ok(user) };
        let (id, of, tried) = (sent.identification.clone(), sent.of.clone(), sent.verification.clone());
        let code_tried = if right { sent.code.clone() } else { "wrong!".to_owned() };
        let now = self.env.now;
        let mut held = user.identifications.iter().filter_map(|held| held.pending_code.as_ref());
        let is_live = held.any(|newest| newest.id == tried.id);
        let is_open = user.identification(&id).is_some_and(|held| !held.verification.is_claimed());
        let expected: Result<VerificationStatus, Code> = if let Some(code) = Self::barred(&user) {
            Err(code)
        } else if tried.verified_at.is_some() {
            Err("verification_already_verified")
        } else if is_open && self.is_claimed(of.0, &of.1) {
            Err("form_identifier_exists")
        } else if self.is_closed(&of) || tried.attempts >= 5 {
            Ok(VerificationStatus::Failed)
        } else if now.0 >= tried.created_at.0 + 600_000 || !is_live {
            Ok(VerificationStatus::Expired)
        } else if right {
            Ok(VerificationStatus::Verified)
        } else {
            Ok(VerificationStatus::Unverified)
        };
        let what = expected.map_or_else(|code| code, VerificationStatus::as_str);
        self.count(format!("attempt: {what}"));

        let window = self.windows.get(&of).cloned().unwrap_or_default();
        let claims = self.claims_of_others(&user.id);
        let begun = user.begin_attempt(&id, &tried, &window, &claims, &self.env);
        let (counted, window) = match begun {
            Ok(Attempt::Counted { change, window }) => (change, window),
            Ok(Attempt::Ended(status)) => {
                prop_assert!(!matches!(
                    status,
                    VerificationStatus::Unverified | VerificationStatus::Verified
                ));
                prop_assert_eq!(Ok(status), expected);
                return Ok(user);
            }
            Err(refusal) => {
                prop_assert_eq!(Err(code(refusal)), expected);
                return Ok(user);
            }
        };
        let model = Model::of(&user);
        change_is_sound(&user, &counted, &[], now)?;
        subject_is(&Ok(counted.clone()), &id)?;
        agree(&Ok(counted.clone()), Ok(model.clone()))?;
        self.failures.entry(of.clone()).or_default().push(now.0);
        prop_assert!(window.failures.len() <= 10);
        self.windows.insert(of.clone(), window.clone());
        self.keep(&counted.user, &id);
        let (binding, stored) = counted.user.code_binding(&id).unwrap();
        if digest(&binding, &code_tried) != *stored {
            prop_assert_eq!(Ok(VerificationStatus::Unverified), expected);
            return Ok(counted.user);
        }
        match counted.user.accept_code(&id, &tried.id, &window, &claims, &self.env) {
            Ok((change, window)) => {
                prop_assert_eq!(Ok(VerificationStatus::Verified), expected);
                prop_assert_eq!(&window.failures, &vec![]);
                self.failures.remove(&of);
                self.windows.insert(of, window);
                self.keep(&change.user, &id);
                change_is_sound(&counted.user, &change, &[], now)?;
                let mut after = model;
                let held = after.held.iter_mut().find(|held| held.id == id.as_str()).unwrap();
                (held.verified, held.reserved) = (true, false);
                let accepted = change.user.clone();
                let outcome = Ok(change);
                agree(&outcome, Ok(after))?;
                subject_is(&outcome, &id)?;
                only_identifications_differ(&user, &outcome)?;
                self.claim(&accepted)?;
                Ok(accepted)
            }
            Err(refusal) => {
                prop_assert_eq!(Err(code(refusal)), expected);
                Ok(counted.user)
            }
        }
    }

    fn keep(&mut self, user: &User, id: &IdentificationId) {
        let verification = user.identification(id).and_then(|held| held.pending_code.clone()).unwrap();
        let sent = self.sent.iter_mut().find(|sent| sent.verification.id == verification.id).unwrap();
        sent.verification = verification;
    }

    fn create_user(
        &mut self,
        slot: usize,
        held: &[(&'static str, IdentificationStatus)],
        username: Option<&'static str>,
        skip: bool,
    ) -> Verdict {
        let new = NewUser {
            identifications: held.iter().map(|(name, status)| (identifier(name), *status)).collect(),
            skip_user_requirement: skip,
            profile: ProfileChange {
                username: username.map_or(Patch::Absent, |name| Patch::Set(Username::parse(name).unwrap())),
                ..ProfileChange::default()
            },
            ..NewUser::default()
        };
        let taken = held.iter().any(|(name, _)| {
            let identifier = identifier(name);
            self.is_claimed(identifier.kind(), identifier.as_str())
        }) || username
            .is_some_and(|name| self.is_claimed(IdentifierKind::Username, &name.to_lowercase()));
        let names: BTreeSet<_> = held.iter().map(|(name, _)| name).collect();
        let expected: Result<(), Code> = if taken || names.len() < held.len() {
            Err("form_identifier_exists")
        } else if held.is_empty() && username.is_none() && !skip {
            Err("form_data_missing")
        } else {
            Ok(())
        };
        let claims = Claims::new(self.claims.keys().cloned());
        let outcome = User::create(new, &claims, &mut self.env);
        prop_assert_eq!(outcome.as_ref().map(|_| ()).map_err(|refusal| code(*refusal)), expected);
        self.count(format!("create user: {}", expected.err().unwrap_or("created")));
        if let Ok(Change { user, consequences, subject }) = outcome {
            prop_assert_eq!((consequences, subject, user.version), (vec![], None, 1));
            prop_assert_eq!((user.created_at, user.updated_at), (self.env.now, self.env.now));
            let model = Model::of(&user);
            prop_assert_eq!(model.held.len(), held.len());
            for (held, (name, status)) in model.held.iter().zip(held) {
                prop_assert_eq!(held.text.clone(), identifier(name).as_str().to_owned());
                prop_assert_eq!(held.verified, *status == IdentificationStatus::Verified);
                prop_assert_eq!(held.reserved, *status == IdentificationStatus::Reserved);
                prop_assert!(!held.reserved_for_second_factor);
            }
            let first = |is_phone| {
                model.held.iter().find(|held| held.is_phone == is_phone).map(|held| held.id.clone())
            };
            prop_assert_eq!(&model.primary_phone_number_id, &first(true));
            prop_assert_eq!(&model.primary_email_address_id, &first(false));
            events_tell_the_difference(None, Some(&user))?;
            self.claim(&user)?;
            self.users[slot] = Some(user);
        }
        self.rules_hold()
    }

    fn patch_user(&mut self, user: &User, model: &Model, patch: UserPatch) -> Result<Answer, TestCaseError> {
        let phone = patch.primary_phone_number.map(|pick| self.pick(user, pick));
        let email = patch.primary_email_address.map(|pick| self.pick(user, pick));
        let mut reasons: Vec<Code> = Vec::new();
        let is_taken = |kind, field: Patch<&str>| {
            field.set().is_some_and(|text| match kind {
                IdentifierKind::Username => self.is_claimed(kind, &text.to_lowercase()),
                _ => self.is_claimed(kind, text),
            })
        };
        if is_taken(IdentifierKind::Username, patch.username)
            || is_taken(IdentifierKind::ExternalId, patch.external_id)
        {
            reasons.push("form_identifier_exists");
        }
        for (id, is_phone) in [(&phone, true), (&email, false)] {
            let Some(id) = id else { continue };
            match model.held.iter().find(|held| held.id == id.as_str() && held.is_phone == is_phone) {
                None => reasons.push("form_resource_not_found"),
                Some(held) if !held.verified && !held.reserved => reasons.push("form_verification_needed"),
                Some(_) => {}
            }
        }
        if patch.username == Patch::Null && model.has_username && model.held.is_empty() {
            reasons.push("identification_deletion_failed");
        }
        let change = ProfileChange {
            username: map_patch(patch.username, |name| Username::parse(name).unwrap()),
            external_id: map_patch(patch.external_id, ToOwned::to_owned),
            first_name: map_patch(patch.first_name, ToOwned::to_owned),
            primary_phone_number_id: phone.clone(),
            primary_email_address_id: email.clone(),
            ..ProfileChange::default()
        };
        let outcome = user.update(change, &self.claims_of_others(&user.id), &mut self.env);
        match &outcome {
            Err(refusal) => prop_assert!(reasons.contains(&code(*refusal)), "{refusal:?} but {reasons:?}"),
            Ok(change) => {
                prop_assert_eq!(&reasons, &Vec::<Code>::new());
                prop_assert_eq!(&change.subject, &None);
                let mut expected = user.clone();
                patch_field(
                    &mut expected.username,
                    map_patch(patch.username, |name| Username::parse(name).unwrap()),
                );
                patch_field(&mut expected.external_id, map_patch(patch.external_id, ToOwned::to_owned));
                patch_field(&mut expected.first_name, map_patch(patch.first_name, ToOwned::to_owned));
                expected.primary_phone_number_id = phone.or(expected.primary_phone_number_id);
                expected.primary_email_address_id = email.or(expected.primary_email_address_id);
                expected.version = change.user.version;
                expected.updated_at = change.user.updated_at;
                prop_assert_eq!(&change.user, &expected);
            }
        }
        let mut named = Vec::new();
        if patch.primary_phone_number.is_some() {
            named.push(primary_moved(true));
        }
        if patch.primary_email_address.is_some() {
            named.push(primary_moved(false));
        }
        Ok(Answer { what: "patch user", outcome, named })
    }

    /// An id of the user's own, now and then of another user, or of nobody.
    fn pick(&self, user: &User, pick: usize) -> IdentificationId {
        let own = &user.identifications;
        if pick < 30 && !own.is_empty() {
            return own[pick % own.len()].id.clone();
        }
        let others = self.users.iter().flatten().flat_map(|other| &other.identifications).next();
        others.map_or_else(|| IdentificationId::from("idn_of_nobody"), |held| held.id.clone())
    }

    /// What a load would bring: everything that others have claimed.
    fn claims_of_others(&self, id: &UserId) -> Claims {
        Claims::new(self.claims.iter().filter(|(_, owner)| *owner != id).map(|(claim, _)| claim.clone()))
    }

    /// Some user in the world has claimed it, as read off the users themselves.
    fn is_claimed(&self, kind: IdentifierKind, text: &str) -> bool {
        self.users.iter().flatten().any(|user| claimed_by(user).contains(&(kind, text.to_owned())))
    }

    /// Books the claims of a user as the store would, whose unique key must not be needed here.
    fn claim(&mut self, user: &User) -> Verdict {
        self.claims.retain(|_, owner| *owner != user.id);
        for (kind, text, holder) in user.claimed() {
            if let Some(holder) = holder {
                let held = user.identification(holder).map(|held| held.identifier.as_str());
                prop_assert_eq!(held, Some(text.as_str()));
            }
            let earlier = self.claims.insert((kind, text), user.id.clone());
            prop_assert_eq!(earlier, None, "rule 3: claimed twice");
        }
        Ok(())
    }

    /// Section 4, read off all users.
    fn rules_hold(&self) -> Verdict {
        let mut claimed = BTreeMap::new();
        let mut unverified_copies = BTreeMap::new();
        for user in self.users.iter().flatten() {
            user_is_sound(user)?;
            for claim in claimed_by(user) {
                let earlier = claimed.insert(claim, user.id.clone());
                prop_assert_eq!(earlier, None, "rule 3: one text, two users");
            }
            for held in
                user.identifications.iter().filter(|held| held.verification == Verification::Unverified)
            {
                *unverified_copies.entry(held.identifier.as_str()).or_insert(0) += 1;
            }
        }
        prop_assert_eq!(&claimed, &self.claims, "what users say they claim is what they hold");
        if unverified_copies.values().any(|copies| *copies > 1) {
            self.count("unverified copies on several users".to_owned());
        }
        if unverified_copies.keys().any(|text| claimed.keys().any(|(_, claimed)| claimed == text)) {
            self.count("an unverified copy of what another has claimed".to_owned());
        }
        Ok(())
    }
}

// What must be true

fn claimed_by(user: &User) -> BTreeSet<(IdentifierKind, String)> {
    let held = user.identifications.iter().filter(|held| held.verification != Verification::Unverified);
    let username = user.username.iter().map(|name| (IdentifierKind::Username, name.as_str().to_lowercase()));
    let external_id = user.external_id.iter().map(|id| (IdentifierKind::ExternalId, id.clone()));
    let held = held.map(|held| (held.identifier.kind(), held.identifier.as_str().to_owned()));
    held.chain(username).chain(external_id).collect()
}

/// The rules of section 4 that one user can break.
fn user_is_sound(user: &User) -> Verdict {
    prop_assert_eq!(user.check(), Ok(()));
    let (mut ids, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for held in &user.identifications {
        prop_assert!(ids.insert(&held.id), "two identifications with one id");
        prop_assert!(
            texts.insert((held.identifier.kind(), held.identifier.as_str())),
            "rule 4: twice the same"
        );
        prop_assert!(held.created_at <= held.updated_at && held.updated_at <= user.updated_at);
        if held.second_factor != SecondFactor::No {
            prop_assert!(
                matches!(held.identifier, Identifier::Phone(_)),
                "rule 2: a second factor is a number"
            );
            prop_assert!(is_verified(Some(held)), "rule 2: unverified");
        }
    }
    let roles: Vec<_> = user.identifications.iter().map(|held| held.second_factor).collect();
    let defaults = roles.iter().filter(|role| **role == SecondFactor::Default).count();
    let second_factors = roles.iter().filter(|role| **role != SecondFactor::No).count();
    prop_assert_eq!(defaults, second_factors.min(1), "rule 2: exactly one default");
    prop_assert_eq!(user.two_factor_enabled(), second_factors > 0, "rule 5");
    prop_assert!(!user.two_factor_enabled() || user.mfa_enabled_at.is_some());
    for kind in [IdentifierKind::PhoneNumber, IdentifierKind::EmailAddress] {
        if let Some(primary) = user.primary(kind) {
            let held = user.identification(primary);
            prop_assert_eq!(held.map(|held| held.identifier.kind()), Some(kind), "rule 1");
        }
        let shown = user.newest_first(kind);
        prop_assert!(shown.is_sorted_by(|a, b| (a.created_at, &a.id) > (b.created_at, &b.id)));
        let of_kind = user.identifications.iter().filter(|held| held.identifier.kind() == kind);
        prop_assert_eq!(shown.len(), of_kind.count());
    }
    Ok(())
}

/// Versions, times, consequences and events of an accepted command.
pub(crate) fn change_is_sound(
    before: &User,
    change: &Change,
    named: &[Consequence],
    now: UnixMillis,
) -> Verdict {
    let after = &change.user;
    user_is_sound(after)?;

    let mut same_but_for_its_version = after.clone();
    same_but_for_its_version.version = before.version;
    same_but_for_its_version.updated_at = before.updated_at;
    if same_but_for_its_version == *before {
        prop_assert_eq!(after, before, "nothing changed but the version or the time");
        prop_assert_eq!(&change.consequences, &vec![]);
    } else {
        prop_assert_eq!(after.version, before.version + 1);
        prop_assert_eq!(after.updated_at, now, "rule 10: the user's own time");
    }
    for held in &after.identifications {
        let Some(earlier) = before.identification(&held.id) else {
            prop_assert_eq!((held.created_at, held.updated_at), (now, now));
            continue;
        };
        let mut same_but_for_its_time = held.clone();
        same_but_for_its_time.updated_at = earlier.updated_at;
        let expected = if same_but_for_its_time == *earlier { earlier.updated_at } else { now };
        prop_assert_eq!(held.updated_at, expected, "rule 10: the number's own time");
        prop_assert_eq!(held.created_at, earlier.created_at);
        prop_assert_eq!(&held.identifier, &earlier.identifier);
        if let (Verification::VerifiedByAdmin { at } | Verification::VerifiedByCode { at, .. }, false) =
            (held.verification, earlier.verification == held.verification)
        {
            prop_assert_eq!(at, now);
        }
    }
    prop_assert_eq!(&after.id, &before.id);

    let mut told: Vec<_> = change.consequences.iter().map(|consequence| consequence.as_str()).collect();
    told.sort_unstable();
    prop_assert_eq!(told, consequences(&Model::of(before), &Model::of(after), named));
    events_tell_the_difference(Some(before), Some(after))
}

/// What the header must say, sorted: everything of its list that happened and was not named.
fn consequences(before: &Model, after: &Model, named: &[Consequence]) -> Vec<&'static str> {
    let default =
        |user: &Model| user.held.iter().find(|held| held.default_second_factor).map(|held| held.id.clone());
    let ways_to_sign_in = |user: &Model| {
        user.held.iter().filter(|held| held.verified || held.reserved).count()
            + usize::from(user.has_username)
    };
    let is_move = |before: &Option<String>, after: &Option<String>| {
        before.is_some() && after.is_some() && before != after
    };
    let is_clearing = |before: &Option<String>, after: &Option<String>| before.is_some() && after.is_none();
    let (phone_before, phone_after) = (&before.primary_phone_number_id, &after.primary_phone_number_id);
    let (email_before, email_after) = (&before.primary_email_address_id, &after.primary_email_address_id);
    let happened = [
        ("default_second_factor_moved", is_move(&default(before), &default(after))),
        ("last_sign_in_identification_lost", ways_to_sign_in(before) > 0 && ways_to_sign_in(after) == 0),
        ("mfa_disabled", before.two_factor_enabled() && !after.two_factor_enabled()),
        ("primary_email_address_cleared", is_clearing(email_before, email_after)),
        ("primary_email_address_moved", is_move(email_before, email_after)),
        ("primary_phone_number_cleared", is_clearing(phone_before, phone_after)),
        ("primary_phone_number_moved", is_move(phone_before, phone_after)),
    ];
    let is_named = |code| named.iter().any(|named| named.as_str() == code);
    happened
        .into_iter()
        .filter(|(code, happened)| *happened && !is_named(*code))
        .map(|(code, _)| code)
        .collect()
}

/// What events can tell of a change: codes that come, are tried and end are nobody else's business.
fn tellable(before: Option<&User>, after: Option<&User>) -> Option<User> {
    let mut told = after?.clone();
    let Some(before) = before else { return Some(told) };
    for held in &mut told.identifications {
        if let Some(earlier) = before.identification(&held.id) {
            let mut same_but_for_codes = held.clone();
            same_but_for_codes.pending_code.clone_from(&earlier.pending_code);
            same_but_for_codes.updated_at = earlier.updated_at;
            if same_but_for_codes == *earlier {
                *held = same_but_for_codes;
            }
        }
    }
    let mut same_but_for_its_version = told.clone();
    same_but_for_its_version.version = before.version;
    same_but_for_its_version.updated_at = before.updated_at;
    Some(if same_but_for_its_version == *before { same_but_for_its_version } else { told })
}

/// The events are the difference: none without one, and replayed on what was they give what is.
fn events_tell_the_difference(before: Option<&User>, after: Option<&User>) -> Verdict {
    let events = event::between(before, after);
    let told = tellable(before, after);
    prop_assert_eq!(events.is_empty(), before == told.as_ref());
    if events.is_empty() {
        return Ok(());
    }
    let user_event = match (before, after) {
        (None, _) => "user.created",
        (_, None) => "user.deleted",
        _ => "user.updated",
    };
    prop_assert_eq!(events[0].kind.name(), user_event);
    prop_assert_eq!(events[0].before, before.map(Resource::User));
    prop_assert_eq!(events[0].after, after.map(Resource::User));

    let held = |user: Option<&User>| -> BTreeMap<IdentificationId, Identification> {
        let all = user.map_or(&[][..], |user| &user.identifications);
        all.iter().map(|held| (held.id.clone(), held.clone())).collect()
    };
    let mut replayed = held(before);
    let mut just_told = None;
    for event in &events[1..] {
        let name = event.kind.name();
        let (noun, verb) = name.split_once('.').unwrap();
        let state = |resource| match resource {
            Some(Resource::Identification(held)) => Ok(Some(held)),
            None => Ok(None),
            Some(Resource::User(_)) => Err(TestCaseError::fail("a second event of the user")),
        };
        let (was, is) = (state(event.before)?, state(event.after)?);
        let told = was.or(is).unwrap();
        prop_assert_eq!(noun, told.identifier.kind().as_str());
        match verb {
            "created" => {
                prop_assert!(was.is_none() && replayed.insert(told.id.clone(), is.unwrap().clone()).is_none())
            }
            "deleted" => prop_assert!(is.is_none() && replayed.remove(&told.id).as_ref() == was),
            "updated" => {
                prop_assert!(was != is);
                let replaced = replayed.insert(told.id.clone(), is.unwrap().clone());
                prop_assert_eq!(replaced.as_ref(), was);
            }
            "verified" => {
                // The second half of the event before it.
                prop_assert_eq!(just_told, Some((was, is)));
                prop_assert!(is_verified(is) && !is_verified(was));
            }
            _ => prop_assert!(false, "{name}"),
        }
        just_told = Some((was, is));
    }
    prop_assert_eq!(&replayed, &held(told.as_ref()));
    let was_verified =
        |id: &IdentificationId| is_verified(before.and_then(|before| before.identification(id)));
    let newly_verified = replayed.values().filter(|is| is_verified(Some(is)) && !was_verified(&is.id));
    let told = events.iter().filter(|event| event.kind.name().ends_with(".verified")).count();
    prop_assert_eq!(newly_verified.count(), told);
    Ok(())
}

fn is_verified(held: Option<&Identification>) -> bool {
    held.is_some_and(|held| {
        matches!(
            held.verification,
            Verification::VerifiedByAdmin { .. } | Verification::VerifiedByCode { .. }
        )
    })
}

/// The naive reading and the real thing give the same answer.
pub(crate) fn agree(outcome: &Result<Change, Refusal>, expected: Result<Model, Code>) -> Verdict {
    let real = outcome.as_ref().map(|change| Model::of(&change.user)).map_err(|refusal| code(*refusal));
    prop_assert_eq!(real, expected);
    Ok(())
}

pub(crate) fn subject_is(outcome: &Result<Change, Refusal>, id: &IdentificationId) -> Verdict {
    if let Ok(change) = outcome {
        prop_assert_eq!(change.subject.as_ref(), Some(id));
    }
    Ok(())
}

/// What a command on an identification leads to leaves the profile alone.
fn only_identifications_differ(before: &User, outcome: &Result<Change, Refusal>) -> Verdict {
    if let Ok(Change { user: after, .. }) = outcome {
        let mut rest = after.clone();
        rest.identifications.clone_from(&before.identifications);
        rest.primary_phone_number_id.clone_from(&before.primary_phone_number_id);
        rest.primary_email_address_id.clone_from(&before.primary_email_address_id);
        (rest.mfa_enabled_at, rest.mfa_disabled_at) = (before.mfa_enabled_at, before.mfa_disabled_at);
        (rest.version, rest.updated_at) = (before.version, before.updated_at);
        prop_assert_eq!(&rest, before);
    }
    Ok(())
}

/// Since when it is so: a second time does not move it.
fn since(before: Option<UnixMillis>, set: bool, now: UnixMillis) -> Option<UnixMillis> {
    set.then(|| before.unwrap_or(now))
}

fn map_patch<T>(field: Patch<&'static str>, map: impl Fn(&str) -> T) -> Patch<T> {
    match field {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Set(text) => Patch::Set(map(text)),
    }
}

fn patch_field<T>(field: &mut Option<T>, patch: Patch<T>) {
    match patch {
        Patch::Absent => {}
        Patch::Null => *field = None,
        Patch::Set(value) => *field = Some(value),
    }
}

/// The id that a creation gave, or any text if it was refused.
fn subject_is_new(before: &User, outcome: &Result<Change, Refusal>) -> Result<String, TestCaseError> {
    let Ok(change) = outcome else { return Ok(String::new()) };
    let id = change.subject.clone().unwrap();
    prop_assert!(before.identification(&id).is_none() && change.user.identification(&id).is_some());
    Ok(id.into_string())
}

pub(crate) fn primary_moved(is_phone: bool) -> Consequence {
    if is_phone { Consequence::PrimaryPhoneNumberMoved } else { Consequence::PrimaryEmailAddressMoved }
}

fn metadata_change(object: &serde_json::Value) -> MetadataChange {
    MetadataChange { public_metadata: as_metadata(object), ..MetadataChange::default() }
}

fn as_metadata(object: &serde_json::Value) -> Option<Metadata> {
    object.as_object().cloned().map(Into::into)
}

/// What a run must have met: a rule that nothing puts to the test proves nothing.
const MUST_BE_MET: &[&str] = &[
    "create user: created",
    "create user: form_data_missing",
    "create user: form_identifier_exists",
    "post: changed",
    "post: form_identifier_exists",
    "post: form_verification_needed",
    "post: identification_create_second_factor_unverified",
    "post: identification_update_failed",
    "patch: changed",
    "patch: unchanged",
    "patch: form_identifier_exists",
    "patch: form_verification_needed",
    "patch: identification_update_failed",
    "patch: identification_update_second_factor_unverified",
    "patch: resource_not_found",
    "delete: changed",
    "delete: identification_deletion_failed",
    "delete: resource_not_found",
    "put: changed",
    "put: form_identifier_exists",
    "delete mfa: changed",
    "delete mfa: unchanged",
    "patch user: changed",
    "patch user: unchanged",
    "patch user: form_identifier_exists",
    "patch user: form_resource_not_found",
    "patch user: form_verification_needed",
    "merge metadata: changed",
    "merge metadata: unchanged",
    "replace metadata: changed",
    "replace metadata: unchanged",
    "ban: changed",
    "ban: unchanged",
    "lock: changed",
    "lock: unchanged",
    "prepare: changed",
    "prepare: form_identifier_exists",
    "prepare: resource_not_found",
    "prepare: user_banned",
    "prepare: user_locked",
    "prepare: verification_code_too_many_requests",
    "attempt: expired",
    "attempt: failed",
    "attempt: form_identifier_exists",
    "attempt: unverified",
    "attempt: user_banned",
    "attempt: user_locked",
    "attempt: verification_already_verified",
    "attempt: verified",
    "mfa_disabled",
    "default_second_factor_moved",
    "primary_phone_number_moved",
    "primary_phone_number_cleared",
    "primary_email_address_moved",
    "primary_email_address_cleared",
    "last_sign_in_identification_lost",
    "unverified copies on several users",
    "an unverified copy of what another has claimed",
];

#[test]
fn random_command_sequences_hold_every_rule() {
    let coverage = Coverage::default();
    let outcome = TestRunner::new(config()).run(&steps(), |steps| {
        let mut world = World::new(&coverage);
        for step in steps {
            world.run(step)?;
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    if config().cases < CASES {
        // Too few to meet what is rare.
        return;
    }
    let coverage = coverage.into_inner();
    let never_met: Vec<_> = MUST_BE_MET.iter().filter(|what| !coverage.contains_key(**what)).collect();
    assert!(never_met.is_empty(), "never met: {never_met:?} in {coverage:#?}");
}

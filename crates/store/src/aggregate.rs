//! What is loaded, decided about and written as a whole: the kinds of aggregates, their order, and how each is stored.
//!
//! One more kind is one more implementation of [`Aggregate`] and one more variant of [`AnyChange`].

use crate::db::{Query, Reach, Row, Stmt};
use crate::{KeySet, Scoped, StoreError};
use std::fmt;
use std::time::Instant;
use verger_core::{
    AccessEntry, Client, Invitation, JwtTemplate, RedirectUrl, Session, Settings, Ticket, User,
    WebhookEndpoint,
};
use verger_wire::{
    ClientId, InstanceId, InvitationId, JwtTemplateId, SessionId, UnixMillis, UserId, WebhookEndpointId,
};

/// The kinds of aggregates. Their order is the one in which a write of several waits for its turns and takes its locks, in
/// every process: two writes that took them in different orders could wait for each other for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AggregateKind {
    /// A tenant; also whatever counts its objects.
    Instance,
    /// What an operator sets for an instance.
    Settings,
    /// The keys that sign an instance's tokens, all together.
    SigningKeys,
    /// A user with its identifications.
    User,
    /// A browser or device.
    Client,
    /// A sign-in under way.
    SignIn,
    /// A sign-up under way.
    SignUp,
    /// A session of a user.
    Session,
    /// A webhook endpoint.
    WebhookEndpoint,
    /// An entry of the allow-list or the block-list.
    AccessEntry,
    /// A URL that native applications may be sent back to.
    RedirectUrl,
    /// An invitation.
    Invitation,
    /// A JWT template.
    JwtTemplate,
    /// A sign-in token or an actor token.
    Ticket,
}

/// Names one aggregate of an instance. Ordered by kind, then by id: the order of locks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateKey {
    /// The kind of object.
    pub kind: AggregateKind,
    /// The id of the object within its instance.
    pub id: String,
}

/// One aggregate before and after a decision. `None` stands for one that does not exist.
#[derive(Clone, Debug)]
pub struct Change<T> {
    /// The state as it was loaded; `None` for a creation.
    pub before: Option<T>,
    /// The state to store; `None` for a deletion.
    pub after: Option<T>,
}

/// A change of an aggregate of any kind.
#[derive(Clone, Debug)]
pub enum AnyChange {
    /// A change of a user.
    User(Change<User>),
    /// A change of a webhook endpoint.
    WebhookEndpoint(Change<WebhookEndpoint>),
    /// A change of what an instance is set to.
    Settings(Change<Settings>),
    /// A change of the keys that sign.
    SigningKeys(Change<KeySet>),
    /// An entry that is added or removed.
    AccessEntry(Change<AccessEntry>),
    /// A URL that is added or removed.
    RedirectUrl(Change<RedirectUrl>),
    /// A change of an invitation.
    Invitation(Change<Invitation>),
    /// A change of a client.
    Client(Change<Client>),
    /// A change of a session.
    Session(Change<Session>),
    /// A change of a JWT template.
    JwtTemplate(Change<JwtTemplate>),
    /// A change of a sign-in token or an actor token.
    Ticket(Change<Ticket>),
}

/// How aggregates of a kind are stored.
pub(crate) trait Aggregate: Clone + PartialEq {
    /// Its place in the order of locks.
    const KIND: AggregateKind;
    /// What a row of it that makes no sense is said to be of.
    const TABLE: &'static str;
    /// The rule that a stored aggregate can break.
    type Broken: fmt::Debug;

    /// The id of the object within its instance.
    fn id(&self) -> &str;

    /// What reads the aggregate with this id.
    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query>;

    /// Puts it together from the answers to [`Aggregate::load`]; `None` if it does not exist.
    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError>;

    /// Looks at every rule that one of them can break by itself.
    fn check(&self) -> Result<(), Self::Broken>;

    /// What writes a change of it, decided at `at`; at least the statement that compares versions, if anything differs.
    fn save(scoped: &Scoped<'_>, change: &Change<Self>, at: UnixMillis, statements: &mut Statements);

    /// The key that identifies the object in the store.
    fn key(&self) -> AggregateKey {
        AggregateKey { kind: Self::KIND, id: self.id().to_owned() }
    }

    /// The aggregate, unless it breaks a rule: then its row was damaged.
    fn checked(self) -> Result<Self, StoreError> {
        match self.check() {
            Ok(()) => Ok(self),
            Err(broken) => Err(StoreError::Corrupt {
                table: Self::TABLE,
                id: self.id().to_owned(),
                what: format!("it breaks the rule {broken:?}"),
            }),
        }
    }
}

/// The statements of a write. Those that take the lock of an aggregate come first and in the order of keys, whatever the
/// order of the changes; what belongs to the aggregates follows in the order of the changes, so that a claim that one user
/// gives up can be another's.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    locks: Vec<(AggregateKey, Stmt)>,
    rest: Vec<Stmt>,
}

impl AggregateKind {
    /// Every kind, in the order of locks.
    pub const ALL: [Self; 14] = [
        Self::Instance,
        Self::Settings,
        Self::SigningKeys,
        Self::User,
        Self::Client,
        Self::SignIn,
        Self::SignUp,
        Self::Session,
        Self::WebhookEndpoint,
        Self::AccessEntry,
        Self::RedirectUrl,
        Self::Invitation,
        Self::JwtTemplate,
        Self::Ticket,
    ];

    /// What one of them is called in an error.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Settings => "settings",
            Self::SigningKeys => "signing key",
            Self::User => "user",
            Self::Client => "client",
            Self::SignIn => "sign-in",
            Self::SignUp => "sign-up",
            Self::Session => "session",
            Self::WebhookEndpoint => "webhook endpoint",
            Self::AccessEntry => "identifier",
            Self::RedirectUrl => "redirect URL",
            Self::Invitation => "invitation",
            Self::JwtTemplate => "JWT template",
            Self::Ticket => "ticket",
        }
    }
}

impl AggregateKey {
    /// The key of an instance itself.
    pub fn instance(id: &InstanceId) -> Self {
        Self { kind: AggregateKind::Instance, id: id.to_string() }
    }

    /// The key of what an instance is set to.
    pub fn settings(id: &InstanceId) -> Self {
        Self { kind: AggregateKind::Settings, id: id.to_string() }
    }

    /// The key of all keys that sign for an instance.
    pub fn signing_keys(id: &InstanceId) -> Self {
        Self { kind: AggregateKind::SigningKeys, id: id.to_string() }
    }

    /// The key of an invitation.
    pub fn invitation(id: &InvitationId) -> Self {
        Self { kind: AggregateKind::Invitation, id: id.to_string() }
    }

    /// The key of a user.
    pub fn user(id: &UserId) -> Self {
        Self { kind: AggregateKind::User, id: id.to_string() }
    }

    /// The key of a webhook endpoint.
    pub fn webhook_endpoint(id: &WebhookEndpointId) -> Self {
        Self { kind: AggregateKind::WebhookEndpoint, id: id.to_string() }
    }

    /// The key of a client.
    pub fn client(id: &ClientId) -> Self {
        Self { kind: AggregateKind::Client, id: id.to_string() }
    }

    /// The key of a session.
    pub fn session(id: &SessionId) -> Self {
        Self { kind: AggregateKind::Session, id: id.to_string() }
    }

    /// The key of a JWT template.
    pub fn jwt_template(id: &JwtTemplateId) -> Self {
        Self { kind: AggregateKind::JwtTemplate, id: id.to_string() }
    }

    /// The key of a sign-in token or an actor token.
    pub fn ticket(id: &str) -> Self {
        Self { kind: AggregateKind::Ticket, id: id.to_owned() }
    }
}

impl<T> Change<T> {
    /// A change of an existing object.
    pub fn update(before: T, after: T) -> Self {
        Self { before: Some(before), after: Some(after) }
    }
}

impl AnyChange {
    pub(crate) fn statements(&self, scoped: &Scoped<'_>, at: UnixMillis, statements: &mut Statements) {
        match self {
            Self::User(change) => save(scoped, change, at, statements),
            Self::WebhookEndpoint(change) => save(scoped, change, at, statements),
            Self::Settings(change) => save(scoped, change, at, statements),
            Self::SigningKeys(change) => save(scoped, change, at, statements),
            Self::AccessEntry(change) => save(scoped, change, at, statements),
            Self::RedirectUrl(change) => save(scoped, change, at, statements),
            Self::Invitation(change) => save(scoped, change, at, statements),
            Self::Client(change) => save(scoped, change, at, statements),
            Self::Session(change) => save(scoped, change, at, statements),
            Self::JwtTemplate(change) => save(scoped, change, at, statements),
            Self::Ticket(change) => save(scoped, change, at, statements),
        }
    }
}

fn save<T: Aggregate>(scoped: &Scoped<'_>, change: &Change<T>, at: UnixMillis, statements: &mut Statements) {
    // Even if it is stale: nothing is asked for.
    if change.before != change.after {
        T::save(scoped, change, at, statements);
    }
}

/// One aggregate, one variant.
macro_rules! any_change {
    ($($variant:ident($kind:ty)),+ $(,)?) => {
        $(impl From<Change<$kind>> for AnyChange {
            fn from(change: Change<$kind>) -> Self {
                Self::$variant(change)
            }
        })+
    };
}

any_change! {
    User(User),
    WebhookEndpoint(WebhookEndpoint),
    Settings(Settings),
    SigningKeys(KeySet),
    AccessEntry(AccessEntry),
    RedirectUrl(RedirectUrl),
    Invitation(Invitation),
    Client(Client),
    Session(Session),
    JwtTemplate(JwtTemplate),
    Ticket(Ticket),
}

impl Statements {
    /// The statement that compares the version of an aggregate, and so takes its lock.
    pub(crate) fn lock(&mut self, key: AggregateKey, statement: Stmt) {
        self.locks.push((key, statement));
    }

    /// The same for an aggregate that is only to be kept from changing; once is enough.
    pub(crate) fn lock_once(&mut self, key: AggregateKey, statement: impl FnOnce() -> Stmt) {
        if self.locks.iter().all(|(locked, _)| *locked != key) {
            self.lock(key, statement());
        }
    }

    pub(crate) fn push(&mut self, statement: Stmt) {
        self.rest.push(statement);
    }

    pub(crate) fn in_order(mut self) -> Vec<Stmt> {
        self.locks.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.locks.into_iter().map(|(_, statement)| statement).chain(self.rest).collect()
    }
}

impl Scoped<'_> {
    /// The aggregate with this id, in one state of the database.
    pub(crate) async fn load<T: Aggregate>(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<Option<T>, StoreError> {
        let answers = self.store.db.snapshot(Reach::Point, T::load(self, id), deadline).await?;
        T::read(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_taken_in_the_fixed_order_of_kinds_and_then_of_ids() {
        assert!(AggregateKind::ALL.is_sorted());
        let names: Vec<_> = AggregateKind::ALL.iter().map(|kind| kind.noun()).collect();
        assert_eq!(
            names,
            [
                "instance",
                "settings",
                "signing key",
                "user",
                "client",
                "sign-in",
                "sign-up",
                "session",
                "webhook endpoint",
                "identifier",
                "redirect URL",
                "invitation",
                "JWT template",
                "ticket",
            ]
        );
        let key = |kind, id: &str| AggregateKey { kind, id: id.to_owned() };
        let expected = [
            key(AggregateKind::Instance, "z"),
            key(AggregateKind::User, "a"),
            key(AggregateKind::User, "b"),
            key(AggregateKind::Session, "a"),
            key(AggregateKind::WebhookEndpoint, "a"),
        ];
        let mut statements = Statements::default();
        statements.push(Stmt::new("rest", vec![]));
        for key in expected.iter().rev() {
            statements.lock(key.clone(), Stmt::new(format!("{key:?}"), vec![]));
            statements.lock_once(key.clone(), || Stmt::new("twice", vec![]));
        }
        let order: Vec<_> = statements.in_order().into_iter().map(|statement| statement.sql).collect();
        let mut names: Vec<_> = expected.iter().map(|key| format!("{key:?}")).collect();
        names.push("rest".to_owned());
        assert_eq!(order, names);
    }
}

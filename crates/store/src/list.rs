//! Lists and counts of users: the filters of the API as one statement.

use crate::changes::{PLACES_OF_INSTANCE, base};
use crate::db::{Columns, Query, Reach, Row, Value};
use crate::events::{join_payload, payload_of_event};
use crate::long_reads::Bound;
use crate::users::{
    IDENTIFICATION_COLUMN_COUNT, IDENTIFICATION_COLUMNS, JOIN_CODES, JOIN_CREDENTIALS, USER_COLUMN_COUNT,
    USER_COLUMNS, users_from,
};
use crate::{Scoped, StoreError};
use std::fmt::Write as _;
use std::time::Instant;
use verger_core::User;
use verger_wire::{UnixMillis, UserId};

/// Which users. All conditions that are given must hold; an empty list of values matches nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Has one of these addresses, in lower case.
    pub email_addresses: Option<Vec<String>>,
    /// Has one of these numbers.
    pub phone_numbers: Option<Vec<String>>,
    /// Has one of the included external ids and none of the excluded ones.
    pub external_ids: Option<Vec<(Sign, String)>>,
    /// Has one of these usernames, in lower case.
    pub usernames: Option<Vec<String>>,
    /// Is one of the included users and none of the excluded ones.
    pub user_ids: Option<Vec<(Sign, String)>>,
    /// Part of an address, number, username, id or name.
    pub query: Option<String>,
    /// The same text as a part of a number, where that is another text: without separators.
    pub query_as_number: Option<String>,
    /// Substring of an email address, case-insensitive.
    pub email_address_query: Option<String>,
    /// Substring of a phone number in E.164.
    pub phone_number_query: Option<String>,
    /// Substring of a username, case-insensitive.
    pub username_query: Option<String>,
    /// Part of the first or last name.
    pub name_query: Option<String>,
    /// Only users who are banned, or only those who are not.
    pub banned: Option<bool>,
    /// Created before this moment.
    pub created_before: Option<UnixMillis>,
    /// Created after this moment.
    pub created_after: Option<UnixMillis>,
    /// When they were last active.
    pub last_active: Span,
    /// When they last signed in.
    pub last_sign_in: Span,
}

/// A span of time. Whoever has no moment is in none, unless it is the whole of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Before this moment.
    pub before: Option<UnixMillis>,
    /// After this moment.
    pub after: Option<UnixMillis>,
    /// At this moment or after it.
    pub since: Option<UnixMillis>,
}

/// Whether a value of a filter includes or excludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `+` or no sign: only these.
    Include,
    /// `-`: all but these.
    Exclude,
}

/// What a list is ordered by; equal ones by their id. Users without the value count as having an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum OrderBy {
    #[default]
    CreatedAt,
    UpdatedAt,
    /// By the primary email address.
    EmailAddress,
    /// By the primary phone number.
    PhoneNumber,
    FirstName,
    LastName,
    Username,
    LastActiveAt,
    LastSignInAt,
    /// The id alone: for values that no user has yet.
    Id,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    #[default]
    Descending,
}

/// Which part of a list. The default one has nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserPage {
    /// Maximum number of users.
    pub limit: i64,
    /// Number of users to skip.
    pub offset: i64,
    /// Only those after this user; only when ordered by creation.
    pub starting_after: Option<UserId>,
    /// The column that the list is sorted by.
    pub order_by: OrderBy,
    /// Ascending or descending.
    pub direction: Direction,
}

/// Users up to the end of a page that an index leads to; a page behind that is a search.
const LISTED_ROWS_MAX: i64 = 1_000;

/// Longer than any text that is searched: two names of 256 characters of at most 4 bytes.
const PART_BYTES_MAX: usize = 4_096;

/// A text as searches compare it: in lower case letter by letter, so that part of a text folds to part of its fold. (A
/// sigma at the end of a word would not.)
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// A condition under construction: text, and parameters by number.
struct Condition {
    sql: String,
    params: Vec<Value>,
}

impl Condition {
    fn new(instance: &str) -> Self {
        Self { sql: "u.instance_id = $1".to_owned(), params: vec![instance.into()] }
    }

    /// The placeholder of one more parameter.
    fn param(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    fn params(&mut self, values: impl IntoIterator<Item = impl Into<Value>>) -> String {
        values.into_iter().map(|value| self.param(value)).collect::<Vec<_>>().join(", ")
    }

    fn and(&mut self, condition: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.sql, " AND {condition}");
    }

    /// A pattern that matches texts with `part` in them.
    fn pattern(&mut self, part: &str) -> String {
        // No stored text has a NUL or is so long. SQLite would end the pattern at the NUL, which would then match
        // anything, and it refuses patterns over 50,000 bytes.
        if part.contains('\0') || part.len() > PART_BYTES_MAX {
            return "IN (NULL)".to_owned();
        }
        let escaped = fold(part).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let placeholder = self.param(format!("%{escaped}%"));
        format!("LIKE {placeholder} ESCAPE '\\'")
    }

    fn has_identification(&mut self, kind: &str, condition: &str) {
        self.and(&format!(
            "u.id IN (SELECT f.user_id FROM identifications f
                      WHERE f.instance_id = $1 AND f.kind = '{kind}' AND f.identifier {condition})"
        ));
    }

    fn has_claim(&mut self, kind: &str, values: Vec<&str>) {
        let list = if values.is_empty() { "NULL".to_owned() } else { self.params(values) };
        self.and(&format!(
            "u.id IN (SELECT c.user_id FROM claims c
                      WHERE c.instance_id = $1 AND c.kind = '{kind}' AND c.identifier IN ({list}))"
        ));
    }

    fn one_of(&mut self, kind: &str, values: &[String]) {
        let condition = match values {
            [] => "IN (NULL)".to_owned(),
            values => format!("IN ({})", self.params(values.iter().map(String::as_str))),
        };
        self.has_identification(kind, &condition);
    }

    fn signed(&mut self, column: &str, values: &[(Sign, String)]) {
        let of = |wanted: Sign| {
            values
                .iter()
                .filter(move |(sign, _)| *sign == wanted)
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
        };
        let (included, mut excluded) = (of(Sign::Include), of(Sign::Exclude));
        if !included.is_empty() || excluded.is_empty() {
            let list = if included.is_empty() { "NULL".to_owned() } else { self.params(included) };
            self.and(&format!("{column} IN ({list})"));
        }
        // No stored text has a NUL, and PostgreSQL takes such a value for a null, which would exclude everybody.
        excluded.retain(|value| !value.contains('\0'));
        if !excluded.is_empty() {
            let list = self.params(excluded);
            self.and(&format!("({column} IS NULL OR {column} NOT IN ({list}))"));
        }
    }

    fn filter(&mut self, filter: &UserFilter) {
        if let Some(values) = &filter.email_addresses {
            self.one_of("email_address", values);
        }
        if let Some(values) = &filter.phone_numbers {
            self.one_of("phone_number", values);
        }
        if let Some(values) = &filter.external_ids {
            self.signed("u.external_id", values);
            // By way of the claims, which have the index.
            let included: Vec<_> = included(values).collect();
            if !included.is_empty() {
                self.has_claim("external_id", included);
            }
        }
        if let Some(values) = &filter.user_ids {
            self.signed("u.id", values);
        }
        if let Some(values) = &filter.usernames {
            self.has_claim("username", values.iter().map(String::as_str).collect());
        }
        if let Some(part) = &filter.email_address_query {
            let pattern = self.pattern(part);
            self.has_identification("email_address", &pattern);
        }
        if let Some(part) = &filter.phone_number_query {
            let pattern = self.pattern(part);
            self.has_identification("phone_number", &pattern);
        }
        if let Some(part) = &filter.username_query {
            let pattern = self.pattern(part);
            self.and(&format!("u.username_folded {pattern}"));
        }
        if let Some(part) = &filter.name_query {
            let pattern = self.pattern(part);
            self.and(&format!("u.name_folded {pattern}"));
        }
        if let Some(part) = &filter.query {
            let pattern = self.pattern(part);
            let number = filter.query_as_number.as_ref().map(|number| self.pattern(number));
            let as_number = number.map_or_else(String::new, |number| {
                format!(" OR (f.kind = 'phone_number' AND f.identifier {number})")
            });
            self.and(&format!(
                "(u.name_folded {pattern} OR u.username_folded {pattern} OR LOWER(u.id) {pattern}
                  OR u.id IN (SELECT f.user_id FROM identifications f
                              WHERE f.instance_id = $1 AND (f.identifier {pattern}{as_number})))"
            ));
        }
        match filter.banned {
            Some(true) => self.and("u.banned_at IS NOT NULL"),
            Some(false) => self.and("u.banned_at IS NULL"),
            None => {}
        }
        if let Some(moment) = filter.created_before {
            let placeholder = self.param(moment);
            self.and(&format!("u.created_at < {placeholder}"));
        }
        if let Some(moment) = filter.created_after {
            let placeholder = self.param(moment);
            self.and(&format!("u.created_at > {placeholder}"));
        }
        self.span("u.last_active_at", filter.last_active);
        self.span("u.last_sign_in_at", filter.last_sign_in);
    }

    /// A null is in no span.
    fn span(&mut self, column: &str, span: Span) {
        let ends = [("<", span.before), (">", span.after), (">=", span.since)];
        for (comparison, moment) in ends.into_iter().filter_map(|(comparison, at)| Some((comparison, at?))) {
            let placeholder = self.param(moment);
            self.and(&format!("{column} {comparison} {placeholder}"));
        }
    }
}

fn included(values: &[(Sign, String)]) -> impl Iterator<Item = &str> {
    values.iter().filter(|(sign, _)| *sign == Sign::Include).map(|(_, value)| value.as_str())
}

impl UserFilter {
    /// Whether it names its users, or what only they have: then an index leads to the few that can match.
    fn names_users(&self) -> bool {
        let includes = |values: &Option<Vec<(Sign, String)>>| {
            // Nothing at all matches nobody.
            values.as_ref().is_some_and(|values| values.is_empty() || included(values).next().is_some())
        };
        self.email_addresses.is_some()
            || self.phone_numbers.is_some()
            || self.usernames.is_some()
            || includes(&self.external_ids)
            || includes(&self.user_ids)
    }

    /// Whether it looks for parts of texts, which no index helps with.
    fn has_parts(&self) -> bool {
        [
            &self.query,
            &self.email_address_query,
            &self.phone_number_query,
            &self.username_query,
            &self.name_query,
        ]
        .into_iter()
        .any(Option::is_some)
    }

    /// Whether about everybody matches, so that a page in the order of an index is found soon.
    fn is_of_everybody(&self) -> bool {
        let all = Span::default();
        self.banned.is_none() && self.last_active == all && self.last_sign_in == all
    }

    /// How much a page of what it matches has to look at.
    fn bound(&self, page: &UserPage) -> Bound {
        let rows = page.limit.saturating_add(page.offset);
        if self.has_parts() || rows > LISTED_ROWS_MAX {
            Bound::None
        } else if self.names_users() || (page.order_by == OrderBy::CreatedAt && self.is_of_everybody()) {
            Bound::Rows(rows)
        } else {
            Bound::None
        }
    }
}

impl OrderBy {
    fn sql(self) -> &'static str {
        match self {
            Self::CreatedAt => "u.created_at",
            Self::UpdatedAt => "u.updated_at",
            Self::FirstName => "COALESCE(u.first_name, '')",
            Self::LastName => "COALESCE(u.last_name, '')",
            Self::Username => "COALESCE(u.username_folded, '')",
            Self::LastActiveAt => "COALESCE(u.last_active_at, 0)",
            Self::LastSignInAt => "COALESCE(u.last_sign_in_at, 0)",
            Self::Id => "u.id",
            Self::EmailAddress => {
                "COALESCE((SELECT p.identifier FROM identifications p
                           WHERE p.instance_id = u.instance_id AND p.id = u.primary_email_address_id), '')"
            }
            Self::PhoneNumber => {
                "COALESCE((SELECT p.identifier FROM identifications p
                           WHERE p.instance_id = u.instance_id AND p.id = u.primary_phone_number_id), '')"
            }
        }
    }
}

/// The columns that a page is put in order by; those that are read come behind them.
const ORDER_COLUMN_COUNT: usize = 2;

/// A page of users: a row for each user and, behind it, one for each of its identifications. A join would repeat the
/// metadata, which may be large, for every identification.
///
/// One statement, so that users and identifications are of one moment on every database, and the filter runs once. SQLite
/// takes a cross join as it stands, the page first: of its length it knows nothing, and might walk through all
/// identifications instead.
///
/// With `is_by_key` the few users that can match are looked up and sorted; else the database may walk through the index of
/// the order, which for one number would be a walk through everybody.
fn page_query(mut condition: Condition, page: &UserPage, is_by_key: bool) -> Query {
    let limit = condition.param(page.limit);
    let offset = condition.param(page.offset);
    let direction = match page.direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    let (order, conditions) = (page.order_by.sql(), &condition.sql);
    // No index is over a sum.
    let order = if is_by_key && page.order_by == OrderBy::CreatedAt { "u.created_at + 0" } else { order };
    let nulls = |count: usize| vec!["NULL"; count].join(", ");
    let (no_user, no_identification) = (nulls(USER_COLUMN_COUNT - 1), nulls(IDENTIFICATION_COLUMN_COUNT));
    let sql = format!(
        "WITH page AS MATERIALIZED (
             SELECT u.*, {order} AS position FROM users u WHERE {conditions}
             ORDER BY position {direction}, u.id {direction} LIMIT {limit} OFFSET {offset}
         )
         SELECT u.position, CAST(0 AS BIGINT), {USER_COLUMNS}, {no_identification} FROM page u {JOIN_CREDENTIALS}
         UNION ALL
         SELECT u.position, CAST(1 AS BIGINT), u.id, {no_user}, {IDENTIFICATION_COLUMNS} FROM page u
         CROSS JOIN identifications i {JOIN_CODES}
         WHERE i.instance_id = u.instance_id AND i.user_id = u.id
         ORDER BY 1 {direction}, 3 {direction}, 2"
    );
    Query::new(sql, condition.params)
}

fn users_of_page(mut rows: Vec<Row>) -> Result<Vec<User>, StoreError> {
    for row in &mut rows {
        row.drain(..ORDER_COLUMN_COUNT.min(row.len()));
    }
    users_from(rows)
}

impl Scoped<'_> {
    /// A page of the users that a filter matches. `None` if `starting_after` names nobody who is, or was, of the instance.
    ///
    /// # Errors
    /// The database does not answer in time, or a stored user breaks a rule.
    pub async fn list_users(
        &self,
        filter: &UserFilter,
        page: &UserPage,
        deadline: Instant,
    ) -> Result<Option<Vec<User>>, StoreError> {
        let cursor = match &page.starting_after {
            None => None,
            Some(id) => match self.cursor(id, deadline).await? {
                Some(created_at) => Some((created_at, id)),
                None => return Ok(None),
            },
        };
        let query = self.list_query(filter, page, cursor);
        users_of_page(self.read(filter.bound(page), query, deadline).await?).map(Some)
    }

    pub(crate) fn list_query(
        &self,
        filter: &UserFilter,
        page: &UserPage,
        cursor: Option<(UnixMillis, &UserId)>,
    ) -> Query {
        let mut condition = Condition::new(self.instance.as_str());
        condition.filter(filter);
        let is_by_key = filter.names_users();
        if let Some((created_at, id)) = cursor {
            let created_at = condition.param(created_at);
            let id = condition.param(id.as_str());
            let comparison = match page.direction {
                Direction::Ascending => ">",
                Direction::Descending => "<",
            };
            condition.and(&format!("(u.created_at, u.id) {comparison} ({created_at}, {id})"));
        }
        page_query(condition, page, is_by_key)
    }

    /// The users with these ids, each once, in one state of the database and in the order of the ids; those that do not
    /// exist are left out.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_users(&self, ids: &[UserId], deadline: Instant) -> Result<Vec<User>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.store.rows(Reach::Point, self.users_query(ids), deadline).await?;
        let mut users = users_of_page(rows)?;
        users.sort_by_key(|user| ids.iter().position(|id| *id == user.id));
        Ok(users)
    }

    pub(crate) fn users_query(&self, ids: &[UserId]) -> Query {
        let mut condition = Condition::new(self.instance.as_str());
        let list = condition.params(ids.iter().map(UserId::as_str));
        condition.and(&format!("u.id IN ({list})"));
        let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        page_query(condition, &UserPage { limit, order_by: OrderBy::Id, ..UserPage::default() }, true)
    }

    /// How many users a filter matches.
    ///
    /// # Errors
    /// The database does not answer in time.
    pub async fn count_users(&self, filter: &UserFilter, deadline: Instant) -> Result<i64, StoreError> {
        let mut condition = Condition::new(self.instance.as_str());
        condition.filter(filter);
        let sql = format!("SELECT COUNT(*) FROM users u WHERE {}", condition.sql);
        let is_by_key = filter.names_users() && !filter.has_parts();
        let bound = if is_by_key { Bound::Rows(1) } else { Bound::None };
        let mut rows = self.read(bound, Query::new(sql, condition.params), deadline).await?;
        Columns::new("users", rows.pop().unwrap_or_default()).int("count")
    }

    /// The moment behind which a page begins that starts after this user. Of a user that was deleted meanwhile the list goes
    /// on from where it stood: its deletion says when it was created, for as long as the event or its row of the audit trail
    /// is kept.
    async fn cursor(&self, id: &UserId, deadline: Instant) -> Result<Option<UnixMillis>, StoreError> {
        let key: Vec<Value> = vec![self.instance.as_str().into(), id.as_str().into()];
        let of_user =
            Query::new("SELECT id, created_at FROM users WHERE instance_id = $1 AND id = $2", key.clone());
        if let Some(row) = self.store.rows(Reach::Point, of_user, deadline).await?.pop() {
            let mut columns = Columns::new("users", row);
            columns.id("id")?;
            return columns.int("created_at").map(UnixMillis).map(Some);
        }
        // The event is in the outbox without a sequence number at first, and in the trail once it has one.
        let waiting = Query::new(
            concat!(
                "SELECT '' AS entry, ",
                payload_of_event!(),
                " FROM outbox o ",
                join_payload!(),
                " WHERE o.instance_id || o.user_id = $1 AND o.sequence_number IS NULL AND o.kind = 'user.deleted'
                 ORDER BY o.user_version DESC LIMIT 1"
            ),
            vec![format!("{}{id}", self.instance).into()],
        );
        let told = Query::new(
            concat!(
                "SELECT a.entry, ",
                payload_of_event!(),
                " FROM audit_log a
                 LEFT JOIN outbox o ON o.instance_id = a.instance_id AND o.id = a.event_id ",
                join_payload!(),
                " WHERE a.instance_id = $1 AND a.user_id = $2 AND a.kind = 'user.deleted'
                 ORDER BY a.sequence_number DESC LIMIT 1"
            ),
            key.clone(),
        );
        // Likewise for changes: the deletion has the state before, in which `c` is the moment.
        let waiting_change = Query::new(
            "SELECT '' AS entry, COALESCE(c.personal, '') FROM changes_unread c
             WHERE c.instance_id || c.user_id = $1 AND c.events LIKE 'user.deleted%'
             ORDER BY c.user_version DESC LIMIT 1",
            vec![format!("{}{id}", self.instance).into()],
        );
        let change = Query::new(
            format!(
                concat!(
                    "SELECT '' AS entry, COALESCE(c.personal, '') FROM changes c
                     WHERE c.user_id = $2 AND c.place > ",
                    base!(),
                    " AND c.place < ",
                    base!(),
                    " + {places} AND c.events LIKE 'user.deleted%' ORDER BY c.place DESC LIMIT 1"
                ),
                places = PLACES_OF_INSTANCE
            ),
            key,
        );
        let queries = vec![waiting_change, change, waiting, told];
        let answers = self.store.db.snapshot(Reach::Point, queries, deadline).await?;
        let rows: Vec<Row> = answers.into_iter().flatten().collect();
        let texts = rows.iter().flatten().filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        });
        if let Some(created_at) = texts.filter_map(created_before).next() {
            return Ok(Some(created_at));
        }
        // An id has the moment of its making in it, which is that of the user unless somebody gave another.
        Ok(verger_wire::moment_of(id.as_str()).filter(|_| !rows.is_empty()))
    }
}

/// When the user was created that an event, its row of the trail or a change tells of, if it says that.
fn created_before(event: &str) -> Option<UnixMillis> {
    let told: serde_json::Value = serde_json::from_str(event).ok()?;
    let at = told.pointer("/before/created_at").or_else(|| told.pointer("/d/b/c"));
    at?.as_i64().map(UnixMillis)
}

//! The fields of a user in requests, judged.

use crate::backend::identifications::status_of;
use crate::error::Failure;
use verger_core::metadata::{Unfit, UnfitReason};
use verger_core::user::{IdentificationStatus, MetadataChange, ProfileChange};
use verger_core::{
    E164, Email, Identifier, IdentifierKind, Malformed, Settings, TestNumbers, Username, metadata, profile,
};
use verger_http::input::Read;
use verger_http::reasons::{ARRAY_LENGTH_MISMATCH, array_too_long, value_invalid};
use verger_wire::Refused;
use verger_wire::json::Object;
use verger_wire::user::{CreateUserParams, IDENTIFICATIONS_MAX, MetadataParams, UpdateUserParams};
use verger_wire::{Patch, UnixMillis};

/// What a creation and an update have in common, as it was sent.
pub(super) struct ProfileFields {
    external_id: Patch<String>,
    username: Patch<String>,
    first_name: Patch<String>,
    last_name: Patch<String>,
    locale: Patch<String>,
    legal_accepted_at: Patch<String>,
    public_metadata: Option<Object>,
    private_metadata: Option<Object>,
    unsafe_metadata: Option<Object>,
    /// What needs no judgement.
    rest: ProfileChange,
}

impl ProfileFields {
    pub(super) fn of_creation(input: &mut CreateUserParams) -> Self {
        let text = |field: &mut Option<String>| field.take().map_or(Patch::Absent, Patch::Set);
        Self {
            external_id: text(&mut input.external_id),
            username: text(&mut input.username),
            first_name: text(&mut input.first_name),
            last_name: text(&mut input.last_name),
            locale: text(&mut input.locale),
            legal_accepted_at: text(&mut input.legal_accepted_at),
            public_metadata: input.public_metadata.take(),
            private_metadata: input.private_metadata.take(),
            unsafe_metadata: input.unsafe_metadata.take(),
            rest: ProfileChange {
                delete_self_enabled: input.delete_self_enabled,
                create_organization_enabled: input.create_organization_enabled,
                create_organizations_limit: input
                    .create_organizations_limit
                    .map_or(Patch::Absent, Patch::Set),
                bypass_client_trust: input.bypass_client_trust,
                ..ProfileChange::default()
            },
        }
    }

    pub(super) fn of_update(input: &mut UpdateUserParams) -> Self {
        Self {
            external_id: std::mem::take(&mut input.external_id),
            username: std::mem::take(&mut input.username),
            first_name: std::mem::take(&mut input.first_name),
            last_name: std::mem::take(&mut input.last_name),
            locale: std::mem::take(&mut input.locale),
            legal_accepted_at: std::mem::take(&mut input.legal_accepted_at),
            public_metadata: input.public_metadata.take(),
            private_metadata: input.private_metadata.take(),
            unsafe_metadata: input.unsafe_metadata.take(),
            rest: ProfileChange {
                delete_self_enabled: input.delete_self_enabled,
                create_organization_enabled: input.create_organization_enabled,
                create_organizations_limit: input.create_organizations_limit,
                bypass_client_trust: input.bypass_client_trust,
                ..ProfileChange::default()
            },
        }
    }

    /// The change that it asks for; what is wrong is noted.
    pub(super) fn judge<T>(self, input: &mut Read<T>, settings: &Settings) -> ProfileChange {
        ProfileChange {
            username: judge_username(input, self.username, settings),
            external_id: judge_text(input, "external_id", self.external_id, profile::check_external_id),
            first_name: judge_text(input, "first_name", self.first_name, profile::check_text),
            last_name: judge_text(input, "last_name", self.last_name, profile::check_text),
            locale: judge_text(input, "locale", self.locale, profile::check_locale),
            legal_accepted_at: judge_date(input, "legal_accepted_at", self.legal_accepted_at),
            public_metadata: judge_object(input, "public_metadata", self.public_metadata),
            private_metadata: judge_object(input, "private_metadata", self.private_metadata),
            unsafe_metadata: judge_object(input, "unsafe_metadata", self.unsafe_metadata),
            ..self.rest
        }
    }
}

/// The texts of a profile that must be the user's alone.
pub(super) fn profile_texts(profile: &ProfileChange) -> Vec<(IdentifierKind, String)> {
    let mut texts = Vec::new();
    if let Patch::Set(username) = &profile.username {
        texts.push((IdentifierKind::Username, username.key()));
    }
    if let Patch::Set(external_id) = &profile.external_id {
        texts.push((IdentifierKind::ExternalId, external_id.clone()));
    }
    texts
}

/// The identifiers of a new user, with their statuses.
pub(super) fn read_identifications(
    input: &mut Read<CreateUserParams>,
    test_numbers: TestNumbers,
) -> Vec<(Identifier, IdentificationStatus)> {
    let mut found = Vec::new();
    let (texts, statuses) = input.take(|input| {
        (
            std::mem::take(&mut input.email_address),
            std::mem::take(&mut input.email_address_identification_status),
        )
    });
    let names = ["email_address", "email_address_identification_status"];
    let parse = |text: &str| Email::parse(text).map(Identifier::Email);
    read_identifiers(input, names, &texts, &statuses, &mut found, parse);
    let (texts, statuses) = input.take(|input| {
        (
            std::mem::take(&mut input.phone_number),
            std::mem::take(&mut input.phone_number_identification_status),
        )
    });
    let names = ["phone_number", "phone_number_identification_status"];
    let parse = |text: &str| E164::parse(text, test_numbers).map(Identifier::Phone);
    read_identifiers(input, names, &texts, &statuses, &mut found, parse);
    found
}

fn read_identifiers(
    input: &mut Read<CreateUserParams>,
    [name, status_name]: [&'static str; 2],
    texts: &[String],
    statuses: &[String],
    found: &mut Vec<(Identifier, IdentificationStatus)>,
    parse: impl Fn(&str) -> Result<Identifier, Malformed>,
) {
    if statuses.len() > IDENTIFICATIONS_MAX {
        input.problem(status_name, array_too_long(statuses.len(), IDENTIFICATIONS_MAX));
    }
    if !statuses.is_empty() && statuses.len() != texts.len() {
        let (length, other_length) = (statuses.len(), texts.len());
        input.problem(
            status_name,
            Refused::new(&ARRAY_LENGTH_MISMATCH)
                .with("other", name)
                .with("length", length.to_string())
                .with("other_length", other_length.to_string()),
        );
    }
    for (at, text) in texts.iter().take(IDENTIFICATIONS_MAX).enumerate() {
        // Of a status without its identifier only the number of items is told.
        let status = statuses.get(at).map(String::as_str);
        if !matches!(status, None | Some("verified" | "reserved")) {
            input.problem(status_name, value_invalid("must be verified or reserved"));
        }
        match parse(text) {
            Ok(identifier) => found.push((identifier, status_of(status))),
            Err(why) => input.problem(name, why),
        }
    }
}

fn judge_username<T>(input: &mut Read<T>, text: Patch<String>, settings: &Settings) -> Patch<Username> {
    match text {
        // The empty text removes it, as null does.
        Patch::Set(text) if text.is_empty() => Patch::Null,
        Patch::Set(text) => {
            let username = input.judge("username", |_| Username::parse(&text));
            if let Some(username) = &username {
                input.judge("username", |_| username.judge_length(settings));
            }
            username.map_or(Patch::Absent, Patch::Set)
        }
        Patch::Null => Patch::Null,
        Patch::Absent => Patch::Absent,
    }
}

fn judge_text<T>(
    input: &mut Read<T>,
    name: &'static str,
    text: Patch<String>,
    check: impl Fn(&str) -> Result<(), Malformed>,
) -> Patch<String> {
    if let Patch::Set(value) = &text {
        input.judge(name, |_| check(value));
    }
    text
}

/// A date and time in RFC 3339.
pub(super) fn judge_date<T>(
    input: &mut Read<T>,
    name: &'static str,
    text: Patch<String>,
) -> Patch<UnixMillis> {
    match text {
        Patch::Set(text) => {
            input.judge(name, |_| profile::parse_date(&text)).map_or(Patch::Absent, Patch::Set)
        }
        Patch::Null => Patch::Null,
        Patch::Absent => Patch::Absent,
    }
}

/// A change of metadata alone.
pub(super) fn judge_metadata(mut input: Read<MetadataParams>) -> Result<MetadataChange, Failure> {
    let sent = input.take(std::mem::take);
    let change = MetadataChange {
        public_metadata: judge_object(&mut input, "public_metadata", sent.public_metadata),
        private_metadata: judge_object(&mut input, "private_metadata", sent.private_metadata),
        unsafe_metadata: judge_object(&mut input, "unsafe_metadata", sent.unsafe_metadata),
    };
    input.finish()?;
    Ok(change)
}

/// Judges a metadata object, and notes what is wrong with it.
pub(crate) fn judge_object<T>(
    input: &mut Read<T>,
    name: &'static str,
    object: Option<Object>,
) -> Option<metadata::Metadata> {
    let object = object?;
    if let Err(why) = metadata::check(&object) {
        input.problem(name, why);
    }
    if let Err(Unfit { path, why }) = metadata::check_values(&object) {
        let why = match why {
            UnfitReason::NumberOutOfRange => format!(
                "has a number out of range at {path}: most readers keep numbers as 64-bit floating point, which ends at \
                 1.8e308"
            ),
            UnfitReason::NumberTooLong { length } => format!(
                "has a number of {length} characters at {path}: there may be at most {}",
                metadata::NUMBER_CHARACTERS_MAX
            ),
            UnfitReason::KeyReserved => {
                format!(
                    "has a key that begins with $serde_json::private:: at {path}, which clients in Rust cannot read"
                )
            }
        };
        input.problem(name, value_invalid(why));
    }
    Some(object)
}

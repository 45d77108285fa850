//! Who may come to an instance: the allow-list, the block-list, redirect URLs and invitations.

use crate::input::{Described, Input, Place, Source, Unknown};
use crate::json::Object;
use crate::page::LIMIT_MAX;
pub use crate::page::{Page, PageParams};
use crate::schema::{Schema, Schemas, Value, json};
use crate::{UnixMillis, debug_without_secrets};
use serde::{Deserialize, Serialize};

/// A page of the block-list, which has one form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query, ignored("paginated"))]
pub struct BlocklistParams {
    /// Maximum number of objects to return.
    #[wire(addition, min = 1, max = LIMIT_MAX, default = 500)]
    pub limit: Option<i64>,
    /// How many objects to skip.
    #[wire(addition, min = 0, default = 0)]
    pub offset: Option<i64>,
}

/// An identifier that may sign up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct AllowlistIdentifier {
    /// Always `allowlist_identifier`.
    #[wire(constant = "allowlist_identifier")]
    pub object: String,
    /// `alid_…`.
    #[wire(example = "alid_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// The invitation that was sent with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "inv_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub invitation_id: Option<String>,
    /// An email address, `*@` and a domain, a phone number, or the address of a wallet.
    #[wire(example = "ada@example.com")]
    pub identifier: String,
    /// What it is.
    #[wire(one_of("email_address", "phone_number", "web3_wallet"), example = "email_address")]
    pub identifier_type: String,
    /// `ins_…`.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub instance_id: String,
    /// When it was added, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

/// An identifier that may not sign up or sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct BlocklistIdentifier {
    /// Always `blocklist_identifier`.
    #[wire(constant = "blocklist_identifier")]
    pub object: String,
    /// `blid_…`.
    #[wire(example = "blid_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// An email address, `*@` and a domain, a phone number, or the address of a wallet.
    #[wire(example = "*@example.com")]
    pub identifier: String,
    /// What it is.
    #[wire(one_of("email_address", "phone_number", "web3_wallet"), example = "email_address")]
    pub identifier_type: String,
    /// `ins_…`.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub instance_id: String,
    /// When it was added, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

/// Entries of the block-list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct BlocklistIdentifiers {
    /// The entries.
    #[wire(example = [BlocklistIdentifier::example()])]
    pub data: Vec<BlocklistIdentifier>,
    /// How many there are in all.
    #[wire(format = "int64", example = 1)]
    pub total_count: i64,
}

/// `POST /v1/allowlist_identifiers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct CreateAllowlistIdentifierParams {
    /// An email address, a domain such as `*@example.com`, a phone number in E.164, or the address of a wallet.
    #[wire(required, example = "ada@example.com")]
    pub identifier: String,
    /// Whether to make an invitation too, for an email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(default = false)]
    pub notify: Option<bool>,
}

/// `POST /v1/blocklist_identifiers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct CreateBlocklistIdentifierParams {
    /// An email address, a domain such as `*@example.com`, a phone number in E.164, or the address of a wallet.
    #[wire(required, example = "*@example.com")]
    pub identifier: String,
}

/// A URL that native applications may be sent back to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(name = "RedirectURL")]
pub struct RedirectUrl {
    /// Always `redirect_url`.
    #[wire(constant = "redirect_url")]
    pub object: String,
    /// `ru_…`.
    #[wire(example = "ru_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// The URL.
    #[wire(example = "com.example.app://signed-in")]
    pub url: String,
    /// When it was added, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

/// `POST /v1/redirect_urls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(open)]
pub struct CreateRedirectUrlParams {
    /// https, http on this machine, or the scheme of an application.
    #[wire(required, example = "com.example.app://signed-in")]
    pub url: String,
}

/// An invitation to sign up.
#[derive(Clone, PartialEq, Serialize, Deserialize, Schema)]
pub struct Invitation {
    /// Always `invitation`.
    #[wire(constant = "invitation")]
    pub object: String,
    /// `inv_…`.
    #[wire(example = "inv_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// Who is invited.
    #[wire(format = "email", example = "ada@example.com")]
    pub email_address: String,
    /// What the user's public metadata begins with.
    #[wire(example = { "plan": "trial" })]
    pub public_metadata: Object,
    /// Whether it was taken back.
    #[wire(optional, example = false)]
    pub revoked: bool,
    /// What it is now.
    #[wire(one_of("pending", "accepted", "revoked", "expired"), example = "pending")]
    pub status: String,
    /// The link for the person who is invited, with the ticket in it. Only in the answer that makes the invitation: the
    /// server keeps no more than a digest of the ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "https://clerk.example.com/v1/tickets/accept?ticket=ticket_…")]
    pub url: Option<String>,
    /// From when on it cannot be accepted, in Unix milliseconds.
    #[wire(optional, nullable)]
    pub expires_at: Option<UnixMillis>,
    /// When it was made, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

debug_without_secrets! {
    Invitation {
        object, id, email_address, public_metadata, revoked, status, expires_at, created_at,
        updated_at,
    } without { url }
}

/// An invitation that was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevokedInvitation(pub Invitation);

impl Schema for RevokedInvitation {
    fn schema(schemas: &mut Schemas) -> Value {
        Invitation::schema(schemas)
    }

    fn example() -> Value {
        let mut example = Invitation::example();
        example["revoked"] = json!(true);
        example["status"] = json!("revoked");
        example
    }
}

/// `POST /v1/invitations`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Input)]
pub struct CreateInvitationParams {
    /// Who is invited.
    #[wire(required, example = "ada@example.com")]
    pub email_address: String,
    /// What the user's public metadata begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(example = { "plan": "trial" })]
    pub public_metadata: Option<Object>,
    /// Where the link leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(example = "https://app.example.com/welcome")]
    pub redirect_url: Option<String>,
    /// Whether the link is sent by email. An application that sends messages itself passes `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, default = true, example = false)]
    pub notify: Option<bool>,
    /// Whether it is made although the address has an open invitation or a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, default = false)]
    pub ignore_existing: Option<bool>,
    /// For how many days it can be accepted; 30 unless the request says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, min = 1, max = 365, example = 30)]
    pub expires_in_days: Option<i64>,
    /// Template of the email.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(one_of("invitation", "waitlist_invitation"), example = "invitation")]
    pub template_slug: Option<String>,
}

/// The most invitations of one request.
pub const BULK_MAX: usize = 10;

/// `POST /v1/invitations/bulk`: an array of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BulkInvitationParams(pub CreateInvitationParams);

impl Input for BulkInvitationParams {
    const PLACE: Place = Place::Items { max: BULK_MAX };
    const UNKNOWN: Unknown = CreateInvitationParams::UNKNOWN;
    const IS_BODY_REQUIRED: bool = CreateInvitationParams::IS_BODY_REQUIRED;
    const NOT_BUILT: &'static [&'static str] = CreateInvitationParams::NOT_BUILT;

    fn read(source: &mut impl Source) -> Self {
        Self(CreateInvitationParams::read(source))
    }

    fn describe(schemas: &mut Schemas) -> Vec<Described> {
        CreateInvitationParams::describe(schemas)
    }
}

impl AsRef<CreateInvitationParams> for BulkInvitationParams {
    fn as_ref(&self) -> &CreateInvitationParams {
        &self.0
    }
}

impl AsMut<CreateInvitationParams> for BulkInvitationParams {
    fn as_mut(&mut self) -> &mut CreateInvitationParams {
        &mut self.0
    }
}

impl AsRef<Self> for CreateInvitationParams {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for CreateInvitationParams {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

/// `GET /v1/invitations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct InvitationListParams {
    /// Only those that are this now. Without it, all that were not revoked.
    #[wire(one_of("pending", "accepted", "revoked", "expired"), example = "pending")]
    pub status: Option<String>,
    /// Only those whose address has this in it, or that have this id.
    #[wire(search, characters_max = 256, in_words, example = "ada")]
    pub query: Option<String>,
    /// `created_at`, `email_address` or `expires_at`; prefixed with `-` for descending, with `+` or nothing for ascending
    /// order.
    #[wire(default = "-created_at")]
    pub order_by: Option<String>,
    /// True: the answer is an object with `data` and `total_count`. Else it is an array.
    pub paginated: Option<bool>,
    /// Maximum number of objects to return.
    #[wire(min = 1, max = LIMIT_MAX, default = 10)]
    pub limit: Option<i64>,
    /// How many objects to skip.
    #[wire(min = 0, default = 0)]
    pub offset: Option<i64>,
}

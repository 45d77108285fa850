#![doc = include_str!("../README.md")]
//!
//! # By resource
//!
//! | resource | operations | objects | parameters |
//! |---|---|---|---|
//! | phone numbers | [`PhoneNumbers`] | [`PhoneNumber`], [`PhoneNumberDetails`], [`IdentificationLink`] | [`CreatePhoneNumberParams`], [`UpdatePhoneNumberParams`], [`ReplacePhoneNumberParams`] |
//! | email addresses | [`EmailAddresses`] | [`EmailAddress`], [`IdentificationLink`] | [`CreateEmailAddressParams`], [`UpdateEmailAddressParams`], [`ReplaceEmailAddressParams`] |
//! | codes | [`PhoneNumbers`], [`EmailAddresses`] | [`CodeVerification`], [`Verification`], [`VerificationStatus`], [`VerificationStrategy`], [`VerificationChannel`] | [`AttemptVerificationParams`] |
//! | users | [`Users`] | [`User`], [`UserStream`], [`TotalCount`], [`MfaDisabled`], [`PasswordVerified`], [`CodeVerified`], [`CredentialRemoved`], [`Metadata`] | [`CreateUserParams`], [`UpdateUserParams`], [`MetadataParams`], [`GetUserListParams`], [`VerifyPasswordParams`], [`VerifyTotpParams`], [`RemovePasswordParams`], [`SetCompromisedParams`] |
//! | sessions | [`Sessions`], [`Clients`] | [`UserSession`], [`UserSessionStatus`], [`SessionActivity`], [`SessionTask`], [`SessionToken`], [`SessionRefresh`], [`UserClient`] | [`GetSessionListParams`], [`CreateSessionParams`], [`CreateSessionTokenParams`], [`RefreshSessionParams`], [`VerifyClientParams`] |
//! | JWT templates | [`JwtTemplates`] | [`JwtTemplate`] | [`JwtTemplateParams`] |
//! | tickets | [`SignInTokens`], [`ActorTokens`], [`Invitations`] | [`SignInToken`], [`ActorToken`], [`Invitation`], [`TicketStatus`] | [`CreateSignInTokenParams`], [`CreateActorTokenParams`], [`CreateInvitationParams`], [`ListInvitationsParams`] |
//! | who may come | [`AllowlistIdentifiers`], [`BlocklistIdentifiers`], [`RedirectUrls`] | [`AllowlistIdentifier`], [`BlocklistIdentifier`], [`IdentifierType`], [`RedirectUrl`] | [`CreateAllowlistIdentifierParams`], [`CreateBlocklistIdentifierParams`], [`CreateRedirectUrlParams`] |
//! | the instance | [`Instances`], [`Domains`], [`Settings`] | [`Instance`], [`InstanceDetails`], [`FrontendHost`], [`InstanceRestrictions`], [`InstanceCommunication`], [`BetaInstanceSettings`], [`Domain`], [`CnameTarget`], [`InstanceSettings`] and the groups in [`settings`] | [`UpdateInstanceParams`], [`UpdateInstanceRestrictionsParams`], [`UpdateInstanceCommunicationParams`], [`UpdateBetaInstanceSettingsParams`], [`UpdateSettingsParams`] |
//! | keys of tokens | [`Jwks`], [`SigningKeys`] | [`JsonWebKeySet`], [`JsonWebKey`], [`SigningKey`], [`SigningKeyState`] | [`RotateSigningKeyParams`], [`RetireSigningKeyParams`] |
//! | lists | | [`Page`], [`ObjectStream`] | [`PageParams`] |
//! | webhooks | [`WebhookEndpoints`] | [`WebhookEndpoint`], [`WebhookDelivery`], [`WebhookDeliveryStatus`], [`WebhookAttempt`], [`WebhookTest`], [`WebhookReplay`] | [`CreateWebhookEndpointParams`], [`UpdateWebhookEndpointParams`], [`RotateWebhookSecretParams`], [`ReplayWebhooksParams`], [`ListWebhookDeliveriesParams`] |
//! | events | [`Events`] | [`Event`], [`EventKind`], [`EventStream`], [`EventActor`], [`EventAttributes`], [`EventRequest`], [`ValueChange`] | |
//! | audit trail | [`AuditLog`] | [`AuditLogPage`], [`AuditEntry`] | [`ListAuditLogParams`] |
//! | what became of messages | [`Deliveries`] | [`Delivery`], [`DeliveryStatus`], [`MessageChannel`] | [`ListDeliveriesParams`] |
//! | who is signed in | [`Authenticator`] | [`AuthState`], [`Session`], [`SignedOut`], [`SessionClaims`], [`SessionStatus`], [`SessionVersion`], [`OrganizationClaims`], [`TemplateClaims`], [`VerifyTokenError`], [`TokenError`] | [`AuthenticatorBuilder`], [`IncomingRequest`], [`OrganizationSync`], [`Satellite`] |
//! | tests | [`Messages`], [`Clock`], [`Instances`], [`TestingTokens`] | [`Message`], [`ClockState`], [`InstanceReset`], [`TestingToken`] | [`ListMessagesParams`] |
//!
//! Beside these: [`Client`], [`ClientBuilder`], [`RetryPolicy`], [`DEFAULT_BASE_URL`] and [`DEFAULT_API_VERSION`] to begin with;
//! [`Request`], [`Method`], [`Async`], [`Sending`] and [`Response`] of every call; [`Error`], [`ApiError`] and [`ErrorCode`];
//! [`DeletedObject`], [`NoContent`], [`Extra`], [`Patch`] and [`UnixMillis`] in many objects; [`testing`], `blocking` with the feature of that name, and with the feature `axum` the middleware
//! `authenticate` and the extractor `RequireSession` with its `AuthRejection`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod authentication;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod call;
mod client;
mod error;
mod error_code;
mod exchange;
mod feed;
mod lists;
mod mock;
mod model;
mod operation;
mod operations;
mod paging;
mod params;
mod pool;
mod request;
mod resources;
mod response;
mod retry;
mod send;
mod sse;
pub mod testing;
mod transport;

#[cfg(feature = "axum")]
pub use authentication::{AuthRejection, RequireSession, authenticate};
pub use authentication::{
    AuthState, Authenticator, AuthenticatorBuilder, IncomingRequest, OrganizationSync, Satellite, Session,
    SignedOut, VerifyTokenError,
};
pub use builder::{ClientBuilder, DEFAULT_API_VERSION, DEFAULT_BASE_URL};
pub use client::Client;
pub use error::{ApiError, Error};
pub use error_code::ErrorCode;
pub use feed::EventStream;
pub use lists::ObjectStream;
pub use model::{
    ActorToken, AllowlistIdentifier, AuditEntry, AuditLogPage, BetaInstanceSettings, BlocklistIdentifier,
    ClockState, CnameTarget, CodeVerification, CodeVerified, CredentialRemoved, DeletedObject, Delivery,
    DeliveryStatus, Domain, EmailAddress, Event, EventActor, EventAttributes, EventKind, EventRequest, Extra,
    FrontendHost, IdentificationLink, IdentifierType, Instance, InstanceCommunication, InstanceDetails,
    InstanceReset, InstanceRestrictions, InstanceSettings, Invitation, JsonWebKey, JsonWebKeySet,
    JwtTemplate, Message, MessageChannel, MfaDisabled, NoContent, Page, PasswordVerified, PhoneNumber,
    PhoneNumberDetails, RedirectUrl, SessionActivity, SessionRefresh, SessionTask, SessionToken, SignInToken,
    SigningKey, SigningKeyState, TestingToken, TicketStatus, TotalCount, User, UserClient, UserSession,
    UserSessionStatus, ValueChange, Verification, VerificationChannel, VerificationStatus,
    VerificationStrategy, WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint,
    WebhookReplay, WebhookTest, settings,
};
pub use operation::Method;
pub use paging::UserStream;
pub use params::{
    AttemptVerificationParams, CreateActorTokenParams, CreateAllowlistIdentifierParams,
    CreateBlocklistIdentifierParams, CreateEmailAddressParams, CreateInvitationParams,
    CreatePhoneNumberParams, CreateRedirectUrlParams, CreateSessionParams, CreateSessionTokenParams,
    CreateSignInTokenParams, CreateUserParams, CreateWebhookEndpointParams, GetSessionListParams,
    GetUserListParams, JwtTemplateParams, ListAuditLogParams, ListDeliveriesParams, ListInvitationsParams,
    ListMessagesParams, ListWebhookDeliveriesParams, MetadataParams, PageParams, RefreshSessionParams,
    RemovePasswordParams, ReplaceEmailAddressParams, ReplacePhoneNumberParams, ReplayWebhooksParams,
    RetireSigningKeyParams, RotateSigningKeyParams, RotateWebhookSecretParams, SetCompromisedParams,
    UpdateBetaInstanceSettingsParams, UpdateEmailAddressParams, UpdateInstanceCommunicationParams,
    UpdateInstanceParams, UpdateInstanceRestrictionsParams, UpdatePhoneNumberParams, UpdateSettingsParams,
    UpdateUserParams, UpdateWebhookEndpointParams, VerifyClientParams, VerifyPasswordParams,
    VerifyTotpParams,
};
pub use request::{Async, Request, Sending};
pub use resources::{
    ActorTokens, AllowlistIdentifiers, AuditLog, BlocklistIdentifiers, Clients, Clock, Deliveries, Domains,
    EmailAddresses, Events, Instances, Invitations, Jwks, JwtTemplates, Messages, PhoneNumbers, RedirectUrls,
    Sessions, Settings, SignInTokens, SigningKeys, TestingTokens, Users, WebhookEndpoints,
};
pub use response::Response;
pub use retry::RetryPolicy;

pub use verger_jwt::{
    OrganizationClaims, SessionClaims, SessionStatus, SessionVersion, TemplateClaims, TokenError,
};
pub use verger_wire::user::Metadata;
pub use verger_wire::{Patch, UnixMillis};

/// JSON values, as metadata and raw requests have them.
pub use serde_json;

//! The methods of `Client::invitations`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{Invitation, Page};
use crate::operations::{CREATE_INVITATION, LIST_INVITATIONS, REVOKE_INVITATION};
use crate::params::{CreateInvitationParams, ListInvitationsParams};
use crate::request::Request;

resource! {
    /// Invitations to sign up with an email address; from [`Client::invitations`](crate::Client::invitations).
    Invitations
}

impl<R: Clone> Invitations<R> {
    /// List invitations: `GET /v1/invitations`.
    ///
    /// Newest first, without those that were revoked unless `status` asks for them.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::ListInvitationsParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListInvitationsParams::new().status("pending");
    /// let request = client.invitations().list_invitations(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/invitations"));
    /// assert_eq!(request.query_string(), "status=pending");
    /// ```
    pub fn list_invitations(&self, params: ListInvitationsParams) -> Request<Vec<Invitation>, R> {
        self.request(&LIST_INVITATIONS, &[]).params(&params)
    }

    /// As [`list_invitations`](Self::list_invitations), with the number of all: the answer is a page.
    ///
    /// # Errors
    /// Those of [`list_invitations`](Self::list_invitations).
    ///
    /// ```
    /// # use verger_client::ListInvitationsParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListInvitationsParams::new().status("pending");
    /// let request = client.invitations().list_invitations_page(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/invitations"));
    /// assert_eq!(request.query_string(), "status=pending&paginated=true");
    /// ```
    pub fn list_invitations_page(&self, params: ListInvitationsParams) -> Request<Page<Invitation>, R> {
        self.request(&LIST_INVITATIONS, &[]).params(&params).query("paginated", "true")
    }

    /// Create an invitation: `POST /v1/invitations`.
    ///
    /// Whoever opens its link may sign up with the address, also where sign-up is restricted. The link is in the
    /// answer, and nowhere else later on: the server keeps a digest of its ticket.
    ///
    /// # Errors
    /// - 400 `duplicate_record`: The instance has an entry, a redirect URL or an open invitation like it already.
    /// - 400 `request_invalid_for_instance`: The answer would name a frontend host, and the instance has none.
    /// - 400 `sms_send_error`: No sender is configured.
    /// - 403 `quota_exceeded`: The instance has reached its limit of entries of a list, redirect URLs or open
    ///   invitations.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the email address, or this user has it already.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_param_max_length_exceeded`: A text is longer than its field allows.
    /// - 422 `form_param_exceeds_allowed_size`: A metadata object would have more than 8192 bytes of JSON (after a
    ///   merge, the merged one), or the `actor` of an actor token more than 1200.
    ///
    /// ```
    /// # use verger_client::CreateInvitationParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateInvitationParams::new("ada@example.com")
    ///     .public_metadata([("plan", "trial")])
    ///     .redirect_url("https://app.example.com/welcome")
    ///     .notify(false)
    ///     .expires_in_days(30)
    ///     .template_slug("invitation");
    /// let request = client.invitations().create_invitation(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/invitations"));
    /// let body = r#"{"email_address":"ada@example.com","public_metadata":{"plan":"trial"},"redirect_url":"https://app.example.com/welcome","notify":false,"expires_in_days":30,"template_slug":"invitation"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("invite"))]
    pub fn create_invitation(&self, params: CreateInvitationParams) -> Request<Invitation, R> {
        self.request(&CREATE_INVITATION, &[]).json(&params)
    }

    /// Revoke an invitation: `POST /v1/invitations/{invitation_id}/revoke`.
    ///
    /// Its link opens nothing any more. Whoever signs up without it is not kept out.
    ///
    /// # Errors
    /// - 400 `invitation_already_accepted`: An invitation is to be revoked that a user has accepted.
    /// - 400 `invitation_already_revoked`: An invitation is to be revoked that was revoked before.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.invitations().revoke_invitation("inv_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/invitations/inv_1/revoke"));
    /// ```
    pub fn revoke_invitation(&self, invitation_id: &str) -> Request<Invitation, R> {
        self.request(&REVOKE_INVITATION, &[invitation_id])
    }
}

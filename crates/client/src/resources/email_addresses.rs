//! The methods of `Client::email_addresses`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{CodeVerification, DeletedObject, EmailAddress};
use crate::operations::{
    ATTEMPT_EMAIL_ADDRESS_VERIFICATION, CREATE_EMAIL_ADDRESS, DELETE_EMAIL_ADDRESS, GET_EMAIL_ADDRESS,
    PREPARE_EMAIL_ADDRESS_VERIFICATION, UPDATE_EMAIL_ADDRESS,
};
use crate::params::{AttemptVerificationParams, CreateEmailAddressParams, UpdateEmailAddressParams};
use crate::request::Request;

resource! {
    /// Email addresses of users: add, verify, make primary, remove; from
    /// [`Client::email_addresses`](crate::Client::email_addresses).
    EmailAddresses
}

impl<R: Clone> EmailAddresses<R> {
    /// Add an email address to a user: `POST /v1/email_addresses`.
    ///
    /// A user's first address becomes primary, verified or not. An unverified address is not claimed: other users may
    /// add it too, and the first to verify it takes it.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the email address, or this user has it already.
    /// - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
    ///   reserved.
    /// - 422 `form_param_array_size_exceeded`: The user has reached the limit of identifications of this type.
    ///
    /// ```
    /// # use verger_client::CreateEmailAddressParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateEmailAddressParams::new("user_1", "ada@example.com").verified(true);
    /// let request = client.email_addresses().create_email_address(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/email_addresses"));
    /// let body = r#"{"user_id":"user_1","email_address":"ada@example.com","verified":true}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("add_email_address", "create_email"))]
    pub fn create_email_address(&self, params: CreateEmailAddressParams) -> Request<EmailAddress, R> {
        self.request(&CREATE_EMAIL_ADDRESS, &[]).json(&params)
    }

    /// Read an email address: `GET /v1/email_addresses/{email_address_id}`.
    ///
    /// The address and its verification.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.email_addresses().get_email_address("idn_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/email_addresses/idn_1"));
    /// ```
    #[doc(alias("retrieve_email_address", "get_email"))]
    pub fn get_email_address(&self, email_address_id: &str) -> Request<EmailAddress, R> {
        self.request(&GET_EMAIL_ADDRESS, &[email_address_id])
    }

    /// Update an email address: `PATCH /v1/email_addresses/{email_address_id}`.
    ///
    /// Changes the given fields in one step, first `verified`, then `primary`. If one is refused, nothing changes. A
    /// field that is absent or null is left unchanged.
    ///
    /// Marking an address as unverified releases its claim. A primary address stays primary.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the email address, or this user has it already.
    /// - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
    ///   reserved.
    ///
    /// ```
    /// # use verger_client::UpdateEmailAddressParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateEmailAddressParams::new().primary(true);
    /// let request = client.email_addresses().update_email_address("idn_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/email_addresses/idn_1"));
    /// let body = r#"{"primary":true}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("verify_email_address", "unverify_email_address", "set_primary_email_address"))]
    pub fn update_email_address(
        &self,
        email_address_id: &str,
        params: UpdateEmailAddressParams,
    ) -> Request<EmailAddress, R> {
        self.request(&UPDATE_EMAIL_ADDRESS, &[email_address_id]).json(&params)
    }

    /// Delete an email address: `DELETE /v1/email_addresses/{email_address_id}`.
    ///
    /// Removes the address from its user. If it was primary, the oldest verified address, if any, becomes primary.
    ///
    /// Every pending code of the user is cancelled, including those for other numbers and addresses.
    ///
    /// # Errors
    /// - 400 `identification_deletion_failed`: The request deletes the user's last identification.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.email_addresses().delete_email_address("idn_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/email_addresses/idn_1"));
    /// ```
    #[doc(alias("remove_email_address", "delete_email"))]
    pub fn delete_email_address(&self, email_address_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_EMAIL_ADDRESS, &[email_address_id])
    }

    /// Send a code to an email address: `POST /v1/email_addresses/{email_address_id}/prepare_verification`.
    ///
    /// Creates a six-digit code that expires after ten minutes, and queues the message that carries it. The previous
    /// code expires.
    ///
    /// # Errors
    /// - 400 `sms_send_error`: No sender is configured.
    /// - 403 `user_banned`: The user is banned.
    /// - 403 `user_locked`: The user is locked.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the email address, or this user has it already.
    /// - 429 `verification_code_too_many_requests` ([`retry_after`](crate::Error::retry_after)): A code was sent to the
    ///   same number or address less than 30 seconds ago.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): Too many wrong codes closed the
    ///   verification of the number or address.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): A limit on sending is reached for this
    ///   hour.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.email_addresses().prepare_email_address_verification("idn_1");
    /// let path = "/v1/email_addresses/idn_1/prepare_verification";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// ```
    #[doc(alias("send_code", "send_email", "send_email_code", "prepare_verification"))]
    pub fn prepare_email_address_verification(&self, email_address_id: &str) -> Request<CodeVerification, R> {
        self.request(&PREPARE_EMAIL_ADDRESS_VERIFICATION, &[email_address_id])
    }

    /// Verify an email address with a code: `POST /v1/email_addresses/{email_address_id}/attempt_verification`.
    ///
    /// Compares a code with the newest one that was sent. A wrong or expired code is also answered with 200: look at
    /// `status`. The right code marks the email address as verified; one that is verified already does not change.
    /// After five wrong attempts the verification has failed. After ten within an hour the address accepts no codes
    /// until an hour after the first of the ten.
    ///
    /// # Errors
    /// - 400 `verification_already_verified`: The code was already accepted.
    /// - 403 `user_banned`: The user is banned.
    /// - 403 `user_locked`: The user is locked.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the email address, or this user has it already.
    ///
    /// ```
    /// # use verger_client::AttemptVerificationParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = AttemptVerificationParams::new("ver_1", "424242");
    /// let request = client.email_addresses().attempt_email_address_verification("idn_1", params);
    /// let path = "/v1/email_addresses/idn_1/attempt_verification";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{"verification_id":"ver_1","code":"424242"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("check_code", "verify_code", "verify_email_code", "attempt_verification"))]
    pub fn attempt_email_address_verification(
        &self,
        email_address_id: &str,
        params: AttemptVerificationParams,
    ) -> Request<CodeVerification, R> {
        self.request(&ATTEMPT_EMAIL_ADDRESS_VERIFICATION, &[email_address_id]).json(&params)
    }
}

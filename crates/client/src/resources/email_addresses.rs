//! Email addresses.

use crate::model::{CodeVerification, DeletedObject, EmailAddress};
use crate::operations::{
    ATTEMPT_EMAIL_ADDRESS_VERIFICATION, CREATE_EMAIL_ADDRESS, DELETE_EMAIL_ADDRESS, GET_EMAIL_ADDRESS,
    PREPARE_EMAIL_ADDRESS_VERIFICATION, UPDATE_EMAIL_ADDRESS,
};
use crate::params::{AttemptVerificationParams, CreateEmailAddressParams, UpdateEmailAddressParams};
use crate::request::Request;

resource! {
    /// Operations on email addresses; from [`Client::email_addresses`](crate::Client::email_addresses).
    ///
    /// All of them can fail with [`is_not_found`](crate::Error::is_not_found) if an id is not of the key's instance.
    EmailAddresses
}

impl<R: Clone> EmailAddresses<R> {
    /// Adds an address to a user: `POST /v1/email_addresses`.
    ///
    /// # Errors
    /// 422 `form_param_format_invalid` if it is no address, 422 `form_identifier_exists`
    /// ([`is_taken`](crate::Error::is_taken)), 404 if there is no such user.
    ///
    /// ```
    /// # use verger_client::CreateEmailAddressParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreateEmailAddressParams::new("user_1", "ada@example.com").verified(true);
    /// let request = client.email_addresses().create_email_address(params);
    /// assert_eq!(request.path(), "/v1/email_addresses");
    /// ```
    #[doc(alias("add_email_address", "create_email"))]
    pub fn create_email_address(&self, params: CreateEmailAddressParams) -> Request<EmailAddress, R> {
        self.request(&CREATE_EMAIL_ADDRESS, &[]).json(&params)
    }

    /// Reads an address: `GET /v1/email_addresses/{email_address_id}`.
    ///
    /// # Errors
    /// 404 if there is no such address.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.email_addresses().get_email_address("idn_1");
    /// assert_eq!(request.path(), "/v1/email_addresses/idn_1");
    /// ```
    #[doc(alias("retrieve_email_address", "get_email"))]
    pub fn get_email_address(&self, email_address_id: &str) -> Request<EmailAddress, R> {
        self.request(&GET_EMAIL_ADDRESS, &[email_address_id])
    }

    /// Changes an address: `PATCH /v1/email_addresses/{email_address_id}`. What is `None` stays as it is.
    ///
    /// # Errors
    /// 422 `form_identifier_exists` if another user has claimed the address, 422 `form_verification_needed` if an
    /// unverified one is to be primary, 404.
    ///
    /// ```
    /// # use verger_client::UpdateEmailAddressParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdateEmailAddressParams::new().primary(true);
    /// let request = client.email_addresses().update_email_address("idn_1", params);
    /// assert_eq!(request.body(), Some(r#"{"primary":true}"#));
    /// ```
    #[doc(alias("verify_email_address", "unverify_email_address", "set_primary_email_address"))]
    pub fn update_email_address(
        &self,
        email_address_id: &str,
        params: UpdateEmailAddressParams,
    ) -> Request<EmailAddress, R> {
        self.request(&UPDATE_EMAIL_ADDRESS, &[email_address_id]).json(&params)
    }

    /// Deletes an address: `DELETE /v1/email_addresses/{email_address_id}`.
    ///
    /// # Errors
    /// 400 `identification_deletion_failed` if it is the user's last identification, 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.email_addresses().delete_email_address("idn_1");
    /// assert_eq!(request.method().as_str(), "DELETE");
    /// ```
    #[doc(alias("remove_email_address", "delete_email"))]
    pub fn delete_email_address(&self, email_address_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_EMAIL_ADDRESS, &[email_address_id])
    }

    /// Sends a one-time code to an address: `POST /v1/email_addresses/{email_address_id}/prepare_verification`.
    ///
    /// # Errors
    /// 429 if it is too soon ([`retry_after`](crate::Error::retry_after)), 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.email_addresses().prepare_email_address_verification("idn_1");
    /// assert_eq!(request.path(), "/v1/email_addresses/idn_1/prepare_verification");
    /// ```
    #[doc(alias("send_code", "send_email", "send_email_code", "prepare_verification"))]
    pub fn prepare_email_address_verification(&self, email_address_id: &str) -> Request<CodeVerification, R> {
        self.request(&PREPARE_EMAIL_ADDRESS_VERIFICATION, &[email_address_id])
    }

    /// Tries a code: `POST /v1/email_addresses/{email_address_id}/attempt_verification`. The right one makes the address
    /// verified. **A wrong or expired one is no error**: look at the status.
    ///
    /// # Errors
    /// 400 `verification_already_verified` if the code was accepted before, 404.
    ///
    /// ```
    /// # use verger_client::AttemptVerificationParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = AttemptVerificationParams::new("ver_1", "000000");
    /// let request = client.email_addresses().attempt_email_address_verification("idn_1", params);
    /// assert_eq!(request.path(), "/v1/email_addresses/idn_1/attempt_verification");
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

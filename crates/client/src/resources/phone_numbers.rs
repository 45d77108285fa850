//! The methods of `Client::phone_numbers`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::{CodeVerification, DeletedObject, PhoneNumber, PhoneNumberDetails};
use crate::operations::{
    ATTEMPT_PHONE_NUMBER_VERIFICATION, CREATE_PHONE_NUMBER, DELETE_PHONE_NUMBER, GET_PHONE_NUMBER,
    PREPARE_PHONE_NUMBER_VERIFICATION, UPDATE_PHONE_NUMBER, VERGER_GET_PHONE_NUMBER,
};
use crate::params::{AttemptVerificationParams, CreatePhoneNumberParams, UpdatePhoneNumberParams};
use crate::request::Request;

resource! {
    /// Phone numbers of users: add, verify, make primary or a second factor, remove; from
    /// [`Client::phone_numbers`](crate::Client::phone_numbers).
    PhoneNumbers
}

impl<R: Clone> PhoneNumbers<R> {
    /// Add a phone number to a user: `POST /v1/phone_numbers`.
    ///
    /// A user's first number becomes primary, verified or not. An unverified number is not claimed: other users may add
    /// it too, and the first to verify it takes it.
    ///
    /// # Errors
    /// - 400 `identification_create_second_factor_unverified`: The request adds a second factor that is not verified.
    /// - 400 `identification_update_failed`: The request makes the user's only identification for sign-in a second
    ///   factor.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the phone number, or this user has it already.
    /// - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
    ///   reserved.
    /// - 422 `form_param_array_size_exceeded`: The user has reached the limit of identifications of this type.
    ///
    /// ```
    /// # use verger_client::CreatePhoneNumberParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreatePhoneNumberParams::new("user_1", "+12015550145").verified(true);
    /// let request = client.phone_numbers().create_phone_number(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/v1/phone_numbers"));
    /// let body = r#"{"user_id":"user_1","phone_number":"+12015550145","verified":true}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("add_phone_number"))]
    pub fn create_phone_number(&self, params: CreatePhoneNumberParams) -> Request<PhoneNumber, R> {
        self.request(&CREATE_PHONE_NUMBER, &[]).json(&params)
    }

    /// Read a phone number: `GET /v1/phone_numbers/{phone_number_id}`.
    ///
    /// The number and its verification. A number that was valid when added stays readable even if later numbering plans
    /// reject it.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.phone_numbers().get_phone_number("idn_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/phone_numbers/idn_1"));
    /// ```
    #[doc(alias("retrieve_phone_number", "fetch_phone_number"))]
    pub fn get_phone_number(&self, phone_number_id: &str) -> Request<PhoneNumber, R> {
        self.request(&GET_PHONE_NUMBER, &[phone_number_id])
    }

    /// Update a phone number: `PATCH /v1/phone_numbers/{phone_number_id}`.
    ///
    /// Changes the given fields in one step: first `verified`, then `reserved_for_second_factor`, then `primary`. If
    /// one is refused, nothing changes. A field that is absent or null is left unchanged, and so is everything when
    /// there is no body.
    ///
    /// Marking a number as unverified releases its claim and removes it as a second factor; if it was the default, the
    /// oldest remaining second factor becomes the default. A primary number stays primary. The header
    /// `Verger-Consequences` lists these effects.
    ///
    /// # Errors
    /// - 400 `identification_update_second_factor_unverified`: The request makes an unverified phone number a second
    ///   factor.
    /// - 400 `identification_update_failed`: The request makes the user's only identification for sign-in a second
    ///   factor.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the phone number, or this user has it already.
    /// - 422 `form_verification_needed`: The request makes an identification primary that is neither verified nor
    ///   reserved.
    ///
    /// ```
    /// # use verger_client::UpdatePhoneNumberParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdatePhoneNumberParams::new().verified(false);
    /// let request = client.phone_numbers().update_phone_number("idn_1", params);
    /// assert_eq!((request.method().as_str(), request.path()), ("PATCH", "/v1/phone_numbers/idn_1"));
    /// let body = r#"{"verified":false}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("verify_phone_number", "unverify_phone_number", "set_primary_phone_number"))]
    pub fn update_phone_number(
        &self,
        phone_number_id: &str,
        params: UpdatePhoneNumberParams,
    ) -> Request<PhoneNumber, R> {
        self.request(&UPDATE_PHONE_NUMBER, &[phone_number_id]).json(&params)
    }

    /// Delete a phone number: `DELETE /v1/phone_numbers/{phone_number_id}`.
    ///
    /// Removes the number from its user. If it was primary, the oldest verified number, if any, becomes primary; if it
    /// was the default second factor, the oldest remaining one becomes the default. If none remains, MFA is turned off.
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
    /// let request = client.phone_numbers().delete_phone_number("idn_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("DELETE", "/v1/phone_numbers/idn_1"));
    /// ```
    #[doc(alias("remove_phone_number"))]
    pub fn delete_phone_number(&self, phone_number_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_PHONE_NUMBER, &[phone_number_id])
    }

    /// Send a code to a phone number: `POST /v1/phone_numbers/{phone_number_id}/prepare_verification`.
    ///
    /// Creates a six-digit code that expires after ten minutes, and queues the message that carries it. The previous
    /// code expires. For test numbers (`+1 XXX 555-0100` to `-0199`) nothing is sent, and the code is `424242`.
    ///
    /// # Errors
    /// - 400 `sms_send_error`: No sender is configured.
    /// - 403 `user_banned`: The user is banned.
    /// - 403 `user_locked`: The user is locked.
    /// - 403 `unsupported_country_code`: Text messages to this country are not allowed.
    /// - 403 `sms_budget_exceeded`: The day's budget for text messages is spent.
    /// - 403 `sms_country_suspended`: Too many codes sent to this country were never entered.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the phone number, or this user has it already.
    /// - 422 `form_param_format_invalid`: A value does not have the format of its field, such as a number outside every
    ///   numbering plan.
    /// - 429 `verification_code_too_many_requests` ([`retry_after`](crate::Error::retry_after)): A code was sent to the
    ///   same number or address less than 30 seconds ago.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): Too many wrong codes closed the
    ///   verification of the number or address.
    /// - 429 `too_many_requests` ([`retry_after`](crate::Error::retry_after)): A limit on sending is reached for this
    ///   hour.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.phone_numbers().prepare_phone_number_verification("idn_1");
    /// let path = "/v1/phone_numbers/idn_1/prepare_verification";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// ```
    #[doc(alias("send_code", "send_sms", "send_phone_code", "prepare_verification"))]
    pub fn prepare_phone_number_verification(&self, phone_number_id: &str) -> Request<CodeVerification, R> {
        self.request(&PREPARE_PHONE_NUMBER_VERIFICATION, &[phone_number_id])
    }

    /// Verify a phone number with a code: `POST /v1/phone_numbers/{phone_number_id}/attempt_verification`.
    ///
    /// Compares a code with the newest one that was sent. A wrong or expired code is also answered with 200: look at
    /// `status`. The right code marks the phone number as verified; one that is verified already does not change. After
    /// five wrong attempts the verification has failed. After ten within an hour the number accepts no codes until an
    /// hour after the first of the ten.
    ///
    /// # Errors
    /// - 400 `verification_already_verified`: The code was already accepted.
    /// - 403 `user_banned`: The user is banned.
    /// - 403 `user_locked`: The user is locked.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    /// - 422 `form_identifier_exists` ([`is_taken`](crate::Error::is_taken)): Another user of the instance has claimed
    ///   the phone number, or this user has it already.
    ///
    /// ```
    /// # use verger_client::AttemptVerificationParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = AttemptVerificationParams::new("ver_1", "424242");
    /// let request = client.phone_numbers().attempt_phone_number_verification("idn_1", params);
    /// let path = "/v1/phone_numbers/idn_1/attempt_verification";
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", path));
    /// let body = r#"{"verification_id":"ver_1","code":"424242"}"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("check_code", "verify_code", "verify_phone_code", "attempt_verification"))]
    pub fn attempt_phone_number_verification(
        &self,
        phone_number_id: &str,
        params: AttemptVerificationParams,
    ) -> Request<CodeVerification, R> {
        self.request(&ATTEMPT_PHONE_NUMBER_VERIFICATION, &[phone_number_id]).json(&params)
    }

    /// Get the details of a phone number: `GET /verger/v1/phone_numbers/{phone_number_id}`. Verger only.
    ///
    /// The number as typed, its country, its line type, and when it was verified.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.phone_numbers().get_phone_number_details("idn_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/phone_numbers/idn_1"));
    /// ```
    pub fn get_phone_number_details(&self, phone_number_id: &str) -> Request<PhoneNumberDetails, R> {
        self.request(&VERGER_GET_PHONE_NUMBER, &[phone_number_id])
    }
}

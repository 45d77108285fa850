//! Phone numbers.

use crate::model::{
    AttemptVerificationParams, CodeVerification, DeletedObject, PhoneNumber, PhoneNumberDetails,
};
use crate::operation::{
    ATTEMPT_PHONE_NUMBER_VERIFICATION, CREATE_PHONE_NUMBER, DELETE_PHONE_NUMBER, GET_PHONE_NUMBER,
    GET_PHONE_NUMBER_DETAILS, PREPARE_PHONE_NUMBER_VERIFICATION, UPDATE_PHONE_NUMBER,
};
use crate::request::Request;
use verger_wire::phone_number::{CreatePhoneNumberParams, UpdatePhoneNumberParams};

resource! {
    /// Operations on phone numbers; from [`Client::phone_numbers`](crate::Client::phone_numbers).
    ///
    /// All of them can fail with [`is_not_found`](crate::Error::is_not_found) if an id is not of the key's instance.
    PhoneNumbers
}

impl<R: Clone> PhoneNumbers<R> {
    /// Adds a number to a user: `POST /v1/phone_numbers`.
    ///
    /// # Errors
    /// 422 `form_param_format_invalid` if it is no phone number, 422 `form_identifier_exists`
    /// ([`is_taken`](crate::Error::is_taken)), 404 if there is no such user, 400 if an unverified number is to be a second
    /// factor.
    ///
    /// ```
    /// # use verger_client::CreatePhoneNumberParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = CreatePhoneNumberParams::new("user_1", "+1 202 555 0100").verified(true);
    /// let request = client.phone_numbers().create_phone_number(params);
    /// assert_eq!(request.path(), "/v1/phone_numbers");
    /// ```
    #[doc(alias("add_phone_number"))]
    pub fn create_phone_number(&self, params: CreatePhoneNumberParams) -> Request<PhoneNumber, R> {
        self.request(&CREATE_PHONE_NUMBER, &[]).json(&params)
    }

    /// Reads a number: `GET /v1/phone_numbers/{phone_number_id}`.
    ///
    /// # Errors
    /// 404 if there is no such number.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.phone_numbers().get_phone_number("idn_1");
    /// assert_eq!(request.path(), "/v1/phone_numbers/idn_1");
    /// ```
    #[doc(alias("retrieve_phone_number", "fetch_phone_number"))]
    pub fn get_phone_number(&self, phone_number_id: &str) -> Request<PhoneNumber, R> {
        self.request(&GET_PHONE_NUMBER, &[phone_number_id])
    }

    /// Changes a number: `PATCH /v1/phone_numbers/{phone_number_id}`. What is `None` stays as it is.
    ///
    /// `verified` acts first, then `reserved_for_second_factor`, then `primary`; if one is refused, nothing changes.
    /// `verified(false)` marks the number as unverified, releases it, and drops its second-factor flags.
    ///
    /// # Errors
    /// 422 `form_identifier_exists` if another user has claimed the number, 422 `form_verification_needed` if an unverified
    /// one is to be primary, 400 `identification_update_second_factor_unverified` or `identification_update_failed` if it
    /// cannot be a second factor, 404.
    ///
    /// ```
    /// # use verger_client::UpdatePhoneNumberParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = UpdatePhoneNumberParams::new().verified(false);
    /// let request = client.phone_numbers().update_phone_number("idn_1", params);
    /// assert_eq!(request.body(), Some(r#"{"verified":false}"#));
    /// ```
    #[doc(alias("verify_phone_number", "unverify_phone_number", "set_primary_phone_number"))]
    pub fn update_phone_number(
        &self,
        phone_number_id: &str,
        params: UpdatePhoneNumberParams,
    ) -> Request<PhoneNumber, R> {
        self.request(&UPDATE_PHONE_NUMBER, &[phone_number_id]).json(&params)
    }

    /// Deletes a number: `DELETE /v1/phone_numbers/{phone_number_id}`.
    ///
    /// # Errors
    /// 400 `identification_deletion_failed` if it is the user's last identification, 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.phone_numbers().delete_phone_number("idn_1");
    /// assert_eq!(request.method().as_str(), "DELETE");
    /// ```
    #[doc(alias("remove_phone_number"))]
    pub fn delete_phone_number(&self, phone_number_id: &str) -> Request<DeletedObject, R> {
        self.request(&DELETE_PHONE_NUMBER, &[phone_number_id])
    }

    /// Sends a one-time code to a number: `POST /v1/phone_numbers/{phone_number_id}/prepare_verification`.
    ///
    /// The code is valid for 10 minutes; only the newest one of a number is.
    ///
    /// # Errors
    /// 429 if the last code is younger than 30 s or too many wrong ones were tried
    /// ([`retry_after`](crate::Error::retry_after)), 403 `unsupported_country_code`, 400 `sms_send_error`, 404.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.phone_numbers().prepare_phone_number_verification("idn_1");
    /// assert_eq!(request.path(), "/v1/phone_numbers/idn_1/prepare_verification");
    /// ```
    #[doc(alias("send_code", "send_sms", "send_phone_code", "prepare_verification"))]
    pub fn prepare_phone_number_verification(&self, phone_number_id: &str) -> Request<CodeVerification, R> {
        self.request(&PREPARE_PHONE_NUMBER_VERIFICATION, &[phone_number_id])
    }

    /// Tries a code: `POST /v1/phone_numbers/{phone_number_id}/attempt_verification`. The right one makes the number
    /// verified. **A wrong or expired one is no error**: look at the status.
    ///
    /// # Errors
    /// 400 `verification_already_verified` if the code was accepted before, 404.
    ///
    /// ```
    /// # use verger_client::{AttemptVerificationParams, VerificationStatus};
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), verger_client::Error> {
    /// # let mock = MockTransport::new();
    /// # mock.push(Answer::json(200, json!({"id": "ver_1", "status": "failed", "strategy": "phone_code"})));
    /// # let client = mock.client();
    /// let params = AttemptVerificationParams::new("ver_1", "000000");
    /// let verification = client.phone_numbers().attempt_phone_number_verification("idn_1", params).await?;
    /// assert_eq!(verification.status, VerificationStatus::Failed);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("check_code", "verify_code", "verify_phone_code", "attempt_verification"))]
    pub fn attempt_phone_number_verification(
        &self,
        phone_number_id: &str,
        params: AttemptVerificationParams,
    ) -> Request<CodeVerification, R> {
        self.request(&ATTEMPT_PHONE_NUMBER_VERIFICATION, &[phone_number_id]).json(&params)
    }

    /// What Verger keeps beside a number (the text as typed, its region, its line type):
    /// `GET /verger/v1/phone_numbers/{phone_number_id}`. Verger only.
    ///
    /// # Errors
    /// 404, also from every other service.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.phone_numbers().get_phone_number_details("idn_1");
    /// assert_eq!(request.path(), "/verger/v1/phone_numbers/idn_1");
    /// ```
    pub fn get_phone_number_details(&self, phone_number_id: &str) -> Request<PhoneNumberDetails, R> {
        self.request(&GET_PHONE_NUMBER_DETAILS, &[phone_number_id])
    }
}

//! Making several invitations at once: an array takes the place of an object.

use crate::model::Invitation;
use crate::operations::CREATE_BULK_INVITATIONS;
use crate::params::CreateInvitationParams;
use crate::request::Request;
use crate::resources::Invitations;

impl<R: Clone> Invitations<R> {
    /// Makes 1 to 10 invitations, all or none: `POST /v1/invitations/bulk`.
    ///
    /// # Errors
    /// Those of [`create_invitation`](Self::create_invitation); 400 for none or more than 10.
    ///
    /// ```
    /// # use verger_client::CreateInvitationParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let people = ["ada@example.com", "bob@example.com"].map(CreateInvitationParams::new);
    /// let request = client.invitations().create_bulk_invitations(&people);
    /// let body = r#"[{"email_address":"ada@example.com"},{"email_address":"bob@example.com"}]"#;
    /// assert_eq!(request.body(), Some(body));
    /// ```
    #[doc(alias("create_invitations", "invite_several"))]
    pub fn create_bulk_invitations(&self, params: &[CreateInvitationParams]) -> Request<Vec<Invitation>, R> {
        self.request(&CREATE_BULK_INVITATIONS, &[]).json(params)
    }
}

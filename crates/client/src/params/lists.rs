//! Which part of a list, and which of its objects.

use serde::Serialize;
use verger_wire::setters;

/// Which part of a list.
///
/// ```
/// # use verger_client::PageParams;
/// # let client = verger_client::testing::MockTransport::new().client();
/// let request = client.redirect_urls().list_redirect_urls(PageParams::new().limit(50).offset(100));
/// assert_eq!(request.query_string(), "limit=50&offset=100");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PageParams {
    /// Objects in the answer: 1 to 500. The service's default is 10; streams and iterators take 100.
    pub limit: Option<u32>,
    /// Objects to leave out at the start.
    pub offset: Option<u64>,
}

setters! { PageParams, new() {
    value limit: u32;
    value offset: u64;
} }

/// Which sessions, and how many. All that is given must hold.
///
/// ```
/// # use verger_client::GetSessionListParams;
/// # let client = verger_client::testing::MockTransport::new().client();
/// let params = GetSessionListParams::new().user_id("user_1").status("active");
/// let request = client.sessions().get_session_list(params);
/// assert_eq!(request.query_string(), "user_id=user_1&status=active");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GetSessionListParams {
    /// Only sessions on this client, `client_…`.
    pub client_id: Option<String>,
    /// Only sessions of this user, `user_…`.
    pub user_id: Option<String>,
    /// Only sessions of this [status](crate::UserSessionStatus); those that are pending count as `active`.
    pub status: Option<String>,
    /// Sessions in the answer: 1 to 500. The service's default is 10; streams and iterators take 100.
    pub limit: Option<u32>,
    /// Sessions to leave out at the start.
    pub offset: Option<u64>,
}

setters! { GetSessionListParams, new() {
    text client_id;
    text user_id;
    text status;
    value limit: u32;
    value offset: u64;
} }

/// Which invitations, in which order, and how many. All that is given must hold.
///
/// ```
/// # use verger_client::ListInvitationsParams;
/// # let client = verger_client::testing::MockTransport::new().client();
/// let params = ListInvitationsParams::new().status("pending").order_by("-expires_at");
/// let request = client.invitations().list_invitations(params);
/// assert_eq!(request.query_string(), "status=pending&order_by=-expires_at");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListInvitationsParams {
    /// Only those of this [status](crate::TicketStatus). Without it, all that were not revoked.
    pub status: Option<String>,
    /// A part of the address, or the id. At most 256 characters.
    pub query: Option<String>,
    /// `created_at`, `email_address` or `expires_at`, with `+` (ascending) or `-` before it. Default `-created_at`.
    pub order_by: Option<String>,
    /// Invitations in the answer: 1 to 500. The service's default is 10; streams and iterators take 100.
    pub limit: Option<u32>,
    /// Invitations to leave out at the start.
    pub offset: Option<u64>,
}

setters! { ListInvitationsParams, new() {
    text status;
    text query;
    text order_by;
    value limit: u32;
    value offset: u64;
} }

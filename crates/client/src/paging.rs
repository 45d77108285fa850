//! All users, page by page.

use crate::error::{Error, Kind};
use crate::model::User;
use crate::params::GetUserListParams;
use crate::request::{Async, Request, Sending};
use crate::resources::Users;
use futures_core::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Users on a page if the caller does not say.
const PAGE_LIMIT: u32 = 100;

impl Users {
    /// All users that `params` ask for, page by page, as a `futures_core::Stream`. `limit` is the size of a page; no more
    /// pages are read than are asked for.
    ///
    /// Ordered by `created_at` (the default), users that come or go meanwhile neither repeat nor hide others; in other
    /// orders they can.
    ///
    /// ```
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), verger_client::Error> {
    /// # let mock = MockTransport::new();
    /// # mock.push(Answer::json(200, json!([{"id": "user_1", "created_at": 1, "updated_at": 1}])));
    /// # let client = mock.client();
    /// let mut users = client.users().stream_user_list(Default::default());
    /// let mut ids = Vec::new();
    /// while let Some(user) = users.try_next().await? {
    ///     ids.push(user.id);
    /// }
    /// assert_eq!(ids, ["user_1"]);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("list_all_users", "stream_users", "iter_users"))]
    pub fn stream_user_list(&self, params: GetUserListParams) -> UserStream {
        UserStream::new(Pages::new(self.clone(), params))
    }
}

/// Where a walk over all users stands.
pub(crate) struct Pages<R> {
    users: Users<R>,
    /// What the next page is asked for with; `None` when the last one was read.
    next: Option<GetUserListParams>,
    /// The first user of the last page: if it comes again, the service does not move on.
    last_first: Option<String>,
    by_cursor: bool,
}

impl<R: Clone> Pages<R> {
    pub(crate) fn new(users: Users<R>, mut params: GetUserListParams) -> Self {
        params.limit.get_or_insert(PAGE_LIMIT);
        let order = params.order_by.as_deref().unwrap_or_default();
        let by_cursor = params.offset.is_none()
            && (order.is_empty() || order.trim_start_matches(['+', '-']) == "created_at");
        Self { users, next: Some(params), last_first: None, by_cursor }
    }

    pub(crate) fn request(&self) -> Option<Request<Vec<User>, R>> {
        self.next.as_ref().map(|params| self.users.get_user_list(params.clone()))
    }

    /// Takes a page, and decides what the next one is asked for with.
    pub(crate) fn accept(&mut self, page: Result<Vec<User>, Error>) -> Result<VecDeque<User>, Error> {
        let Some(mut params) = self.next.take() else { return page.map(VecDeque::from) };
        // After an error the walk is over.
        let page = page?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(VecDeque::new()) };
        if self.last_first.as_deref() == Some(&first.id) {
            let why = "the service gave the same page again".to_owned();
            return Err(Error::new(Kind::Decode { status: 200, trace_id: None, why }));
        }
        self.last_first = Some(first.id.clone());
        let is_full = u32::try_from(page.len()).is_ok_and(|length| Some(length) >= params.limit);
        if self.by_cursor {
            params.starting_after = Some(last.id.clone());
        } else {
            params.offset = Some(params.offset.unwrap_or(0).saturating_add(page.len() as u64));
        }
        self.next = is_full.then_some(params);
        Ok(page.into())
    }
}

/// All users, page by page; from [`stream_user_list`](Users::stream_user_list). After an error it is over.
#[must_use = "a stream does nothing before it is polled"]
pub struct UserStream {
    pages: Pages<Async>,
    ready: VecDeque<User>,
    waiting: Option<Sending<Vec<User>>>,
}

impl fmt::Debug for UserStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserStream")
    }
}

impl UserStream {
    pub(crate) fn new(pages: Pages<Async>) -> Self {
        Self { pages, ready: VecDeque::new(), waiting: None }
    }

    /// The next user; `None` after the last one.
    ///
    /// # Errors
    /// Those of [`get_user_list`](Users::get_user_list), and [`is_decode`](Error::is_decode) if the service gives the same
    /// page twice.
    pub async fn try_next(&mut self) -> Result<Option<User>, Error> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await.transpose()
    }
}

impl Stream for UserStream {
    type Item = Result<User, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(user) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(user)));
            }
            let waiting = match &mut this.waiting {
                Some(waiting) => waiting,
                None => match this.pages.request() {
                    Some(request) => this.waiting.insert(request.send()),
                    None => return Poll::Ready(None),
                },
            };
            let page = ready!(Pin::new(waiting).poll(context));
            this.waiting = None;
            match this.pages.accept(page) {
                Ok(page) => this.ready = page,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

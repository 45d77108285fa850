//! Whole lists, page by page, of resources that have pages by offset alone.

use crate::error::{Error, Kind};
use crate::model::{
    AllowlistIdentifier, BlocklistIdentifier, Invitation, JwtTemplate, Page, RedirectUrl, UserClient,
    UserSession,
};
use crate::params::{GetSessionListParams, ListInvitationsParams, PageParams};
use crate::request::{Async, Request, Sending};
use crate::resources::{
    AllowlistIdentifiers, BlocklistIdentifiers, Clients, Invitations, JwtTemplates, RedirectUrls, Sessions,
};
use futures_core::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Objects on a page if the caller does not say.
const PAGE_LIMIT: u32 = 100;

/// An object that a list has at most once.
pub(crate) trait Listed {
    fn id(&self) -> &str;
}

/// Asks for the page of this limit that begins at this offset.
type Ask<T, R> = Box<dyn Fn(u32, u64) -> Request<Page<T>, R> + Send>;

/// Where a walk over a list stands.
pub(crate) struct Walk<T, R> {
    ask: Ask<T, R>,
    limit: u32,
    /// Where the next page begins; `None` when the last one was read.
    offset: Option<u64>,
    /// The first object of the last page: if it comes again, the service does not move on.
    last_first: Option<String>,
}

impl<T: Listed, R> Walk<T, R> {
    fn new(limit: Option<u32>, offset: Option<u64>, ask: Ask<T, R>) -> Self {
        let limit = limit.unwrap_or(PAGE_LIMIT);
        Self { ask, limit, offset: Some(offset.unwrap_or(0)), last_first: None }
    }

    pub(crate) fn request(&self) -> Option<Request<Page<T>, R>> {
        self.offset.map(|offset| (self.ask)(self.limit, offset))
    }

    /// Takes a page, and decides where the next one begins.
    pub(crate) fn accept(&mut self, page: Result<Page<T>, Error>) -> Result<VecDeque<T>, Error> {
        // After an error the walk is over.
        let offset = self.offset.take().unwrap_or(0);
        let Page { data, total_count, .. } = page?;
        let Some(first) = data.first() else { return Ok(VecDeque::new()) };
        if self.last_first.as_deref() == Some(first.id()) {
            let why = "the service gave the same page again".to_owned();
            return Err(Error::new(Kind::Decode { status: 200, trace_id: None, why }));
        }
        self.last_first = Some(first.id().to_owned());
        let next = offset.saturating_add(data.len() as u64);
        self.offset = (next < total_count).then_some(next);
        Ok(data.into())
    }
}

/// All objects of a list, page by page; from the methods `stream_…`. After an error it is over.
///
/// Objects that come or go while it is read can repeat or hide others: the service counts from the start of the list.
///
/// ```
/// # use verger_client::testing::{Answer, MockTransport};
/// # use serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), verger_client::Error> {
/// # let mock = MockTransport::new();
/// # let url = json!({"id": "ru_1", "url": "com.example.app://signed-in", "created_at": 1, "updated_at": 1});
/// # mock.push(Answer::json(200, json!({"data": [url], "total_count": 1})));
/// # let client = mock.client();
/// let mut urls = client.redirect_urls().stream_redirect_urls(Default::default());
/// while let Some(redirect) = urls.try_next().await? {
///     assert_eq!(redirect.url, "com.example.app://signed-in");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing before it is polled"]
pub struct ObjectStream<T> {
    walk: Walk<T, Async>,
    ready: VecDeque<T>,
    waiting: Option<Sending<Page<T>>>,
}

impl<T> fmt::Debug for ObjectStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectStream")
    }
}

#[expect(private_bounds, reason = "what a list has is decided here")]
impl<T: Listed + serde::de::DeserializeOwned + Unpin + Send + 'static> ObjectStream<T> {
    /// The next object; `None` after the last one.
    ///
    /// # Errors
    /// Those of the list, and [`is_decode`](Error::is_decode) if the service gives the same page twice.
    pub async fn try_next(&mut self) -> Result<Option<T>, Error> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await.transpose()
    }
}

impl<T: Listed + serde::de::DeserializeOwned + Unpin + Send + 'static> Stream for ObjectStream<T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(object) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(object)));
            }
            let waiting = match &mut this.waiting {
                Some(waiting) => waiting,
                None => match this.walk.request() {
                    Some(request) => this.waiting.insert(request.send()),
                    None => return Poll::Ready(None),
                },
            };
            let page = ready!(Pin::new(waiting).poll(context));
            this.waiting = None;
            match this.walk.accept(page) {
                Ok(page) => this.ready = page,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

/// The walks over the list of a resource: the method that gives a page, and what the stream is called.
macro_rules! lists {
    ($($resource:ident.$page:ident($params:ident) of $object:ty => $stream:ident;)*) => {
        $(impl Listed for $object {
            fn id(&self) -> &str {
                &self.id
            }
        }

        impl<R: Clone + Send + 'static> $resource<R> {
            pub(crate) fn walk(&self, params: $params) -> Walk<$object, R> {
                let (resource, limit, offset) = (self.clone(), params.limit, params.offset);
                let ask = move |limit, offset| {
                    let mut part = params.clone();
                    part.limit = Some(limit);
                    part.offset = Some(offset);
                    resource.$page(part)
                };
                Walk::new(limit, offset, Box::new(ask))
            }
        }

        impl $resource {
            #[doc = concat!(
                "All that `params` ask for, page by page, as a `futures_core::Stream`: [`", stringify!($page),
                "`](Self::", stringify!($page), ") again and again. `limit` is the size of a page; no more pages are read \
                 than are asked for."
            )]
            pub fn $stream(&self, params: $params) -> ObjectStream<$object> {
                ObjectStream { walk: self.walk(params), ready: VecDeque::new(), waiting: None }
            }
        })*
    };
}

lists! {
    Sessions.get_session_list_page(GetSessionListParams) of UserSession => stream_session_list;
    Clients.get_client_list_page(PageParams) of UserClient => stream_client_list;
    JwtTemplates.list_jwt_templates_page(PageParams) of JwtTemplate => stream_jwt_templates;
    Invitations.list_invitations_page(ListInvitationsParams) of Invitation => stream_invitations;
    AllowlistIdentifiers.list_allowlist_identifiers_page(PageParams) of AllowlistIdentifier =>
        stream_allowlist_identifiers;
    BlocklistIdentifiers.list_blocklist_identifiers(PageParams) of BlocklistIdentifier =>
        stream_blocklist_identifiers;
    RedirectUrls.list_redirect_urls_page(PageParams) of RedirectUrl => stream_redirect_urls;
}

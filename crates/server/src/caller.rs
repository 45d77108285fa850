//! Who calls. The declaration of an operation names one of these types; its handler gets what is known of the caller.

use crate::context::{Context, Occasion, TraceId};
use std::sync::Arc;
use verger_store::Instance;

/// What an operation asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerKind {
    /// Nothing.
    Nobody,
    /// The secret key of an instance.
    SecretKey,
    /// A browser, signed in or not.
    Client,
    /// A session of a user.
    Session,
    /// An operator of the installation.
    Operator,
}

/// A caller as an operation declares it.
pub(crate) trait Caller: Send + Sync + 'static {
    /// As data, for the access table and the document.
    const KIND: CallerKind;
    /// What a handler is told.
    type Context: AsRef<Occasion> + Send + Sync;

    /// What is known of this caller; `None` for another kind of caller.
    fn context(known: Known) -> Option<Self::Context>;
}

/// What the layer of a mount found out.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// Nobody was asked for.
    Nobody(Occasion),
    /// The key is one of an instance.
    SecretKey(Context),
}

impl Known {
    /// What holds of any request.
    pub(crate) fn occasion(&self) -> &Occasion {
        match self {
            Self::Nobody(occasion) => occasion,
            Self::SecretKey(context) => &context.occasion,
        }
    }

    /// Names the request in its answer and in the log.
    pub(crate) fn trace_id(&self) -> &TraceId {
        &self.occasion().trace_id
    }

    /// The instance that the caller is of.
    pub(crate) fn instance(&self) -> Option<Arc<Instance>> {
        match self {
            Self::Nobody(_) => None,
            Self::SecretKey(context) => Some(Arc::clone(&context.instance)),
        }
    }
}

/// Anybody.
#[derive(Debug)]
pub(crate) enum Nobody {}

/// Whoever holds the secret key of an instance.
#[derive(Debug)]
pub(crate) enum SecretKey {}

impl Caller for Nobody {
    const KIND: CallerKind = CallerKind::Nobody;
    type Context = Occasion;

    fn context(known: Known) -> Option<Occasion> {
        match known {
            Known::Nobody(occasion) => Some(occasion),
            Known::SecretKey(context) => Some(context.occasion),
        }
    }
}

impl Caller for SecretKey {
    const KIND: CallerKind = CallerKind::SecretKey;
    type Context = Context;

    fn context(known: Known) -> Option<Context> {
        match known {
            Known::SecretKey(context) => Some(context),
            Known::Nobody(_) => None,
        }
    }
}

//! One declaration for an operation. Everything else about it is made from here: its route, the OpenAPI document,
//! docs/compatibility.md, the access table of the tests, the tables and signatures of the SDKs.
//!
//! CONTRIBUTING.md shows how one is added.

use crate::answer::Answer;
use crate::app::App;
use crate::call::Call;
use crate::caller::{Caller, CallerKind, Known};
use crate::error::Failure;
use axum::http::request::Parts;
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use verger_http::headers::Headers;
use verger_http::path::Path;
use verger_http::reasons::AUTHORIZATION_MISSING;
use verger_wire::input::{Described, Input, Place, Unknown};
use verger_wire::reason::Reason;
use verger_wire::schema::{Schema, Schemas, Value};

/// What a handler gives back.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// An operation of one of the APIs. Made by [`operations!`](crate::operations).
#[derive(Clone, Copy)]
pub struct Operation {
    /// For example `PATCH`.
    pub method: &'static str,
    /// For example `/v1/phone_numbers/{phone_number_id}`.
    pub path: &'static str,
    /// The documented name of the operation, or one of our own.
    pub operation_id: &'static str,
    /// The group that the document puts it in.
    pub tag: &'static str,
    /// The lines of the doc comment: a summary, an empty line, a description.
    pub doc: &'static [&'static str],
    /// Who may call it.
    pub caller: CallerKind,
    /// Which standard headers it takes and gives.
    pub headers: Headers,
    /// Other headers that it reads.
    pub header_params: &'static [HeaderParam],
    /// The type of the input, as the declaration spells it; empty where it takes nothing.
    pub input: &'static str,
    /// The type of the answer, as the declaration spells it.
    pub output: &'static str,
    /// What an answer of 200 has, for people.
    pub answer: &'static str,
    /// What it can be refused for, beside what holds for every operation of its mount.
    pub refuses: &'static [&'static Reason],
    /// Statuses that the published document does not have for it.
    pub adds: &'static [u16],
    /// Statuses that every operation has, and that the published document has for this one.
    pub shares: &'static [u16],
    /// Path, input and output.
    pub describe: fn(&mut Schemas) -> Shapes,
    pub(crate) run: fn(Incoming) -> Answering,
}

/// A header that one operation reads.
#[derive(Clone, Copy, Debug)]
pub struct HeaderParam {
    /// Its name in the components of the document.
    pub component: &'static str,
    /// For example `Last-Event-ID`.
    pub name: &'static str,
    /// Whether the operation is refused without it.
    pub is_required: bool,
    /// For people.
    pub doc: &'static str,
    /// What it looks like.
    pub example: &'static str,
}

/// What an operation takes and gives, for the document.
pub struct Shapes {
    /// The parameters of the path, in their order.
    pub path: Vec<Described>,
    /// Where the input is.
    pub place: Place,
    /// Fields that it does not have.
    pub unknown: Unknown,
    /// Whether there must be a body.
    pub is_body_required: bool,
    /// Documented fields that are not built.
    pub not_built: &'static [&'static str],
    /// The fields of the input.
    pub input: Vec<Described>,
    /// The schema of the answer.
    pub output: Value,
    /// What an answer looks like.
    pub example: Value,
    /// What an item of it looks like, if it is a list.
    pub item_example: Option<Value>,
}

/// A request on its way to its handler.
pub(crate) struct Incoming {
    pub(crate) app: Arc<App>,
    pub(crate) operation: &'static Operation,
    pub(crate) known: Known,
    /// The parameters of the path, decoded, in their order.
    pub(crate) params: Vec<String>,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
}

/// What there is to say about the types of an operation.
pub(crate) fn shapes<P: Path, I: Input, O: Schema>(path: &'static str, schemas: &mut Schemas) -> Shapes {
    Shapes {
        path: P::describe(path),
        place: I::PLACE,
        unknown: I::UNKNOWN,
        is_body_required: I::IS_BODY_REQUIRED,
        not_built: I::NOT_BUILT,
        input: I::describe(schemas),
        output: O::schema(schemas),
        example: O::example(),
        item_example: O::item_example(),
    }
}

/// The call that a handler takes, or why there is none.
pub(crate) fn call<C: Caller, P: Path, I: Input>(incoming: Incoming) -> Result<Call<C, P, I>, Failure> {
    let Incoming { app, operation, known, params, parts, body } = incoming;
    // The layer of the mount has asked for this caller; without one nobody is let through.
    let context = C::context(known).ok_or_else(|| Failure::from(&AUTHORIZATION_MISSING))?;
    let path = P::read(&params).ok_or_else(|| Failure::Bug("a path without its parameters".to_owned()))?;
    Ok(Call::new(app, operation.headers, context, path, parts, body))
}

/// How many parameters a template has.
pub(crate) const fn count_params(path: &str) -> usize {
    let bytes = path.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'{' {
            count += 1;
        }
        at += 1;
    }
    count
}

/// Declares the operations of a module, in a list `OPERATIONS`: doc comment, name, method, path and group, then
///
/// - `caller`: a type of [`caller`](crate::caller);
/// - `path`: the type of its parameters, or a tuple; left out where there are none;
/// - `input`: an [`Input`]; left out where it takes nothing;
/// - `output`: a [`Schema`], and in words what it is;
/// - `headers`: of [`Headers`];
/// - `header_params`: other headers that it reads;
/// - `refuses`: rows of reasons; `adds`: statuses that the published document does not have;
/// - `shares`: statuses of every operation that the published document has for this one;
/// - `run`: the handler.
macro_rules! operations {
    ($(
        $(#[doc = $doc:literal])*
        $id:ident: $method:ident $path:literal in $tag:literal {
            caller: $caller:ty,
            $(path: $params:ty,)?
            $(input: $input:ty,)?
            output: $output:ty, $answer:literal,
            $(headers: $($header:ident)|+,)?
            $(header_params: [$($header_param:path),*],)?
            $(refuses: [$($reason:path),* $(,)?],)?
            $(adds: [$($status:literal),*],)?
            $(shares: [$($shared:literal),*],)?
            run: $run:path $(,)?
        }
    )*) => {
        $(const _: () = assert!(
            $crate::operation::count_params($path)
                == <$crate::operation::or!(() $(, $params)?) as verger_http::path::Path>::COUNT,
            "`path:` must have as many types as the path has parameters",
        );)*

        /// What is declared here.
        pub(crate) const OPERATIONS: &[$crate::operation::Operation] = &[$(
            $crate::operation::Operation {
                method: stringify!($method),
                path: $path,
                operation_id: stringify!($id),
                tag: $tag,
                doc: &[$($doc),*],
                caller: <$caller as $crate::caller::Caller>::KIND,
                headers: verger_http::headers::Headers::NONE
                    $($(.and(verger_http::headers::Headers::$header))+)?,
                header_params: &[$($($header_param),*)?],
                input: concat!($(stringify!($input))?),
                output: stringify!($output),
                answer: $answer,
                refuses: &[$($(&$reason),*)?],
                adds: &[$($($status),*)?],
                shares: &[$($($shared),*)?],
                describe: |schemas| $crate::operation::shapes::<
                    $crate::operation::or!(() $(, $params)?),
                    $crate::operation::or!(verger_wire::input::Nothing $(, $input)?),
                    $output,
                >($path, schemas),
                run: |incoming| Box::pin(async move { $run($crate::operation::call(incoming)?).await }),
            },
        )*];
    };
}

/// The last of one or two types.
macro_rules! or {
    ($default:ty) => {
        $default
    };
    ($default:ty, $given:ty) => {
        $given
    };
}

pub(crate) use {operations, or};

//! What requests bring, declared once: [`derive(Input)`](macro@Input) makes from a struct how it is read and its schema.
//!
//! Reading is written against [`Source`]: a server has one for JSON bodies and one for queries. It never stops at the first
//! problem: the source notes each, and gives a value in its place.

use crate::json::Object;
use crate::schema::{Note, Schema, Schemas, Value};
use crate::{Patch, UnixMillis};

/// Declares what a request brings: see the crate `verger-derive`.
pub use verger_derive::Input;

/// Where in a request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The body, as one JSON object.
    Body,
    /// The body, as a JSON array of such objects.
    Items {
        /// How many there can be; there is one at least.
        max: usize,
    },
    /// The query of the URL.
    Query,
    /// The operation takes nothing; an empty body may come all the same.
    Nowhere,
}

impl Place {
    /// Whether it is in the body.
    pub fn is_body(self) -> bool {
        matches!(self, Self::Body | Self::Items { .. })
    }
}

/// What becomes of a field that an operation does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The document leaves the object open.
    Ignored,
    /// The document says `additionalProperties: false`; a filter that was ignored would match everybody.
    Refused,
}

/// How one field is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// On the wire.
    pub name: &'static str,
    /// Absence and null are problems.
    pub is_required: bool,
    /// A text to search for: blanks at its ends say nothing.
    pub is_search: bool,
    /// The least number.
    pub minimum: i64,
    /// The greatest number.
    pub maximum: i64,
    /// The most items of a list.
    pub items_max: usize,
    /// The most characters of a text.
    pub characters_max: usize,
    /// The texts that it can be; empty: any.
    pub one_of: &'static [&'static str],
}

/// What fields are read from. Whatever is wrong is noted under the field's name.
pub trait Source {
    /// True or false.
    fn flag(&mut self, field: &Field) -> Patch<bool>;
    /// A text.
    fn text(&mut self, field: &Field) -> Patch<String>;
    /// A whole number.
    fn integer(&mut self, field: &Field) -> Patch<i64>;
    /// A moment in Unix milliseconds.
    fn moment(&mut self, field: &Field) -> Patch<UnixMillis>;
    /// A list of texts.
    fn texts(&mut self, field: &Field) -> Patch<Vec<String>>;
    /// A JSON object.
    fn object(&mut self, field: &Field) -> Patch<Object>;
    /// Notes that a field is not there, or null, and must have a value.
    fn missing(&mut self, field: &Field, is_null: bool);
    /// Documented fields that are not built: they may not ask for anything.
    fn not_built(&mut self, names: &[&'static str]);
    /// Fields that may come and say nothing.
    fn ignored(&mut self, names: &[&'static str]);
    /// Whether the request asks for an API version before this one.
    fn is_before(&self, version: &str) -> bool;
}

/// What a request brings.
pub trait Input: Sized {
    /// Where it is.
    const PLACE: Place;
    /// What becomes of other fields.
    const UNKNOWN: Unknown;
    /// Whether the document says that there must be a body.
    const IS_BODY_REQUIRED: bool;
    /// Documented fields that are not built.
    const NOT_BUILT: &'static [&'static str];

    /// Reads it; problems are left with the source, and a value of no meaning stands in the place of what has one.
    fn read(source: &mut impl Source) -> Self;

    /// Its fields, for the document.
    fn describe(schemas: &mut Schemas) -> Vec<Described>;
}

/// A field, as the document describes it.
#[derive(Clone, Debug)]
pub struct Described {
    /// On the wire.
    pub name: &'static str,
    /// It must be there.
    pub is_required: bool,
    /// The schema, with its words.
    pub schema: Value,
    /// What it looks like, if the declaration says so.
    pub example: Option<Value>,
}

/// For the derive.
#[doc(hidden)]
pub fn describe<T: Schema>(
    name: &'static str,
    is_required: bool,
    note: Note,
    schemas: &mut Schemas,
) -> Described {
    let schema = note.apply(T::schema(schemas));
    Described { name, is_required, schema, example: note.example }
}

macro_rules! without_fields {
    ($($(#[doc = $doc:literal])* $kind:ident: $place:ident $unknown:ident;)*) => {
        $($(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $kind;

        impl Input for $kind {
            const PLACE: Place = Place::$place;
            const UNKNOWN: Unknown = Unknown::$unknown;
            const IS_BODY_REQUIRED: bool = false;
            const NOT_BUILT: &'static [&'static str] = &[];

            fn read(_: &mut impl Source) -> Self {
                Self
            }

            fn describe(_: &mut Schemas) -> Vec<Described> {
                Vec::new()
            }
        })*
    };
}

without_fields! {
    /// Nothing is read: neither the query nor the body.
    Nothing: Nowhere Ignored;
    /// A body that may have anything in it, as long as it is an object.
    Anything: Body Ignored;
    /// A body without any field.
    NoFields: Body Refused;
    /// A query without any parameter.
    NoParams: Query Refused;
}

/// A type that a field can have.
pub trait Taken: Sized {
    /// Reads the field.
    fn take(source: &mut impl Source, field: &Field) -> Self;
}

/// A value that a field can have.
pub trait Read: Sized {
    /// Reads it; null and absent are told apart.
    fn read(source: &mut impl Source, field: &Field) -> Patch<Self>;
}

macro_rules! read {
    ($($kind:ty: $method:ident;)*) => {
        $(impl Read for $kind {
            fn read(source: &mut impl Source, field: &Field) -> Patch<Self> {
                source.$method(field)
            }
        }

        impl Taken for $kind
        where
            $kind: Default,
        {
            fn take(source: &mut impl Source, field: &Field) -> Self {
                match <$kind as Read>::read(source, field) {
                    Patch::Set(value) => return value,
                    Patch::Null if field.is_required => source.missing(field, true),
                    Patch::Absent if field.is_required => source.missing(field, false),
                    Patch::Null | Patch::Absent => {}
                }
                Self::default()
            }
        })*
    };
}

read! {
    bool: flag;
    String: text;
    i64: integer;
    UnixMillis: moment;
    Vec<String>: texts;
    Object: object;
}

impl<T: Read> Taken for Option<T> {
    fn take(source: &mut impl Source, field: &Field) -> Self {
        T::read(source, field).set()
    }
}

impl<T: Read> Taken for Patch<T> {
    fn take(source: &mut impl Source, field: &Field) -> Self {
        T::read(source, field)
    }
}

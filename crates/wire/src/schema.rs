//! Schemas of what the API takes and answers, for the OpenAPI document (OpenAPI 3.0), and examples of it.
//!
//! [`derive(Schema)`](macro@Schema) makes both from a struct: its doc comments are the words, `#[wire(…)]` the limits.

pub use serde_json::{Map, Value, json};
/// Declares what an answer has: see the crate `verger-derive`.
pub use verger_derive::Schema;

use crate::json::Object;
use crate::{Patch, UnixMillis};

/// A type of the API.
pub trait Schema {
    /// Its schema, or a reference to it where it has a name; names are collected in `schemas`.
    fn schema(schemas: &mut Schemas) -> Value;

    /// The schema itself, without a name.
    fn object(schemas: &mut Schemas) -> Value {
        Self::schema(schemas)
    }

    /// What a value looks like.
    fn example() -> Value;

    /// What an item of a list looks like; `None` for what is no list.
    fn item_example() -> Option<Value> {
        None
    }
}

/// The named schemas of a document, in the order of their first mention.
#[derive(Debug, Default)]
pub struct Schemas(Map<String, Value>);

impl Schemas {
    /// A reference to the schema of this name, which `make` makes unless it is there.
    pub fn named(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.0.contains_key(name) {
            // Holds the place, also while the schema mentions itself.
            self.0.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.0.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// All of them.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// Words and limits of one field.
#[derive(Clone, Debug, Default)]
pub struct Note {
    /// For people.
    pub doc: &'static str,
    /// Whether it can be null.
    pub nullable: bool,
    /// Whether the published document does not have it.
    pub is_addition: bool,
    /// Whether there is something better to use.
    pub is_deprecated: bool,
    /// The texts that it can be, if there are some.
    pub one_of: &'static [&'static str],
    /// The one text that it always is.
    pub constant: Option<&'static str>,
    /// Of the schema, such as `int64`; empty: none.
    pub format: Option<&'static str>,
    /// A regular expression of the schema.
    pub pattern: Option<&'static str>,
    /// The least number.
    pub minimum: Option<i64>,
    /// The greatest number.
    pub maximum: Option<i64>,
    /// The least items of a list.
    pub items_min: Option<i64>,
    /// The most items of a list.
    pub items_max: Option<i64>,
    /// The most characters of a text.
    pub characters_max: Option<i64>,
    /// What absence means.
    pub default: Option<Value>,
    /// What it looks like.
    pub example: Option<Value>,
}

impl Note {
    /// The schema of the field, from that of its type.
    pub fn apply(&self, schema: Value) -> Value {
        let Value::Object(mut schema) = schema else { return schema };
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                schema.insert(key.to_owned(), value);
            }
        };
        put("nullable", self.nullable.then_some(json!(true)));
        put("description", (!self.doc.is_empty()).then(|| json!(self.doc)));
        put("deprecated", self.is_deprecated.then_some(json!(true)));
        put("x-verger-addition", self.is_addition.then_some(json!(true)));
        put("format", self.format.map(|format| json!(format)));
        put("pattern", self.pattern.map(|pattern| json!(pattern)));
        put("minimum", self.minimum.map(|minimum| json!(minimum)));
        put("maximum", self.maximum.map(|maximum| json!(maximum)));
        put("minItems", self.items_min.map(|minimum| json!(minimum)));
        put("maxItems", self.items_max.map(|maximum| json!(maximum)));
        put("default", self.default.clone());
        put("enum", self.constant.map(|constant| json!([constant])));
        if !self.one_of.is_empty() {
            let of_items = schema.get("type") == Some(&json!("array"));
            match schema.get_mut("items").filter(|_| of_items) {
                Some(items) => items["enum"] = json!(self.one_of),
                None => {
                    schema.insert("enum".to_owned(), json!(self.one_of));
                }
            }
        }
        if self.format == Some("") {
            schema.remove("format");
        }
        Value::Object(schema)
    }

    fn example_or(&self, other: impl FnOnce() -> Value) -> Value {
        let constant = self.constant.map(|constant| json!(constant));
        self.example.clone().or(constant).unwrap_or_else(other)
    }
}

/// The schema of an object, while it is put together.
#[derive(Debug)]
pub struct ObjectSchema {
    about: &'static str,
    is_open: bool,
    is_nullable: bool,
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl ObjectSchema {
    /// Without any property.
    pub fn new(about: &'static str, is_open: bool, is_nullable: bool) -> Self {
        Self { about, is_open, is_nullable, properties: Map::new(), required: Vec::new() }
    }

    /// One more property.
    pub fn property<T: Schema>(&mut self, name: &str, is_required: bool, note: Note, schemas: &mut Schemas) {
        self.properties.insert(name.to_owned(), note.apply(T::schema(schemas)));
        if is_required {
            self.required.push(json!(name));
        }
    }

    /// All properties of another object.
    pub fn flatten<T: Schema>(&mut self, schemas: &mut Schemas) {
        let Value::Object(mut object) = T::object(schemas) else { return };
        if let Some(Value::Object(properties)) = object.remove("properties") {
            self.properties.extend(properties);
        }
        if let Some(Value::Array(required)) = object.remove("required") {
            self.required.extend(required);
        }
    }

    /// The schema.
    pub fn into_value(self) -> Value {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("description".to_owned(), json!(self.about));
        if self.is_nullable {
            schema.insert("nullable".to_owned(), json!(true));
        }
        if !self.is_open {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        schema.insert("properties".to_owned(), Value::Object(self.properties));
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(self.required));
        }
        Value::Object(schema)
    }
}

/// The example of an object, while it is put together.
#[derive(Debug, Default)]
pub struct ObjectExample(Map<String, Value>);

impl ObjectExample {
    /// One more property.
    pub fn property<T: Schema>(&mut self, name: &str, note: Note) {
        self.0.insert(name.to_owned(), note.example_or(T::example));
    }

    /// All properties of another example.
    pub fn flatten(&mut self, other: Value) {
        if let Value::Object(other) = other {
            self.0.extend(other);
        }
    }

    /// The example.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

macro_rules! plain {
    ($($kind:ty: $schema:tt, $example:tt;)*) => {
        $(impl Schema for $kind {
            fn schema(_: &mut Schemas) -> Value {
                json!($schema)
            }

            fn example() -> Value {
                json!($example)
            }
        })*
    };
}

plain! {
    bool: { "type": "boolean" }, false;
    String: { "type": "string" }, "";
    i64: { "type": "integer" }, 0;
    UnixMillis: { "type": "integer", "format": "int64" }, 1_779_181_200_000_i64;
    Object: { "type": "object", "additionalProperties": true }, {};
    Map<String, Value>: { "type": "object", "additionalProperties": true }, {};
    Value: { "type": "object" }, {};
}

impl<T: Schema> Schema for Option<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }

    fn example() -> Value {
        Value::Null
    }
}

impl<T: Schema> Schema for Patch<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }

    fn example() -> Value {
        Value::Null
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({ "type": "array", "items": T::schema(schemas) })
    }

    fn example() -> Value {
        json!([])
    }

    fn item_example() -> Option<Value> {
        Some(T::example())
    }
}

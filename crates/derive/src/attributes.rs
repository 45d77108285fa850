//! `#[wire(…)]`.
//!
//! On a type: `name = "…"` (in the document; else that of the type), `inline` (it has no name there), `query` (read from the query instead of the body),
//! `open` (fields that the operation does not have are ignored, not refused), `nullable` (the schema itself says so), `body_required`, `not_built("…", …)`
//! (documented fields that ask for something that is not there yet), `ignored("…", …)` (read and thrown away).
//!
//! On a field: `name = "…"` (on the wire; else the one that serde writes), `required`, `nullable`, `optional` (not always sent), `addition` (not in the published document),
//! `deprecated`, `flatten`, `search` (text to search for, in a query), `until = "…"` (from this API version on there is no
//! such field), `in_words` (the limits stand in the words, not in the schema),
//! `in_schema_only` (reading does not look at them: the operation does), `min`, `max`, `items_min` (in the schema only), `items_max`, `characters_max`, `one_of("…", …)`, `format`, `pattern`, `default`, `example`,
//! `constant = "…"` (always this text).

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, LitStr, Result, Token};

/// Of the type.
#[derive(Default)]
pub(crate) struct TypeAttributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) inline: bool,
    pub(crate) query: bool,
    pub(crate) open: bool,
    pub(crate) nullable: bool,
    pub(crate) body_required: bool,
    pub(crate) not_built: Vec<LitStr>,
    pub(crate) ignored: Vec<LitStr>,
}

/// Of a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) required: bool,
    pub(crate) nullable: bool,
    pub(crate) optional: bool,
    pub(crate) addition: bool,
    pub(crate) deprecated: bool,
    pub(crate) flatten: bool,
    pub(crate) search: bool,
    pub(crate) in_words: bool,
    pub(crate) in_schema_only: bool,
    pub(crate) until: Option<LitStr>,
    pub(crate) min: Option<Expr>,
    pub(crate) max: Option<Expr>,
    pub(crate) items_min: Option<Expr>,
    pub(crate) items_max: Option<Expr>,
    pub(crate) characters_max: Option<Expr>,
    pub(crate) one_of: Vec<LitStr>,
    pub(crate) format: Option<LitStr>,
    pub(crate) pattern: Option<LitStr>,
    pub(crate) default: Option<TokenStream>,
    pub(crate) example: Option<TokenStream>,
    pub(crate) constant: Option<LitStr>,
}

pub(crate) fn of_type(item: &DeriveInput) -> Result<TypeAttributes> {
    let mut found = TypeAttributes::default();
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("wire")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.require_ident()?.to_string();
            match name.as_str() {
                "name" => found.name = Some(meta.value()?.parse()?),
                "inline" => found.inline = true,
                "query" => found.query = true,
                "open" => found.open = true,
                "nullable" => found.nullable = true,
                "body_required" => found.body_required = true,
                "not_built" => found.not_built = texts(&meta)?,
                "ignored" => found.ignored = texts(&meta)?,
                _ => return Err(meta.error("a type has no such attribute")),
            }
            Ok(())
        })?;
    }
    Ok(found)
}

pub(crate) fn of_field(field: &Field) -> Result<FieldAttributes> {
    let mut found = FieldAttributes::default();
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("wire")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.require_ident()?.to_string();
            match name.as_str() {
                "name" => found.name = Some(meta.value()?.parse()?),
                "required" => found.required = true,
                "nullable" => found.nullable = true,
                "optional" => found.optional = true,
                "addition" => found.addition = true,
                "deprecated" => found.deprecated = true,
                "flatten" => found.flatten = true,
                "search" => found.search = true,
                "in_words" => found.in_words = true,
                "in_schema_only" => found.in_schema_only = true,
                "until" => found.until = Some(meta.value()?.parse()?),
                "min" => found.min = Some(meta.value()?.parse()?),
                "max" => found.max = Some(meta.value()?.parse()?),
                "items_min" => found.items_min = Some(meta.value()?.parse()?),
                "items_max" => found.items_max = Some(meta.value()?.parse()?),
                "characters_max" => found.characters_max = Some(meta.value()?.parse()?),
                "one_of" => found.one_of = texts(&meta)?,
                "format" => found.format = Some(meta.value()?.parse()?),
                "pattern" => found.pattern = Some(meta.value()?.parse()?),
                "default" => found.default = Some(json(meta.value()?)?),
                "example" => found.example = Some(json(meta.value()?)?),
                "constant" => found.constant = Some(meta.value()?.parse()?),
                _ => return Err(meta.error("a field has no such attribute")),
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// A value as `serde_json::json!` takes it: an expression, or an object or list, in which `null` and such can stand.
fn json(input: syn::parse::ParseStream<'_>) -> Result<TokenStream> {
    use quote::ToTokens as _;
    if input.peek(syn::token::Brace) || input.peek(syn::token::Bracket) {
        return Ok(input.parse::<proc_macro2::TokenTree>()?.into_token_stream());
    }
    Ok(input.parse::<Expr>()?.into_token_stream())
}

fn texts(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<Vec<LitStr>> {
    let content;
    syn::parenthesized!(content in meta.input);
    let texts = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
    Ok(texts.into_iter().collect())
}

/// The named fields of a struct.
pub(crate) fn fields(item: &DeriveInput) -> Result<impl Iterator<Item = &Field>> {
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter()),
            _ => Err(Error::new_spanned(item, "needs named fields")),
        },
        _ => Err(Error::new_spanned(item, "is for structs")),
    }
}

/// The name on the wire: the one that serde writes.
pub(crate) fn wire_name(field: &Field) -> Result<String> {
    if let Some(name) = of_field(field)?.name {
        return Ok(name.value());
    }
    let mut renamed = None;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                renamed = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if let Ok(value) = meta.value() {
                value.parse::<Expr>()?;
            }
            Ok(())
        })?;
    }
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "needs a name"))?;
    Ok(renamed.unwrap_or_else(|| ident.to_string().trim_start_matches("r#").to_owned()))
}

/// The doc comment: lines of a paragraph are joined, paragraphs stay apart.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let syn::Meta::NameValue(pair) = &attribute.meta else { continue };
        let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value else { continue };
        let line = line.value();
        let line = line.trim();
        match line {
            "" => text.push_str("\n\n"),
            line => {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push(' ');
                }
                text.push_str(line);
            }
        }
    }
    text.trim().to_owned()
}

/// The words and limits of a field, as the expression of a `verger_wire::schema::Note`.
pub(crate) fn note(field: &Field, attributes: &FieldAttributes) -> TokenStream {
    let doc = doc(&field.attrs);
    let FieldAttributes { nullable, addition, deprecated, one_of, .. } = attributes;
    let text = |text: &Option<LitStr>| match text {
        Some(text) => quote!(Some(#text)),
        None => quote!(None),
    };
    let json = |value: Option<TokenStream>| match value {
        Some(value) => quote!(Some(::verger_wire::schema::json!(#value))),
        None => quote!(None),
    };
    let number = |value: &Option<Expr>| match value {
        Some(value) if !attributes.in_words => quote!(Some(#value as i64)),
        _ => quote!(None),
    };
    let (format, pattern, constant) =
        (text(&attributes.format), text(&attributes.pattern), text(&attributes.constant));
    let (default, example) = (json(attributes.default.clone()), json(attributes.example.clone()));
    let (min, max) = (number(&attributes.min), number(&attributes.max));
    let (items_min, items_max) = (number(&attributes.items_min), number(&attributes.items_max));
    let characters_max = number(&attributes.characters_max);
    quote! {
        ::verger_wire::schema::Note {
            doc: #doc,
            nullable: #nullable,
            is_addition: #addition,
            is_deprecated: #deprecated,
            one_of: &[#(#one_of),*],
            constant: #constant,
            format: #format,
            pattern: #pattern,
            minimum: #min,
            maximum: #max,
            items_min: #items_min,
            items_max: #items_max,
            characters_max: #characters_max,
            default: #default,
            example: #example,
        }
    }
}

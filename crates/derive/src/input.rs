//! `#[derive(Input)]`.

use crate::attributes::{self, FieldAttributes, note, wire_name};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Field, Result};

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let ident = &item.ident;
    let of_type = attributes::of_type(item)?;
    let place = if of_type.query { quote!(Query) } else { quote!(Body) };
    let unknown = if of_type.open { quote!(Ignored) } else { quote!(Refused) };
    let (not_built, ignored, is_body_required) = (of_type.not_built, of_type.ignored, of_type.body_required);
    let (mut taken, mut described) = (Vec::new(), Vec::new());
    for field in attributes::fields(item)? {
        let of_field = attributes::of_field(field)?;
        let kind = &field.ty;
        if of_field.flatten {
            let ident = &field.ident;
            taken.push(quote!(#ident: <#kind as ::verger_wire::input::Input>::read(source)));
            described.push(quote!(fields.extend(<#kind as ::verger_wire::input::Input>::describe(schemas));));
            continue;
        }
        taken.push(take(field, &of_field)?);
        if of_field.until.is_some() {
            // The document is that of the newest version.
            continue;
        }
        let (name, note) = (wire_name(field)?, note(field, &of_field));
        let is_required = of_field.required;
        described.push(
            quote!(fields.push(::verger_wire::input::describe::<#kind>(#name, #is_required, #note, schemas));),
        );
    }
    Ok(quote! {
        impl ::verger_wire::input::Input for #ident {
            const PLACE: ::verger_wire::input::Place = ::verger_wire::input::Place::#place;
            const UNKNOWN: ::verger_wire::input::Unknown = ::verger_wire::input::Unknown::#unknown;
            const IS_BODY_REQUIRED: bool = #is_body_required;
            const NOT_BUILT: &'static [&'static str] = &[#(#not_built),*];

            fn read(source: &mut impl ::verger_wire::input::Source) -> Self {
                let read = Self { #(#taken),* };
                source.not_built(Self::NOT_BUILT);
                source.ignored(&[#(#ignored),*]);
                read
            }

            fn describe(
                schemas: &mut ::verger_wire::schema::Schemas,
            ) -> ::std::vec::Vec<::verger_wire::input::Described> {
                let mut fields = ::std::vec::Vec::new();
                #(#described)*
                fields
            }
        }
    })
}

fn take(field: &Field, of_field: &FieldAttributes) -> Result<TokenStream> {
    let (ident, kind, name) = (&field.ident, &field.ty, wire_name(field)?);
    let FieldAttributes { required, search, .. } = of_field;
    let one_of: &[_] = if of_field.in_schema_only { &[] } else { &of_field.one_of };
    let limit = |value: &Option<syn::Expr>, default: TokenStream, kind: TokenStream| match value {
        Some(value) if !of_field.in_schema_only => quote!(#value as #kind),
        _ => default,
    };
    let min = limit(&of_field.min, quote!(i64::MIN), quote!(i64));
    let max = limit(&of_field.max, quote!(i64::MAX), quote!(i64));
    let items_max = limit(&of_field.items_max, quote!(usize::MAX), quote!(usize));
    let characters_max = limit(&of_field.characters_max, quote!(usize::MAX), quote!(usize));
    let taken = quote! {
        <#kind as ::verger_wire::input::Taken>::take(source, &::verger_wire::input::Field {
            name: #name,
            is_required: #required,
            is_search: #search,
            minimum: #min,
            maximum: #max,
            items_max: #items_max,
            characters_max: #characters_max,
            one_of: &[#(#one_of),*],
        })
    };
    Ok(match &of_field.until {
        None => quote!(#ident: #taken),
        Some(until) => {
            quote!(#ident: if source.is_before(#until) { #taken } else { ::std::default::Default::default() })
        }
    })
}

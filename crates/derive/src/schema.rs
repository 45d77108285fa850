//! `#[derive(Schema)]`.

use crate::attributes::{self, doc, note, wire_name};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let ident = &item.ident;
    let of_type = attributes::of_type(item)?;
    let name = of_type.name.map_or_else(|| ident.to_string(), |name| name.value());
    let about = doc(&item.attrs);
    let (is_open, is_nullable) = (of_type.open, of_type.nullable);
    let schema = match of_type.inline {
        true => quote!(Self::object(schemas)),
        false => quote!(schemas.named(#name, Self::object)),
    };
    let (mut properties, mut examples) = (Vec::new(), Vec::new());
    for field in attributes::fields(item)? {
        let of_field = attributes::of_field(field)?;
        let (name, kind) = (wire_name(field)?, &field.ty);
        if of_field.flatten {
            properties.push(quote!(object.flatten::<#kind>(schemas);));
            examples.push(quote!(example.flatten(<#kind as ::verger_wire::schema::Schema>::example());));
            continue;
        }
        let (note, is_required) = (note(field, &of_field), !of_field.optional);
        properties.push(quote!(object.property::<#kind>(#name, #is_required, #note, schemas);));
        examples.push(quote!(example.property::<#kind>(#name, #note);));
    }
    Ok(quote! {
        impl ::verger_wire::schema::Schema for #ident {
            fn schema(schemas: &mut ::verger_wire::schema::Schemas) -> ::verger_wire::schema::Value {
                #schema
            }

            fn object(schemas: &mut ::verger_wire::schema::Schemas) -> ::verger_wire::schema::Value {
                let mut object = ::verger_wire::schema::ObjectSchema::new(#about, #is_open, #is_nullable);
                #(#properties)*
                object.into_value()
            }

            fn example() -> ::verger_wire::schema::Value {
                let mut example = ::verger_wire::schema::ObjectExample::default();
                #(#examples)*
                example.into_value()
            }
        }
    })
}

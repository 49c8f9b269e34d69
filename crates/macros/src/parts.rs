//! What the macros have in common.

use proc_macro2::{Ident, TokenStream};
use quote::format_ident;
use syn::{Attribute, Expr, ExprLit, FnArg, GenericArgument, ItemFn, Lit, Meta, Pat, PathArguments, Type};

/// The text of the doc comment.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned())
        .collect();
    lines.join("\n")
}

/// A documented function, or an error: scripts show the comment to users.
pub(crate) fn required_doc(item: &ItemFn) -> syn::Result<String> {
    let doc = doc(&item.attrs);
    if doc.trim().is_empty() {
        return Err(syn::Error::new_spanned(&item.sig.ident, "a doc comment is needed: users read it"));
    }
    Ok(doc)
}

/// The name of the constant beside a function.
pub(crate) fn constant(ident: &Ident) -> Ident {
    format_ident!("{}", ident.to_string().trim_start_matches("r#").to_uppercase())
}

/// One argument: its name and type.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

/// The arguments of a function.
pub(crate) fn arguments(item: &ItemFn) -> syn::Result<Vec<Argument>> {
    item.sig
        .inputs
        .iter()
        .map(|input| match input {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(pattern) => Ok(Argument { name: pattern.ident.clone(), ty: (*typed.ty).clone() }),
                other => Err(syn::Error::new_spanned(other, "a plain name is needed here")),
            },
            FnArg::Receiver(receiver) => Err(syn::Error::new_spanned(receiver, "a free function is needed")),
        })
        .collect()
}

/// `T` of `&T` and `&mut T`.
pub(crate) fn referenced(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(reference) => Some(&reference.elem),
        _ => None,
    }
}

/// `T` of `Arc<T>`.
pub(crate) fn in_arc(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Arc")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

/// True when the last part of a type's path is `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// The visibility of the constant: that of the function.
pub(crate) fn visibility(item: &ItemFn) -> TokenStream {
    let visibility = &item.vis;
    quote::quote!(#visibility)
}

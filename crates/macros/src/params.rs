//! `#[derive(Params)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Expr, ExprLit, Fields, Lit, LitStr};

use crate::parts;

pub(crate) fn expand(item: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(&input.ident, "a struct is needed"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(syn::Error::new_spanned(&input.ident, "named fields are needed"));
    };
    let ident = &input.ident;
    let (mut defs, mut arms, mut defaults) = (vec![], vec![], vec![]);
    for field in &fields.named {
        let (mut name, mut default): (Option<LitStr>, Option<Expr>) = (None, None);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("default") {
                    default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("name") {
                    name = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("`default` and `name` are known here"));
                }
                Ok(())
            })?;
        }
        let Some(field_ident) = &field.ident else { continue };
        let doc = parts::doc(&field.attrs);
        if doc.trim().is_empty() {
            return Err(syn::Error::new_spanned(field_ident, "a doc comment is needed: users read it"));
        }
        let name = name.map_or_else(|| field_ident.to_string(), |name| name.value());
        let ty = &field.ty;
        let shown = default.as_ref().map_or_else(String::new, shown);
        let value = default.map_or_else(|| quote!(::std::default::Default::default()), |default| quote!(#default));
        defaults.push(quote!(#field_ident: #value));
        defs.push(quote!(::engine::ParamDef { name: #name, kind: <#ty as ::engine::ParamType>::KIND, default: #shown, doc: #doc }));
        arms.push(quote!(#name => <#ty as ::engine::ParamType>::assign(&mut self.#field_ident, source)));
    }
    Ok(quote! {
        impl ::std::default::Default for #ident {
            fn default() -> Self { Self { #(#defaults),* } }
        }
        impl ::engine::Params for #ident {
            const DEFS: &'static [::engine::ParamDef] = &[#(#defs),*];
            fn set(&mut self, source: &::engine::ParamSource) -> ::std::result::Result<(), ::engine::Diagnostic> {
                match &*source.name { #(#arms,)* _ => Ok(()) }
            }
        }
    })
}

/// A default as a configuration would have it.
fn shown(default: &Expr) -> String {
    match default {
        Expr::MethodCall(call) if call.method == "into" => shown(&call.receiver),
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) if text.value().is_empty() => "empty".into(),
            Lit::Str(text) => text.value(),
            Lit::Bool(on) => u8::from(on.value).to_string(),
            Lit::Int(number) => number.base10_digits().to_owned(),
            other => other.to_token_stream().to_string(),
        },
        Expr::Unary(negative) => format!("-{}", shown(&negative.expr)),
        Expr::Path(path) => path.path.segments.last().map_or_else(String::new, |last| match last.ident.to_string() {
            name if name == "EMPTY" => "empty".into(),
            name => name.to_lowercase(),
        }),
        other => other.to_token_stream().to_string(),
    }
}

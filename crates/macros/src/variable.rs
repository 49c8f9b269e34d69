//! `#[variable]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, ItemFn, LitStr, Path, Token};

use crate::parts;

/// `"ru", "ruri", set = set_ru`.
struct Attribute {
    names: Vec<LitStr>,
    set: Option<Path>,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (mut names, mut set) = (Vec::new(), None);
        while !input.is_empty() {
            if input.peek(LitStr) {
                names.push(input.parse()?);
            } else {
                let key: Ident = input.parse()?;
                if key != "set" {
                    return Err(syn::Error::new_spanned(key, "names and `set = function` are known here"));
                }
                input.parse::<Token![=]>()?;
                set = Some(input.parse()?);
            }
            input.parse::<Option<Token![,]>>()?;
        }
        if names.is_empty() {
            return Err(input.error("a name is needed: #[variable(\"ru\")]"));
        }
        Ok(Self { names, set })
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Attribute { names, set } = syn::parse2(attribute)?;
    let item: ItemFn = syn::parse2(item)?;
    let doc = parts::required_doc(&item)?;
    let ident = &item.sig.ident;
    let constant = parts::constant(ident);
    let visibility = parts::visibility(&item);

    let (mut fields, mut inits, mut arguments) = (Vec::new(), Vec::new(), Vec::new());
    let (mut has_name, mut has_index) = (false, false);
    for argument in parts::arguments(&item)?.into_iter().skip(1) {
        if let Some(ty) = parts::referenced(&argument.ty) {
            fields.push(quote!(me: ::std::sync::Arc<#ty>));
            inits.push(quote!(me: env.module::<#ty>(variable.span)?));
            arguments.push(quote!(&self.me));
        } else if parts::is_named(&argument.ty, "Index") {
            has_index = true;
            fields.push(quote!(index: ::engine::variable::IndexSource));
            inits.push(quote!(index: ::engine::variable::IndexSource::compile(variable, env)?));
            arguments.push(quote!(self.index.eval(cx)));
        } else {
            has_name = true;
            let ty = &argument.ty;
            fields.push(quote!(name: <#ty as ::engine::variable::InnerName>::Compiled));
            inits.push(quote!(name: <#ty as ::engine::variable::InnerName>::compile(variable, env)?));
            arguments.push(quote!(<#ty as ::engine::variable::InnerName>::eval(&self.name, cx)));
        }
    }
    let check_name = if has_name { quote!() } else { quote!(::engine::variable::no_inner(variable)?;) };
    let check_index = if has_index { quote!() } else { quote!(::engine::variable::no_index(variable)?;) };
    let values: Vec<Ident> = (0..arguments.len()).map(|at| quote::format_ident!("value_{at}")).collect();
    let setter = set.as_ref().map(|set| {
        quote! {
            fn set(&self, cx: &mut ::engine::RouteCx, value: ::engine::Value) -> ::std::result::Result<(), ::engine::ScriptError> {
                #( let #values = #arguments; )*
                #set(cx, #(#values,)* value)
            }
        }
    });
    let writable = set.is_some();
    let constant_doc = format!("Descriptor of the variable `${}`.", names[0].value());
    Ok(quote! {
        #item
        #[doc = #constant_doc]
        #visibility const #constant: ::engine::VariableDef = ::engine::VariableDef {
            names: &[#(#names),*],
            doc: #doc,
            writable: #writable,
            compile: |variable, env| {
                struct Compiled { #(#fields),* }
                impl ::engine::ScriptVariable for Compiled {
                    fn get(&self, cx: &::engine::RouteCx) -> ::engine::Value { #ident(cx, #(#arguments),*) }
                    #setter
                }
                let _ = &env;
                #check_name
                #check_index
                Ok(Box::new(Compiled { #(#inits),* }))
            },
        };
    })
}

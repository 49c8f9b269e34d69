//! `#[rpc]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, ItemFn, LitStr, Token};

use crate::parts;

/// `"ul.dump", array`.
struct Attribute {
    name: LitStr,
    array: bool,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let mut array = false;
        if input.parse::<Option<Token![,]>>()?.is_some() {
            let word: Ident = input.parse()?;
            if word != "array" {
                return Err(syn::Error::new_spanned(word, "only `array` is known here"));
            }
            array = true;
        }
        Ok(Self { name, array })
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Attribute { name, array } = syn::parse2(attribute)?;
    let item: ItemFn = syn::parse2(item)?;
    let doc = parts::required_doc(&item)?;
    let ident = &item.sig.ident;
    let constant = parts::constant(ident);
    let visibility = parts::visibility(&item);

    let (mut modules, mut types, mut clones, mut takes, mut passes, mut shown) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for (at, argument) in parts::arguments(&item)?.into_iter().enumerate() {
        let value = quote::format_ident!("argument_{at}");
        if let Some(ty) = parts::in_arc(&argument.ty) {
            modules.push(value.clone());
            types.push(ty.clone());
            clones.push(quote!(let #value = #value.clone();));
        } else if parts::is_named(&argument.ty, "RpcArguments") {
            takes.push(quote!(let #value = ::std::mem::take(&mut arguments_);));
        } else {
            let ty = &argument.ty;
            takes.push(quote!(let #value = arguments_.take::<#ty>()?;));
            let optional = parts::is_named(ty, "Option");
            shown.push(if optional { format!("[{}]", argument.name) } else { argument.name.to_string() });
        }
        passes.push(value);
    }
    let constant_doc = format!("Descriptor of the RPC command `{}`.", name.value());
    Ok(quote! {
        #item
        #[doc = #constant_doc]
        #visibility const #constant: ::engine::RpcDef = ::engine::RpcDef {
            name: #name,
            doc: #doc,
            arguments: &[#(#shown),*],
            returns_array: #array,
            // The names below cannot hide the command's own function.
            bind: |loaded_modules_| {
                let _ = loaded_modules_;
                #( let #modules = loaded_modules_.get::<#types>()?; )*
                Some(::std::sync::Arc::new(move |#[allow(unused_mut)] mut arguments_: ::engine::RpcArguments| {
                    #(#clones)*
                    Box::pin(async move {
                        let _ = &arguments_;
                        #(#takes)*
                        #ident(#(#passes),*).await
                    })
                }))
            },
        };
    })
}

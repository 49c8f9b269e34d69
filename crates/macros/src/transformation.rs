//! `#[transformation]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, ItemFn, LitStr};

use crate::parts;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let name: LitStr = syn::parse2(attribute)?;
    let item: ItemFn = syn::parse2(item)?;
    let doc = parts::required_doc(&item)?;
    let ident = &item.sig.ident;
    let constant = parts::constant(ident);
    let visibility = parts::visibility(&item);

    let mut arguments = parts::arguments(&item)?;
    let with_cx = arguments.first().is_some_and(|first| parts::referenced(&first.ty).is_some());
    arguments.drain(..if with_cx { 2 } else { 1 });
    let cx = with_cx.then(|| quote!(cx,));
    let types: Vec<_> = arguments.iter().map(|argument| argument.ty.clone()).collect();
    let strings: Vec<String> = arguments.iter().map(|argument| argument.name.to_string()).collect();
    let fields: Vec<Ident> = (0..types.len()).map(|at| quote::format_ident!("argument_{at}")).collect();
    let constant_doc = format!("Descriptor of the transformation `{{{}}}`.", name.value());
    Ok(quote! {
        #item
        #[doc = #constant_doc]
        #visibility const #constant: ::engine::TransformationDef = ::engine::TransformationDef {
            name: #name,
            doc: #doc,
            args: &[ #( ::engine::ArgDef { name: #strings, kind: <#types as ::engine::TransformArg>::KIND, optional: <#types as ::engine::TransformArg>::OPTIONAL } ),* ],
            compile: |arguments, env| {
                struct Compiled { #( #fields: <#types as ::engine::TransformArg>::Compiled ),* }
                impl ::engine::ScriptTransformation for Compiled {
                    fn apply(&self, input: ::engine::Value, cx: &::engine::RouteCx) -> ::engine::Value {
                        let _ = cx;
                        #(
                            let ::core::option::Option::Some(#fields) =
                                <#types as ::engine::TransformArg>::eval(&self.#fields, cx)
                            else { return ::engine::Value::Null };
                        )*
                        #ident(#cx input, #( #fields ),*)
                    }
                }
                let _ = (&arguments, &env);
                Ok(Box::new(Compiled { #( #fields: <#types as ::engine::TransformArg>::compile(arguments, env)? ),* }))
            },
        };
    })
}

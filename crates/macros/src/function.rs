//! `#[function]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Ident, ItemFn, LitStr, Token};

use crate::parts;

/// `REQUEST | FAILURE, name = "x", variadic`.
struct Attribute {
    routes: Expr,
    name: Option<LitStr>,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let routes = input.parse()?;
        let mut name = None;
        while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let key: Ident = input.parse()?;
            if key != "name" {
                return Err(syn::Error::new_spanned(key, "`name = \"..\"` is known here"));
            }
            input.parse::<Token![=]>()?;
            name = Some(input.parse()?);
        }
        Ok(Self { routes, name })
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Attribute { routes, name } = syn::parse2(attribute)?;
    let item: ItemFn = syn::parse2(item)?;
    let doc = parts::required_doc(&item)?;
    let ident = &item.sig.ident;
    let constant = parts::constant(ident);
    let script_name = name.map_or_else(|| ident.to_string(), |name| name.value());
    let visibility = parts::visibility(&item);

    let mut module = None;
    let (mut names, mut types) = (Vec::new(), Vec::new());
    for argument in parts::arguments(&item)?.into_iter().skip(1) {
        match parts::referenced(&argument.ty) {
            Some(ty) if names.is_empty() && module.is_none() => module = Some(parts::in_arc(ty).unwrap_or(ty).clone()),
            _ => {
                names.push(argument.name);
                types.push(argument.ty);
            }
        }
    }
    let (me_field, me_init, me_argument) = match &module {
        Some(ty) => (
            quote!(me: ::std::sync::Arc<#ty>,),
            quote!(me: env.module::<#ty>(::language::span::Span::default())?,),
            quote!(&self.me,),
        ),
        None => (quote!(), quote!(), quote!()),
    };
    let strings: Vec<String> = names.iter().map(ToString::to_string).collect();
    let index = 0..names.len();
    let fields: Vec<Ident> = (0..names.len()).map(|at| quote::format_ident!("argument_{at}")).collect();
    let evaluate = quote! { #( let #fields = <#types as ::engine::ScriptType>::eval(&self.#fields, cx)?; )* };
    let (kind, body) = if item.sig.asyncness.is_some() {
        (
            quote!(Wait),
            quote! {
                impl ::engine::WaitCall for Compiled {
                    fn call<'a>(&'a self, cx: &'a mut ::engine::RouteCx) -> ::engine::BoxFuture<'a, ::engine::CallResult> {
                        #( let #fields = match <#types as ::engine::ScriptType>::eval(&self.#fields, cx) {
                            Ok(value) => value,
                            Err(error) => return Box::pin(::std::future::ready(Err(error))),
                        }; )*
                        ::engine::function::boxed(move || #ident(cx, #me_argument #(#fields),*))
                    }
                }
            },
        )
    } else {
        (
            quote!(Sync),
            quote! {
                impl ::engine::SyncCall for Compiled {
                    fn call(&self, cx: &mut ::engine::RouteCx) -> ::engine::CallResult { #evaluate #ident(cx, #me_argument #(#fields),*) }
                }
            },
        )
    };
    let constant_doc = format!("Descriptor of the script function `{script_name}`.");
    Ok(quote! {
        #item
        #[doc = #constant_doc]
        #visibility const #constant: ::engine::FunctionDef = ::engine::FunctionDef {
            name: #script_name,
            doc: #doc,
            routes: { #[allow(unused_imports)] use ::engine::function::routes::*; ::engine::Routes(#routes) },
            args: &[ #( ::engine::ArgDef { name: #strings, kind: <#types as ::engine::ScriptType>::KIND, optional: <#types as ::engine::ScriptType>::OPTIONAL } ),* ],
            variadic: false,
            compile: |arguments, env| {
                struct Compiled { #me_field #( #fields: <#types as ::engine::ScriptType>::Compiled ),* }
                #body
                let _ = (&arguments, &env);
                Ok(::engine::Call::#kind(Box::new(Compiled { #me_init #( #fields: <#types as ::engine::ScriptType>::compile(arguments.get(#index), env)? ),* })))
            },
        };
    })
}

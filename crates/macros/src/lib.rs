//! `#[function]`, `#[variable]`, `#[transformation]`, `#[rpc]`, `#[derive(Params)]`: a documented Rust function becomes
//! a descriptor (`const NAME_IN_UPPER_CASE`) beside it. Adapters only: no logic is generated but "compile the
//! arguments at load, evaluate them, call the function". CONTRIBUTING.md shows an expansion.

mod function;
mod params;
mod parts;
mod rpc;
mod transformation;
mod variable;

use proc_macro::TokenStream;

/// `#[function(REQUEST | FAILURE)]` on `fn name(cx: &mut RouteCx, me: &Module, arg: Type, ..) -> CallResult` (or
/// `async fn`, which may wait) makes `const NAME: FunctionDef`. `me` is optional (`&Arc<Module>` where the module is kept); each `Type` is a `ScriptType`. With
/// `#[function(ANY, name = "case")]` the script name is another one.
#[proc_macro_attribute]
pub fn function(attribute: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// `#[variable("ru", "ruri", set = set_ru)]` on `fn ru(cx: &RouteCx, me: &Module, name: Inner, index: Index) -> Value`
/// makes `const RU: VariableDef`. `me`, the inner name (an `InnerName`) and the index are optional; the setter takes
/// `&mut RouteCx`, the same arguments and the new value.
#[proc_macro_attribute]
pub fn variable(attribute: TokenStream, item: TokenStream) -> TokenStream {
    variable::expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// `#[transformation("s.substr")]` on `fn substr(input: Value, offset: i64, length: i64) -> Value` makes
/// `const SUBSTR: TransformationDef`. Each further argument is a `TransformArg`. A first argument `cx: &RouteCx` is
/// optional.
#[proc_macro_attribute]
pub fn transformation(attribute: TokenStream, item: TokenStream) -> TokenStream {
    transformation::expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// `#[rpc("ul.dump")]` (or `#[rpc("ul.dump", array)]`) on `async fn dump(me: Arc<Usrloc>, arg: Type, ..) -> RpcResult`
/// makes `const DUMP: RpcDef`. Arguments `Arc<T>` are modules (or the `Core`); `RpcArguments` takes all that is left;
/// each other type is an `RpcArgument`.
#[proc_macro_attribute]
pub fn rpc(attribute: TokenStream, item: TokenStream) -> TokenStream {
    rpc::expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes a struct a module's parameters. Each field: a doc comment, `#[param(default = expression)]` (without: the
/// type's default), optionally `#[param(name = "other")]`.
#[proc_macro_derive(Params, attributes(param))]
pub fn derive_params(item: TokenStream) -> TokenStream {
    params::expand(item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

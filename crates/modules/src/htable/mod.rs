//! Module `htable`: tables of values that all messages share.
//!
//! Start reading at [`Htable`] (the tables by name) and [`Table`] (one table: shards of items). `definition.rs` reads
//! the text that declares a table; `place.rs` is `table=>key`; `variables.rs`, `functions.rs`, `iterators.rs` and
//! `locks.rs` are what scripts use; `events.rs` runs event routes, `rpc.rs` has the commands, `store.rs` is the
//! database. Other modules use [`Htable::table`]. Nothing here waits with a shard locked.

mod definition;
mod events;
mod functions;
mod iterators;
mod locks;
mod matching;
mod params;
mod place;
mod rpc;
mod store;
mod table;
mod tables;
mod variables;

use std::sync::Arc;
use std::time::Duration;

use engine::{BoxFuture, Code, Core, Creating, Diagnostic, Module, ModuleDef, Params, ScriptError, Str};

pub use definition::Definition;
pub use params::HtableParams;
pub use place::{Place, PlaceArg, TableArg};
pub use table::{Full, Lifetime, MAX_MEMORY, Shown, Table};
pub use tables::HTABLE;

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "htable",
    summary: "Tables of values that all messages share.",
    params: HtableParams::DEFS,
    functions: &[
        functions::SHT_DEC,
        functions::SHT_HAS_NAME,
        functions::SHT_HAS_STR_VALUE,
        functions::SHT_INC,
        functions::SHT_IS_NULL,
        iterators::SHT_ITERATOR_END,
        iterators::SHT_ITERATOR_NEXT,
        iterators::SHT_ITERATOR_RM,
        iterators::SHT_ITERATOR_SETEX,
        iterators::SHT_ITERATOR_SETI,
        iterators::SHT_ITERATOR_SETS,
        iterators::SHT_ITERATOR_START,
        locks::SHT_LOCK,
        functions::SHT_MATCH_NAME,
        functions::SHT_MATCH_STR_VALUE,
        functions::SHT_PRINT,
        functions::SHT_RESET,
        functions::SHT_RM,
        functions::SHT_RM_NAME,
        functions::SHT_RM_NAME_RE,
        functions::SHT_RM_VALUE,
        functions::SHT_RM_VALUE_RE,
        functions::SHT_SETXI,
        functions::SHT_SETXS,
        locks::SHT_UNLOCK,
    ],
    variables: &[
        variables::SHT,
        variables::SHTCN,
        variables::SHTCV,
        variables::SHTDEC,
        variables::SHTEX,
        variables::SHTINC,
        iterators::SHTITKEY,
        iterators::SHTITVAL,
        events::SHTRECORD,
    ],
    rpc: &[
        rpc::DELETE,
        rpc::DUMP,
        rpc::FLUSH,
        rpc::GET,
        rpc::LIST_TABLES,
        rpc::RELOAD,
        rpc::SETEX,
        rpc::SETI,
        rpc::SETS,
        rpc::SETXI,
        rpc::SETXS,
        rpc::STATS,
        rpc::STORE,
    ],
    event_routes: &[events::MOD_INIT, "htable:expired:*", "htable:reloaded:*"],
    tables: &[&HTABLE],
    create,
    ..ModuleDef::EMPTY
};

/// The started module: the tables.
pub struct Htable {
    core: Arc<Core>,
    params: HtableParams,
    /// In the order of the file. There are few: looking through them is quick.
    tables: Vec<Arc<Table>>,
    patterns: matching::Patterns,
    store: Option<store::Store>,
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: HtableParams = creating.params()?;
    if params.enable_dmq {
        return Err(Diagnostic::error(
            Code::NotYet,
            "`enable_dmq` of module `htable` is not supported yet",
            creating.span_of("enable_dmq"),
            "only 0 (tables are not replicated)",
        ));
    }
    let wrong = |name: &str, text: &str| {
        let message = format!("parameter `{name}`: {text}");
        Diagnostic::error(Code::ParamValue, message, creating.span_of(name), "out of range")
    };
    if !(1..=1_000_000).contains(&params.timer_interval) {
        return Err(wrong("timer_interval", "at least 1 second"));
    }
    if !(0..=1).contains(&params.event_callback_mode) {
        return Err(wrong("event_callback_mode", "0 or 1"));
    }
    let memory = Arc::default();
    let mut tables: Vec<Arc<Table>> = Vec::new();
    for source in &params.htable.0 {
        let definition = Definition::parse(source)?;
        if tables.iter().any(|table| *table.name() == definition.name) {
            return Err(source.error(format!("hash table `{}` is declared twice", definition.name), "again here"));
        }
        tables.push(Arc::new(Table::new(definition, Arc::clone(&memory))));
    }
    let store = match &*params.db_url {
        "" => None,
        url => Some(store::Store::new(creating.database("db_url", url)?, &params)),
    };
    let (core, patterns) = (creating.core.clone(), matching::Patterns::default());
    Ok(Arc::new(Htable { core, params, tables, patterns, store }))
}

impl Module for Htable {
    fn start(self: Arc<Self>, core: &Arc<Core>) -> BoxFuture<'static, Result<(), String>> {
        let (me, core) = (self.clone(), core.clone());
        if self.tables.iter().any(|table| table.definition.autoexpire > 0) {
            core.every(Duration::from_secs(self.params.timer_interval as u64), move |core| {
                let me = me.clone();
                async move { me.sweep(&core).await }
            });
        }
        Box::pin(async move {
            for (store, table) in self.stored() {
                store.load(&core, table).await.map_err(|error| format!("table `{}`: {error}", table.name()))?;
            }
            if self.params.event_callback_mode == 0 {
                events::run(&core, events::MOD_INIT, |_| {}).await;
            } else {
                core.hooks
                    .after_start
                    .push(Arc::new(|core| Box::pin(async move { events::run(&core, events::MOD_INIT, |_| {}).await })));
            }
            Ok(())
        })
    }

    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let written = |table: &Table| table.definition.dbmode && table.definition.columns.is_empty();
            for (store, table) in self.stored().filter(|(_, table)| written(table)) {
                if let Err(error) = store.save(&self.core, table).await {
                    engine::log!(self.core.log, Error, "htable `{}` was not written: {error}", table.name());
                }
            }
        })
    }
}

impl Htable {
    /// The tables that have one in the database.
    fn stored(&self) -> impl Iterator<Item = (&store::Store, &Table)> {
        let tables = self.tables.iter().filter(|table| !table.definition.dbtable.is_empty());
        self.store.iter().flat_map(move |store| tables.clone().map(move |table| (store, &**table)))
    }

    /// The table of that name.
    #[must_use]
    pub fn table(&self, name: &[u8]) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| **table.name() == *name)
    }

    /// The table of that name, or an error for the log.
    fn find(&self, name: &Str) -> Result<&Arc<Table>, ScriptError> {
        self.table(name).ok_or_else(|| place::no_table(name))
    }

    /// All tables, in the order of the file.
    pub fn tables(&self) -> impl DoubleEndedIterator<Item = &Arc<Table>> {
        self.tables.iter()
    }

    /// Takes away what is over.
    async fn sweep(&self, core: &Arc<Core>) {
        for table in self.tables.iter().filter(|table| table.definition.autoexpire > 0) {
            events::sweep(core, table).await;
        }
    }
}

#[cfg(test)]
mod tests;

//! Module `db_text`: tables as text files in a folder, `text:///path/to/folder`.

use std::sync::Arc;

use database::{Options, Scheme};
use engine::{BoxFuture, Core, Creating, Diagnostic, Module, ModuleDef, Params};

/// Descriptor.
pub const MODULE: ModuleDef = ModuleDef {
    name: "db_text",
    summary: "Tables in text files.",
    params: DbTextParams::DEFS,
    create,
    ..ModuleDef::EMPTY
};

/// The parameters of module `db_text`.
#[derive(Params)]
pub struct DbTextParams {
    /// 0: a file is read once; 1: again whenever another program changed it.
    #[param(default = 0)]
    pub db_mode: i64,
    /// 1: an empty text in a column that may be null is null.
    #[param(default = false)]
    pub emptystring: bool,
    /// The character between two cells.
    #[param(default = ":".into())]
    pub db_delim: String,
    /// Rows of an answer, at most.
    #[param(default = 100_000)]
    pub max_result_rows: usize,
    /// Accepted so that configurations load: files are read whole.
    #[param(default = 16_384)]
    pub file_buffer_size: i64,
}

struct DbText {
    core: Arc<Core>,
}

impl Module for DbText {
    fn stop(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.core.databases.close(Scheme::Text).await })
    }
}

fn create(creating: &mut Creating<'_>) -> Result<Arc<dyn Module>, Diagnostic> {
    let params: DbTextParams = creating.params()?;
    let wrong = |name: &str, text: &str, expected: &str| {
        let (text, expected) = (text.to_owned(), expected.to_owned());
        Diagnostic::error(engine::Code::ParamValue, text, creating.span_of(name), expected)
    };
    let mut characters = params.db_delim.chars();
    let (Some(delimiter), None) = (characters.next(), characters.next()) else {
        return Err(wrong("db_delim", "the delimiter is not one character", "one character"));
    };
    if !(0..=1).contains(&params.db_mode) {
        return Err(wrong("db_mode", "no such mode", "0 or 1"));
    }
    let options = Options {
        delimiter,
        watch_files: params.db_mode == 1,
        empty_is_null: params.emptystring,
        most_rows: params.max_result_rows,
        ..Options::default()
    };
    creating.core.databases.register(Scheme::Text, options);
    Ok(Arc::new(DbText { core: creating.core.clone() }))
}

#[cfg(test)]
mod tests {
    use testkit::Bench;

    fn config(params: &str, folder: &std::path::Path) -> String {
        format!(
            "loadmodule \"db_text\"\nloadmodule \"alias_db\"\nloadmodule \"xlog\"\nloadmodule \"pv\"\n{params}\n\
             modparam(\"alias_db\", \"db_url\", \"text://{}\")\n\
             request_route {{ if (alias_db_lookup(\"dbaliases\")) xlog(\"$ru\"); else xlog(\"none\"); drop; }}",
            folder.display()
        )
    }

    const OPTIONS: &str = "OPTIONS sip:100@a.example SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.2:5061;branch=z9hG4bK1\n\
                           From: <sip:a@a.example>;tag=1\nTo: <sip:b@a.example>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\
                           Content-Length: 0\n\n";

    #[test]
    fn tables_are_files() {
        let folder = tempfile::tempdir().unwrap();
        let table = "id(int,auto) alias_username(string) alias_domain(string) username(string) domain(string)\n";
        std::fs::write(folder.path().join("dbaliases"), format!("{table}1|100|a.example|bob|b.example\n")).unwrap();
        let with = |params: &str| Bench::new(&config(params, folder.path()), crate::MODULES);
        let bench = with("modparam(\"db_text\", \"db_delim\", \"|\")").unwrap();
        assert_eq!(bench.receive(OPTIONS).log, ["ERROR: <script>: sip:bob@b.example"]);
        // With another delimiter the line has one cell: that is told, and nothing is found.
        let log = with("").unwrap().receive(OPTIONS).log;
        assert!(log[0].contains("line 2: 1 cells for 5 columns") && log[1].ends_with("none"), "{log:?}");
        for params in ["modparam(\"db_text\", \"db_delim\", \"ab\")", "modparam(\"db_text\", \"db_mode\", 2)"] {
            assert!(with(params).err().is_some_and(|error| error.contains("E0206")), "{params}");
        }
    }
}

//! The parameters of module `avpops`.

use engine::params::{ParamKind, ParamSource, ParamType};
use engine::{DbName, Diagnostic, Params};
use language::ast::ConfigValue;

/// The parameters of module `avpops`.
#[derive(Params)]
pub struct AvpopsParams {
    /// The database; without it the functions of the database are mistakes.
    pub db_url: Option<String>,
    /// The table with the values: `usr_preferences`.
    pub avp_table: Option<DbName>,
    /// 1: the domain of a URI counts, too, when its user is looked up.
    #[param(default = false)]
    pub use_domain: bool,
    /// Column with a user's number.
    #[param(default = "uuid".into())]
    pub uuid_column: DbName,
    /// Column with the user name.
    #[param(default = "username".into())]
    pub username_column: DbName,
    /// Column with the domain.
    #[param(default = "domain".into())]
    pub domain_column: DbName,
    /// Column with the name of the AVP.
    #[param(default = "attribute".into())]
    pub attribute_column: DbName,
    /// Column with the value.
    #[param(default = "value".into())]
    pub value_column: DbName,
    /// Column with the type: 0 name and value are text, 1 the value is a number, 2 the name is one, 3 both are.
    #[param(default = "type".into())]
    pub type_column: DbName,
    /// A table of another form:
    /// `name:table=..;value_col=..;value_type=string;username_col=..;domain_col=..;uuid_col=..`. May be given several
    /// times.
    pub db_scheme: Vec<Scheme>,
}

/// A table that has a user and a value per row.
#[derive(Clone, Debug, Default)]
pub struct Scheme {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) value: String,
    pub(super) is_number: bool,
    pub(super) uuid: Option<String>,
    pub(super) username: Option<String>,
    pub(super) domain: Option<String>,
}

impl ParamType for Scheme {
    const KIND: ParamKind = ParamKind::String;
    fn assign(&mut self, source: &ParamSource) -> Result<(), Diagnostic> {
        let ConfigValue::String(text) = &source.value else {
            return Err(source.error("parameter `db_scheme` takes a string", "this is no string"));
        };
        let Some((name, elements)) = text.split_once(':').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(source.error("a scheme needs a name", "write `name:table=..;value_col=..`"));
        };
        let mut scheme = Self { name: name.trim().to_owned(), ..Self::default() };
        for element in elements.split(';').map(str::trim).filter(|element| !element.is_empty()) {
            let (key, value) = element.split_once('=').unwrap_or((element, ""));
            let (key, value) = (key.trim(), value.trim().to_owned());
            if key != "value_type" && !database::is_name(&value) {
                let message = format!("`{value}` is no name of a table or column");
                return Err(source.error(message, format!("of `{key}`")));
            }
            match key {
                "table" => scheme.table = value,
                "value_col" => scheme.value = value,
                "uuid_col" => scheme.uuid = Some(value),
                "username_col" => scheme.username = Some(value),
                "domain_col" => scheme.domain = Some(value),
                "value_type" => {
                    scheme.is_number = match &*value {
                        "integer" => true,
                        "string" => false,
                        _ => return Err(source.error(format!("`{value}` is no type"), "`integer` or `string`")),
                    }
                }
                _ => {
                    let known = ["table", "value_col", "value_type", "uuid_col", "username_col", "domain_col"];
                    let mistake = source.error(format!("a scheme has no element `{key}`"), "unknown");
                    return Err(mistake.did_you_mean(key, known));
                }
            }
        }
        if scheme.table.is_empty() || scheme.value.is_empty() {
            return Err(source.error("a scheme needs `table` and `value_col`", "one is missing"));
        }
        *self = scheme;
        Ok(())
    }
}

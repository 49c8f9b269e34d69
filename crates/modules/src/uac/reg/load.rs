//! Records from the database.

use database::{Filter, Select, Value as Cell};
use engine::Str;
use rand::RngExt as _;

use super::super::Uac;
use super::record::{COLUMNS, Record, Row};

impl Uac {
    /// The rows of the table, or of it those with a key.
    async fn rows(&self, uuid: Option<&Str>) -> Result<Vec<Vec<Cell>>, String> {
        let Some(database) = &self.reg.database else { return Err("`reg_db_url` is not set".to_owned()) };
        let table = &*self.params.reg_db_table;
        let filter: Vec<_> = uuid.map(|uuid| Filter::equal(COLUMNS[0], Cell::text(uuid))).into_iter().collect();
        let select = Select { table, columns: &COLUMNS, filter: &filter, ..Select::default() };
        let found = database.select(&select).await.map_err(|error| format!("table `{table}`: {error}"))?;
        Ok(found.rows)
    }

    /// A row that makes no request is left out, and said.
    fn parse(&self, cells: &[Cell]) -> Option<Row> {
        match Row::from_cells(cells, &self.reg.contact) {
            Ok(row) => Some(row),
            Err(problem) => {
                let key = cells.first().and_then(Cell::to_text).unwrap_or_default();
                let table = &*self.params.reg_db_table;
                engine::log!(self.core.log, Error, "uac: table `{table}`: row `{key}` is left out: {problem}");
                None
            }
        }
    }

    /// All rows.
    pub(super) async fn load_rows(&self) -> Result<Vec<Row>, String> {
        Ok(self.rows(None).await?.iter().filter_map(|cells| self.parse(cells)).collect())
    }

    /// The row with a key. `Ok(None)`: there is none; an error, also when it makes no request.
    pub(super) async fn load_row(&self, uuid: &Str) -> Result<Option<Row>, String> {
        match self.rows(Some(uuid)).await?.first() {
            Some(cells) => self.parse(cells).map(Some).ok_or_else(|| format!("row `{uuid}` is wrong")),
            None => Ok(None),
        }
    }

    /// A record in its first state.
    pub(super) fn new_record(&self, row: Row) -> Record {
        let most = self.params.reg_random_delay;
        let delay = if row.delay == 0 && most > 0 { rand::rng().random_range(0..=most) } else { row.delay };
        Record::new(row, self.core.unix_time(), delay)
    }

    /// Takes the place of all records. A record whose row did not change stays as it stands.
    pub(super) fn take_rows(&self, rows: Vec<Row>) {
        let mut table = self.reg.table.lock();
        let mut records: Vec<Record> = Vec::with_capacity(rows.len());
        let mut seen = hashbrown::HashSet::new();
        for row in rows.into_iter().filter(|row| seen.insert(row.uuid.clone())) {
            let kept = table.get(&row.uuid).filter(|record| record.row == row).cloned();
            records.push(kept.unwrap_or_else(|| self.new_record(row)));
        }
        table.replace_all(records);
    }
}

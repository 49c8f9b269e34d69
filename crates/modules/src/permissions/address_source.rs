//! Where the table of addresses comes from: the database or a file.

use std::path::Path;

use database::{Database, Rows, Select, Value as Cell};

use super::Permissions;
use super::addresses::{Addresses, Entry};

/// A larger file is not read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Reads the table. `None`: the configuration names neither a database nor a file.
pub(super) async fn load(me: &Permissions) -> Result<Option<Addresses>, String> {
    let entries = if let Some(file) = &me.params.address_file {
        let path = me.files.folder.get().map_or_else(|| file.into(), |folder| folder.join(file));
        let name = path.display();
        let text = read(&path).await.map_err(|error| format!("file of addresses {name}: {error}"))?;
        parse(&text, |line, problem| engine::log!(me.core.log, Warning, "permissions: {name}:{line}: {problem}"))
            .map_err(|(line, problem)| format!("{name}:{line}: {problem}"))?
    } else if let Some(database) = &me.database {
        rows(me, database).await?
    } else {
        return Ok(None);
    };
    let table = Addresses::new(entries, me.params.max_subnets, me.params.subnet_match_mode == 1);
    if table.too_many > 0 {
        let (left, most) = (table.too_many, me.params.max_subnets);
        engine::log!(
            me.core.log,
            Error,
            "permissions: {left} networks are left out: `max_subnets` is {most}, set it higher"
        );
    }
    Ok(Some(table))
}

/// A text file of a bounded size.
pub(super) async fn read(path: &Path) -> Result<String, std::io::Error> {
    if tokio::fs::metadata(path).await?.len() > MOST_BYTES {
        return Err(std::io::Error::other("the file is too large"));
    }
    tokio::fs::read_to_string(path).await
}

async fn rows(me: &Permissions, database: &Database) -> Result<Vec<Entry>, String> {
    let params = &me.params;
    let table = &*params.address_table;
    let columns = [&*params.grp_col, &*params.ip_addr_col, &*params.mask_col, &*params.port_col, &*params.tag_col];
    let select = Select { table, columns: &columns, ..Select::default() };
    let Rows { rows, .. } = database.select(&select).await.map_err(|error| format!("table `{table}`: {error}"))?;
    let entry = |row: &Vec<Cell>| {
        let [group, address, mask, port, tag] = row.as_slice() else { return Err("a row lacks columns".to_owned()) };
        let wrong = |what: &str, cell: &Cell| format!("{what} `{}`", cell.to_text().unwrap_or("NULL".into()));
        let number = group.to_int().and_then(|group| u32::try_from(group).ok());
        let group = number.ok_or_else(|| wrong("no group:", group))?;
        let address = address.to_text().ok_or_else(|| wrong("no address:", address))?;
        let mask = mask.to_int().ok_or_else(|| wrong("no mask:", mask))?;
        let number = port.to_int().and_then(|port| u16::try_from(port).ok());
        let port = number.ok_or_else(|| wrong("no port:", port))?;
        Entry::new(group, &address, mask, port, tag.to_text().map(Into::into))
    };
    rows.iter().map(|row| entry(row).map_err(|problem| format!("table `{table}`: {problem}"))).collect()
}

/// The lines of a file. `warn` hears of lines that are left out; an error is a line that is wrong.
fn parse(text: &str, mut warn: impl FnMut(usize, &str)) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace().peekable();
        let Some(first) = words.next() else { continue };
        let Ok(group) = first.parse::<u32>() else {
            warn(number, "the line does not begin with the number of a group, it is left out");
            continue;
        };
        let address = words.next().ok_or_else(|| (number, "there is no address behind the group".to_owned()))?;
        let mut next_number = || words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        let (mask, port) = (next_number(), next_number());
        let range = |what: &str, text: &str| (number, format!("`{text}` is out of range for a {what}"));
        let mask = mask.map_or(Ok(0), |text| text.parse::<i64>().map_err(|_| range("mask", text)))?;
        let port = port.map_or(Ok(0), |text| text.parse::<u16>().map_err(|_| range("port", text)))?;
        let tag = words.next().map(str::to_owned);
        if words.next().is_some() {
            warn(number, "what stands behind the tag is not used");
        }
        entries.push(Entry::new(group, address, mask, port, tag).map_err(|problem| (number, problem))?);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file() {
        let text = "# c\n1 127.0.0.1 32 0 tag1\n\n  2\t192.168.2.0 24 5060 t;a=b,c # x\n3 [::1]\n4 host.example.com\nx 1.1.1.1\n5 1.2.3.4 24 tag extra\n";
        let mut warned = Vec::new();
        let entries = parse(text, |line, _| warned.push(line)).unwrap();
        let wanted = [
            Entry::new(1, "127.0.0.1", 32, 0, Some("tag1".into())),
            Entry::new(2, "192.168.2.0", 24, 5060, Some("t;a=b,c".into())),
            Entry::new(3, "::1", 0, 0, None),
            Entry::new(4, "host.example.com", 0, 0, None),
            Entry::new(5, "1.2.3.4", 24, 0, Some("tag".into())),
        ];
        assert_eq!(entries, wanted.map(Result::unwrap));
        assert_eq!(warned, [7, 8]);
        for wrong in ["\n1\n", "\n1 1.2.3.4 99", "\n1 1.2.3.4 32 99999", "\n1 1.2.3.4 99999999999999999999"] {
            assert_eq!(parse(wrong, |_, _| ()).unwrap_err().0, 2, "{wrong}");
        }
    }
}

//! `db_url`: which server, which database, as whom.

use std::fmt;

/// The kind of a database, as a URL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sqlite:///path/to/file`
    Sqlite,
    /// `mysql://user:password@host:port/database`
    Mysql,
    /// `postgres://user:password@host:port/database`
    Postgres,
    /// `text:///path/to/folder`
    Text,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Mysql, Self::Postgres, Self::Text];

    /// As in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
            Self::Text => "text",
        }
    }

    /// The module that a configuration has to load for it.
    #[must_use]
    pub const fn module(self) -> &'static str {
        match self {
            Self::Sqlite => "db_sqlite",
            Self::Mysql => "db_mysql",
            Self::Postgres => "db_postgres",
            Self::Text => "db_text",
        }
    }
}

/// A database's address, taken apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    /// Which kind.
    pub scheme: Scheme,
    /// Empty when the URL has none.
    pub user: String,
    /// Never shown.
    pub password: Option<String>,
    /// Empty for files.
    pub host: String,
    /// `None`: the usual one.
    pub port: Option<u16>,
    /// The database's name; the path of a file or folder.
    pub database: String,
}

/// What is wrong with a URL; a text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(pub String);

impl Url {
    /// Takes a URL apart as Kamailio does: nothing is percent-decoded, the password ends at the last `@`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(UrlError("a database URL looks like `mysql://user:password@host/database`".into()));
        };
        // `db_mysql:mysql://..` is an old way to name the driver.
        let name = scheme.rsplit(':').next().unwrap_or(scheme).trim_start_matches("db_");
        let Some(scheme) = Scheme::ALL.into_iter().find(|known| known.name() == name) else {
            return Err(UrlError(format!(
                "no database `{name}`: there are sqlite://, mysql://, postgres:// and text://"
            )));
        };
        let mut url = Self {
            scheme,
            user: String::new(),
            password: None,
            host: String::new(),
            port: None,
            database: rest.into(),
        };
        if matches!(scheme, Scheme::Sqlite | Scheme::Text) {
            return if rest.is_empty() { Err(UrlError("the path of the file is missing".into())) } else { Ok(url) };
        }
        let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        if let Some(login) = login {
            let (user, password) = login.split_once(':').map_or((login, None), |(user, word)| (user, Some(word)));
            url.user = user.into();
            url.password = password.map(str::to_owned);
        }
        let (host, database) = place.split_once('/').unwrap_or((place, ""));
        if database.is_empty() {
            return Err(UrlError("the name of the database is missing: `..@host/database`".into()));
        }
        url.database = database.into();
        let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => (address, rest.strip_prefix(':')),
            None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
        };
        url.host = if host.is_empty() { "localhost".into() } else { host.into() };
        if let Some(port) = port {
            let number = port.parse().map_err(|_| UrlError(format!("`{port}` is no port")))?;
            url.port = Some(number);
        }
        Ok(url)
    }
}

/// Without the password.
impl fmt::Display for Url {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}://", self.scheme.name())?;
        if !self.user.is_empty() {
            write!(to, "{}@", self.user)?;
        }
        write!(to, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(to, ":{port}")?;
        }
        let slash = if self.host.is_empty() { "" } else { "/" };
        write!(to, "{slash}{}", self.database)
    }
}

/// Without the password.
impl fmt::Debug for Url {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_apart() {
        let url = Url::parse("mysql://kamailio:k@m:w/x@db.example:3307/sip").unwrap();
        assert_eq!((&*url.user, url.password.as_deref()), ("kamailio", Some("k@m:w/x")));
        assert_eq!((&*url.host, url.port, &*url.database), ("db.example", Some(3307), "sip"));
        assert_eq!(url.to_string(), "mysql://kamailio@db.example:3307/sip");
        let url = Url::parse("postgres://[::1]/sip").unwrap();
        assert_eq!((&*url.host, url.port), ("::1", None));
        assert_eq!(Url::parse("sqlite:///var/lib/k.sqlite").unwrap().database, "/var/lib/k.sqlite");
        assert_eq!(Url::parse("db_text:text:///etc/k").unwrap().scheme, Scheme::Text);
    }

    #[test]
    fn refused() {
        for (text, part) in [
            ("/etc/k", "looks like"),
            ("oracle://x/y", "no database `oracle`"),
            ("mysql://root@localhost", "name of the database"),
            ("mysql://root@localhost:x/y", "no port"),
            ("sqlite://", "path"),
        ] {
            let error = Url::parse(text).unwrap_err().0;
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

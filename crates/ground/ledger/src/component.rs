/// The tables of one stage (or of the ground) and how they came to be.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    pub name: &'static str,
    /// In order, versions counting from 1. A released migration is never changed.
    pub migrations: &'static [Migration],
    /// Tables that [`crate::Ledger::record`] may write without an event: facts and operational rows.
    pub facts: &'static [&'static str],
}

/// One step forward. `@id@` in the text stands for an auto-incrementing integer primary key; `@keyed@` after a
/// table's closing parenthesis says that its rows are narrow and kept in the order of the primary key.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub version: i64,
    pub sql: &'static str,
}

pub(crate) const GROUND: Component = Component {
    name: "ground",
    migrations: &[
        Migration { version: 1, sql: include_str!("../migrations/0001_ground.sql") },
        Migration { version: 2, sql: include_str!("../migrations/0002_access_keys.sql") },
    ],
    facts: &["lease", "event_cursor"],
};

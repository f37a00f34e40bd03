use types::{Actor, Clock, Timestamp, Uid, WorkspaceId};

use crate::chain::Draft;
use crate::db::{Connection, Insert, Update};
use crate::memo::Memo;
use crate::{Error, Row, Value, params};

/// What both kinds of transaction share.
pub(crate) struct Body<'a> {
    pub connection: &'a mut Connection,
    pub actor: &'a Actor,
    pub clock: &'a dyn Clock,
    pub now: Timestamp,
    pub changed: u64,
    pub memo: &'a mut Memo,
    /// Set when the database asked for the transaction to be run again.
    pub lost_race: bool,
}

impl Body<'_> {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let result = self.connection.execute(sql, values);
        let rows = self.note(result)?;
        self.changed += rows;
        Ok(rows)
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let result = self.connection.query(sql, values);
        let rows = self.note(result)?;
        if written_table(sql).is_some() {
            self.changed += rows.len() as u64;
        }
        Ok(rows)
    }

    fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64, Error> {
        let result = self.connection.insert(into, values);
        let rows = self.note(result)?;
        self.changed += rows;
        Ok(rows)
    }

    fn insert_returning(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<Vec<Row>, Error> {
        let result = self.connection.insert_returning(into, values);
        let rows = self.note(result)?;
        self.changed += rows.len() as u64;
        Ok(rows)
    }

    fn update_returning(&mut self, update: &Update<'_>, values: &[Value]) -> Result<Vec<Row>, Error> {
        let result = self.connection.update_returning(update, values);
        let rows = self.note(result)?;
        self.changed += rows.len() as u64;
        Ok(rows)
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Serialization { .. }) = &result {
            self.lost_race = true;
        }
        result
    }
}

/// The table that a statement writes, if it writes one.
pub(crate) fn written_table(sql: &str) -> Option<&str> {
    let mut words = sql.split_whitespace();
    let verb = words.next()?;
    let table = match verb {
        "INSERT" | "DELETE" => words.nth(1)?,
        "UPDATE" => words.next()?,
        _ => return None,
    };
    table.split('(').next()
}

/// Locks share one space of numbers; two kinds that collide wait for each other for nothing.
fn lock_key(kind: &str, id: i64) -> i64 {
    let kind = kind.bytes().fold(0_i64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    (kind & 0x7fff) << 48 | (id & 0xffff_ffff_ffff)
}

fn one(mut rows: Vec<Row>) -> Result<Row, Error> {
    match rows.len() {
        1 => Ok(rows.remove(0)),
        found => Err(Error::NotOneRow { found }),
    }
}

macro_rules! statements {
    ($type:ident) => {
        impl $type<'_> {
            /// Rows changed.
            pub fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
                self.check(sql)?;
                self.0.execute(sql, values)
            }

            /// The same statement for many rows; rows changed in all.
            pub fn execute_many(
                &mut self,
                sql: &str,
                rows: impl IntoIterator<Item = Vec<Value>>,
            ) -> Result<u64, Error> {
                self.check(sql)?;
                let mut changed = 0;
                for values in rows {
                    changed += self.0.execute(sql, &values)?;
                }
                Ok(changed)
            }

            /// Inserts rows, whose values stand one behind the other, in few round trips; rows changed.
            pub fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64, Error> {
                self.check_table(into.table)?;
                self.0.insert(into, values)
            }

            /// [`Self::insert`] where the tail says what is returned: those rows, in no order.
            pub fn insert_returning(
                &mut self,
                into: &Insert<'_>,
                values: &[Value],
            ) -> Result<Vec<Row>, Error> {
                self.check_table(into.table)?;
                self.0.insert_returning(into, values)
            }

            /// Changes rows; those, as they are then, in no order.
            pub fn update_returning(
                &mut self,
                update: &Update<'_>,
                values: &[Value],
            ) -> Result<Vec<Row>, Error> {
                self.check_table(update.table)?;
                self.0.update_returning(update, values)
            }

            pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
                self.check(sql)?;
                self.0.query(sql, values)
            }

            /// The first row, if any.
            pub fn query_opt(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
                Ok(self.query(sql, values)?.into_iter().next())
            }

            /// Errors: `NotOneRow` unless exactly one row comes back.
            pub fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Row, Error> {
                one(self.query(sql, values)?)
            }

            /// Waits until no other server changes what `kind` and each of `ids` name, and keeps it so until this
            /// commits. Take several in a fixed order, or two servers may wait for each other. Gives whether there can be
            /// another server, which may have changed what was read before this.
            pub fn lock(&mut self, kind: &str, ids: &[i64]) -> Result<bool, Error> {
                let keys: Vec<i64> = ids.iter().map(|id| lock_key(kind, *id)).collect();
                let result = self.0.connection.lock(&keys);
                self.0.note(result)
            }

            /// Ends a `SELECT` of rows that this transaction is about to change: those that another server changes at
            /// the moment are left out, and nobody else gets the others before this commits.
            pub fn skip_locked(&self) -> &'static str {
                if self.0.connection.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" }
            }

            /// What earlier transactions of this server remembered; see [`Memo`].
            pub fn memo(&mut self) -> &mut Memo {
                self.0.memo
            }

            /// The moment of this transaction: the same at every call.
            pub fn now(&self) -> Timestamp {
                self.0.now
            }

            pub fn new_id(&self) -> Uid {
                types::new_id(self.0.clock.now())
            }

            pub fn actor(&self) -> &Actor {
                self.0.actor
            }

            pub fn workspace(&self) -> WorkspaceId {
                self.0.actor.workspace
            }
        }
    };
}

/// A change of state: rows, graph and events commit together, or not at all.
pub struct Tx<'a>(pub(crate) Body<'a>, pub(crate) Vec<Draft>, pub(crate) bool);

/// Facts and operational rows, written to declared tables only and without an event.
pub struct FactTx<'a>(pub(crate) Body<'a>, pub(crate) &'a [&'static str]);

statements!(Tx);
statements!(FactTx);

impl Tx<'_> {
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the twin of FactTx::check")]
    fn check(&self, _sql: &str) -> Result<(), Error> {
        Ok(())
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the twin of FactTx::check_table")]
    fn check_table(&self, _table: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Says what happened. `kind` is `<noun>.<what happened>`, `subject` is `<kind>:<id>`; the payload holds ids,
    /// digests and numbers only.
    ///
    /// Errors: `Guarded` if a guard on this transition asks for a higher role.
    pub fn event(&mut self, kind: &str, subject: &str, payload: serde_json::Value) -> Result<(), Error> {
        self.event_v(kind, 1, subject, payload)
    }

    /// [`Tx::event`] with the version of the payload's shape.
    pub fn event_v(
        &mut self,
        kind: &str,
        version: i64,
        subject: &str,
        payload: serde_json::Value,
    ) -> Result<(), Error> {
        if self.2 {
            self.check_guards(kind, subject)?;
        }
        self.1.push(Draft {
            workspace: self.0.actor.workspace,
            at: self.0.now,
            actor: self.0.actor.to_string(),
            kind: kind.to_owned(),
            version,
            subject: subject.to_owned(),
            payload: payload.to_string(),
        });
        Ok(())
    }

    /// Whether an event was recorded in this transaction so far.
    pub fn has_event(&self) -> bool {
        !self.1.is_empty()
    }
}

impl FactTx<'_> {
    fn check(&self, sql: &str) -> Result<(), Error> {
        written_table(sql).map_or(Ok(()), |table| self.check_table(table))
    }

    fn check_table(&self, table: &str) -> Result<(), Error> {
        if self.1.contains(&table) { Ok(()) } else { Err(Error::NotAFactTable { table: table.to_owned() }) }
    }
}

impl Tx<'_> {
    /// What a protocol calls `internal`. Errors: `Constraint` if the name is taken by something else.
    pub fn set_external_id(
        &mut self,
        door: &str,
        kind: &str,
        external: &str,
        internal: &Uid,
    ) -> Result<(), Error> {
        let workspace = self.workspace();
        self.execute(
            "INSERT INTO external_id (workspace_id, door, kind, external, internal) VALUES ($1, $2, $3, $4, $5)",
            &params![workspace, door, kind, external, internal],
        )?;
        Ok(())
    }

    pub fn find_external_id(&mut self, door: &str, kind: &str, external: &str) -> Result<Option<Uid>, Error> {
        let workspace = self.workspace();
        self.query_opt(
            "SELECT internal FROM external_id WHERE workspace_id = $1 AND door = $2 AND kind = $3 AND external = $4",
            &params![workspace, door, kind, external],
        )?
        .map(|row| row.get("internal"))
        .transpose()
    }
}

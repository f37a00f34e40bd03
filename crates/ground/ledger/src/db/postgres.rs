use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, NoTls, Statement};

use super::Insert;
use crate::{Error, Row, Value};

pub(crate) struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
    asked: u64,
    plans_until: u64,
}

/// How many statements the first plans of a connection serve.
const FIRST_PLANS: u64 = 256;

impl Connection {
    pub fn open(url: &str) -> Result<Self, Error> {
        let mut client = Client::connect(url, NoTls).map_err(|e| Error::Open {
            place: super::hide_password(url),
            message: std::error::Error::source(&e).map_or_else(|| e.to_string(), |s| format!("{e}: {s}")),
        })?;
        client.batch_execute("SET client_min_messages = warning; SET statement_timeout = '60s'")?;
        Ok(Self { client, statements: HashMap::new(), asked: 0, plans_until: FIRST_PLANS })
    }

    pub fn is_alive(&mut self) -> bool {
        !self.client.is_closed()
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        self.asked += 1;
        if self.asked > self.plans_until {
            self.forget_plans()?;
        }
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        if self.statements.len() >= 512 {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// To the planner, all indexes of an empty table are alike, and a prepared statement keeps the plan it was given then
    /// until the server next counts the rows (by default within a minute of many writes). Planned again after 256
    /// statements, 512, 1,024 and so on, it goes by the size of a table that has grown.
    fn forget_plans(&mut self) -> Result<(), Error> {
        self.plans_until = self.plans_until.saturating_mul(2);
        Ok(self.client.batch_execute("DISCARD PLANS")?)
    }

    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        Ok(self.client.execute(&statement, &borrow(params))?)
    }

    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.query_with(sql, &borrow(params))
    }

    /// One round trip and one plan for any number of rows.
    pub fn insert(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<u64, Error> {
        let (sql, width, mut changed) = (insertion(into), into.columns.len().max(1), 0);
        for rows in values.chunks(ROWS * width) {
            changed += self.execute_arrays(&sql, width, rows)?;
        }
        Ok(changed)
    }

    pub fn insert_returning(&mut self, into: &Insert<'_>, values: &[Value]) -> Result<Vec<Row>, Error> {
        let (sql, width, mut found) = (insertion(into), into.columns.len().max(1), Vec::new());
        for rows in values.chunks(ROWS * width) {
            let arrays = arrays(width, rows);
            found.append(&mut self.query_with(&sql, &borrow(&arrays))?);
        }
        Ok(found)
    }

    pub fn execute_arrays(&mut self, sql: &str, width: usize, values: &[Value]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        let arrays = arrays(width, values);
        Ok(self.client.execute(&statement, &borrow(&arrays))?)
    }

    fn query_with(&mut self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql)?;
        let columns: Arc<[String]> = statement.columns().iter().map(|c| c.name().to_owned()).collect();
        let rows = self.client.query(&statement, params)?;
        rows.iter()
            .map(|row| {
                let values = (0..columns.len()).map(|i| own(row, i)).collect::<Result<_, _>>()?;
                Ok(Row { columns: Arc::clone(&columns), values })
            })
            .collect()
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        Ok(self.client.batch_execute(sql)?)
    }
}

/// Rows of one insertion.
const ROWS: usize = 4_096;

fn insertion(into: &Insert<'_>) -> String {
    let arrays: Vec<String> = into
        .columns
        .iter()
        .enumerate()
        .map(|(i, (_, kind))| format!("CAST(${} AS {kind}[])", i + 1))
        .collect();
    format!("{}SELECT * FROM unnest({}){}", into.head(), arrays.join(", "), into.tail)
}

/// The values of each of `width` columns.
fn arrays(width: usize, values: &[Value]) -> Vec<Vec<&Value>> {
    (0..width).map(|column| values.iter().skip(column).step_by(width).collect()).collect()
}

fn borrow<T: ToSql + Sync>(params: &[T]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|p| p as &(dyn ToSql + Sync)).collect()
}

fn own(row: &postgres::Row, index: usize) -> Result<Value, Error> {
    fn get<'a, T: postgres::types::FromSql<'a>>(
        row: &'a postgres::Row,
        index: usize,
        wrap: impl Fn(T) -> Value,
    ) -> Result<Value, Error> {
        Ok(row.try_get::<_, Option<T>>(index)?.map_or(Value::Null, wrap))
    }
    let kind = row.columns()[index].type_();
    match *kind {
        Type::BOOL => get(row, index, Value::Bool),
        Type::INT2 => get(row, index, |v: i16| Value::Int(v.into())),
        Type::INT4 => get(row, index, |v: i32| Value::Int(v.into())),
        Type::INT8 => get(row, index, Value::Int),
        Type::FLOAT4 => get(row, index, |v: f32| Value::Float(v.into())),
        Type::FLOAT8 => get(row, index, Value::Float),
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR => get(row, index, Value::Text),
        Type::BYTEA => get(row, index, Value::Bytes),
        Type::NUMERIC => get(row, index, |v: Numeric| Value::Float(v.0)),
        _ => Err(Error::WrongType {
            column: row.columns()[index].name().to_owned(),
            wanted: "a portable type (BIGINT, DOUBLE PRECISION, BOOLEAN, TEXT, BYTEA)",
            found: kind.to_string(),
        }),
    }
}

/// `sum(BIGINT)` is NUMERIC on PostgreSQL; read as the nearest float, which `i64` columns also accept when whole.
struct Numeric(f64);

impl<'a> postgres::types::FromSql<'a> for Numeric {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        // Wire format: ndigits, weight, sign, dscale (i16 each), then base-10000 digits.
        let word =
            |at: usize| -> Option<i16> { Some(i16::from_be_bytes(raw.get(at..at + 2)?.try_into().ok()?)) };
        let (Some(count), Some(weight), Some(sign)) = (word(0), word(2), word(4)) else {
            return Err("short numeric".into());
        };
        let mut value = 0.0;
        for i in 0..count {
            let digit = word(8 + 2 * i as usize).ok_or("short numeric")?;
            value += f64::from(digit) * 10_000f64.powi(i32::from(weight - i));
        }
        Ok(Self(if sign == 0x4000 { -value } else { value }))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::NUMERIC
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self, kind) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Bool(v), &Type::BOOL) => v.to_sql(kind, out),
            (Value::Int(v), &Type::INT8) => v.to_sql(kind, out),
            (Value::Int(v), &Type::INT4) => i32::try_from(*v)?.to_sql(kind, out),
            (Value::Int(v), &Type::INT2) => i16::try_from(*v)?.to_sql(kind, out),
            (Value::Int(v), &Type::FLOAT8) => (*v as f64).to_sql(kind, out),
            (Value::Int(v), &Type::BOOL) => (*v != 0).to_sql(kind, out),
            (Value::Float(v), &Type::FLOAT8) => v.to_sql(kind, out),
            (Value::Text(v), _) => v.as_str().to_sql(kind, out),
            (Value::Bytes(v), &Type::BYTEA) => v.as_slice().to_sql(kind, out),
            (value, kind) => Err(format!("cannot send {value:?} to a {kind} column").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

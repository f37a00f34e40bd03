use columns::Error;
use datafusion::common::TableReference;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as Sql;

fn refused(message: impl Into<String>) -> Error {
    let hint =
        "send one SELECT, EXPLAIN, DESCRIBE or SHOW statement; data changes through uploads and commits";
    Error::Sql { message: message.into(), hint: Some(hint.into()) }
}

/// The one statement of `sql`, which only reads. Errors: `Sql`.
pub fn parse(sql: &str) -> Result<Statement, Error> {
    let mut statements = DFParser::parse_sql(sql).map_err(|e| crate::failure::of(e, &[]))?;
    let (Some(statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return Err(refused("there must be exactly one statement"));
    };
    if !reads(&statement) {
        let text: String = statement.to_string().chars().take(40).collect();
        return Err(refused(format!("`{text}` does not only read")));
    }
    Ok(statement)
}

fn reads(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(sql) => match sql.as_ref() {
            Sql::Query(_) | Sql::ExplainTable { .. } => true,
            Sql::ShowTables { .. } | Sql::ShowColumns { .. } | Sql::ShowFunctions { .. } => true,
            Sql::Explain { statement, .. } => matches!(statement.as_ref(), Sql::Query(_)),
            _ => false,
        },
        Statement::Explain(explain) => reads(&explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}

/// Whether its rows may be cut by a limit.
pub fn is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(sql) if matches!(sql.as_ref(), Sql::Query(_)))
}

/// The tables that a statement reads, each once. Errors: `Sql`.
pub fn tables(statement: &Statement) -> Result<Vec<String>, Error> {
    let (tables, _) = resolve_table_references(statement, true).map_err(|e| crate::failure::of(e, &[]))?;
    let name = |table: TableReference| match table {
        TableReference::Bare { table } => Some(table.to_string()),
        TableReference::Partial { schema, .. } | TableReference::Full { schema, .. }
            if &*schema == "information_schema" =>
        {
            None
        }
        other => Some(other.to_string()),
    };
    Ok(tables.into_iter().filter_map(name).collect())
}

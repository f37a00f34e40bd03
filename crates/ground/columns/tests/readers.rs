//! What readers say about files that are wrong, and what they make of files that are right.

use mlwright_columns as columns;

use bytes::Bytes;
use columns::{Table, column, read_csv, read_jsonl, read_parquet};
use types::{DataType, Fault, Field, Schema};

fn schema(fields: &[(&str, DataType, bool)]) -> Schema {
    let field = |(name, data_type, nullable): &(&str, DataType, bool)| Field {
        name: (*name).into(),
        data_type: *data_type,
        nullable: *nullable,
    };
    Schema { fields: fields.iter().map(field).collect() }
}

fn says(result: Result<Table, columns::Error>) -> String {
    let error = result.unwrap_err();
    format!("{error} | {}", error.hint().unwrap_or_default())
}

#[test]
fn csv_types_are_inferred_from_all_rows() {
    let text = "i,f,b,d,t,s,code,gap\n1,1,true,2026-01-31,2026-01-31T12:00:00Z,\"a, \"\"b\"\"\",007,\n\
                -2,2.5,false,2026-02-01,2026-02-01 00:00:00,\"\",123,4\n";
    let table = read_csv("a.csv", text.as_bytes(), None).unwrap();
    let types: Vec<_> = table.schema().fields.iter().map(|f| f.data_type.name()).collect();
    assert_eq!(types, ["integer", "float", "boolean", "date", "timestamp", "string", "string", "integer"]);
    assert_eq!(table.texts("s").unwrap(), [Some("a, \"b\"".to_owned()), Some(String::new())]);
    assert_eq!(table.numbers("gap").unwrap(), [None, Some(4.0)]);
    assert!(table.field("gap").unwrap().nullable && !table.field("i").unwrap().nullable);
    assert_eq!(table.texts("t").unwrap()[0].as_deref(), Some("2026-01-31T12:00:00Z"));
}

#[test]
fn every_fault_of_a_csv_file_names_the_place_and_the_remedy() {
    let cases = [
        ("", "`a.csv` is empty"),
        ("x\n", "`a.csv` has a header but no rows"),
        ("x,y\n1,2\n3\n4,5\n", "`a.csv`, line 3: 1 fields where the header has 2 | write every field"),
        (
            "x,y\n1,2,3\n",
            "`a.csv`, line 2: 3 fields where the header has 2 | quote values that contain a comma",
        ),
        ("x,y\n1,2\n3", "`a.csv` is truncated: its last line 3 has 1 of 2 fields and no line end"),
        ("x,y\n1,\"a\nb", "`a.csv` is truncated: the quote opened in line 2 is never closed"),
        ("x,x\n1,2\n", "`a.csv`: column `x` stands in the header twice, as number 1 and 2"),
        ("x,\n1,2\n", "`a.csv`: column number 2 has no name"),
        ("x;y\n1;2\n", "`a.csv` has one column named `x;y`, which looks separated by semicolons"),
        (
            "x\n1\n2\nn/a\n",
            "`a.csv`, line 4, column `x`: `n/a` among numbers (2 of 3 values are numbers) | mend",
        ),
        ("x,y\n\"a\"b,1\n", "`a.csv`, line 2: `b` after the closing quote"),
        ("x,y\na\"b,1\n", "`a.csv`, line 2: a quote inside the unquoted value `a\"`"),
    ];
    for (text, wanted) in cases {
        let found = says(read_csv("a.csv", text.as_bytes(), None));
        assert!(found.starts_with(wanted), "{text:?}: {found}");
    }
    let latin = says(read_csv("a.csv", b"name\nAnna\nJos\xe9\n", None));
    assert!(
        latin.starts_with("`a.csv`, line 3: not valid UTF-8 at byte 4 of the line, after `Jos`"),
        "{latin}"
    );
}

#[test]
fn a_declared_schema_is_kept_to_the_letter() {
    let wanted = schema(&[("age", DataType::Float, false), ("sex", DataType::Integer, true)]);
    let table = read_csv("a.csv", b"sex,age\n1,3\n,4.5\n", Some(&wanted)).unwrap();
    assert_eq!(table.schema(), &wanted);
    let cases = [
        ("age,sexx\n1,2\n", "`a.csv`: unknown column `sexx` | did you mean `sex`?"),
        ("age\n1\n", "`a.csv`: column `sex` is missing"),
        ("age,sex,id\n1,2,3\n", "`a.csv`: unknown column `id`"),
        ("age,sex\n1,2\nold,1\n", "`a.csv`, line 3, column `age`: `old` is not a number"),
        ("age,sex\n1,2.5\n", "`a.csv`, line 2, column `sex`: `2.5` is not an integer"),
        (
            "age,sex\n,1\n",
            "`a.csv`, line 2, column `age`: the value is missing, but the column may not be null",
        ),
    ];
    for (text, message) in cases {
        let found = says(read_csv("a.csv", text.as_bytes(), Some(&wanted)));
        assert!(found.starts_with(message), "{text:?}: {found}");
    }
}

#[test]
fn json_lines_are_read_strictly() {
    let table = read_jsonl("a.jsonl", b"{\"x\":1,\"s\":\"a\"}\n\n{\"x\":2.5}\n", None).unwrap();
    assert_eq!(table.numbers("x").unwrap(), [Some(1.0), Some(2.5)]);
    assert_eq!(table.texts("s").unwrap(), [Some("a".into()), None]);
    let cases = [
        ("{\"x\":1}\n{\"x\":\"a\"}\n", "`a.jsonl`, line 2, column `x`: `\"a\"` is not an integer"),
        ("{\"x\":1}\n{\"x\":", "`a.jsonl` is truncated: its last line 2 ends inside a JSON object"),
        ("{\"x\":1,\"x\":2}\n", "`a.jsonl`, line 1: the key `x` stands twice"),
        ("{\"x\":[1]}\n", "`a.jsonl`, column `x`: the type of [1] (line 1) is not supported"),
        ("{\"x\":NaN}\n", "`a.jsonl`, line 1: "),
    ];
    for (text, message) in cases {
        let found = says(read_jsonl("a.jsonl", text.as_bytes(), None));
        assert!(found.starts_with(message), "{text:?}: {found}");
    }
}

fn sample() -> Table {
    Table::new(vec![
        ("x".into(), column::floats([Some(1.5), None, Some(f64::NAN)])),
        ("s".into(), column::strings([Some("a"), Some("b"), None])),
        ("t".into(), column::timestamps([Some(types::Timestamp(1)), None, None])),
        ("b".into(), column::booleans([Some(true), None, Some(false)])),
    ])
    .unwrap()
}

#[test]
fn parquet_comes_back_as_it_was_and_equal_tables_give_equal_bytes() {
    let table = sample();
    let bytes = table.to_parquet().unwrap();
    let back = read_parquet("a.parquet", Bytes::from(bytes.clone()), None).unwrap();
    assert_eq!(back.schema(), table.schema());
    assert_eq!(back.texts("t").unwrap(), table.texts("t").unwrap());
    assert_eq!(back.texts("x").unwrap(), table.texts("x").unwrap());
    // The same rows from two pieces.
    let pieces = Table::concat(&[table.slice(0, 1), table.slice(1, 2)]).unwrap();
    assert_eq!(pieces.to_parquet().unwrap(), bytes);
    assert_ne!(table.slice(0, 2).to_parquet().unwrap(), bytes);
}

#[test]
fn parquet_that_is_cut_or_is_none_is_refused() {
    let bytes = sample().to_parquet().unwrap();
    let cut = says(read_parquet("a.parquet", Bytes::from(bytes[..bytes.len() - 9].to_vec()), None));
    assert!(cut.starts_with("`a.parquet` is truncated: it starts as Parquet, but its "), "{cut}");
    let other = says(read_parquet("a.parquet", Bytes::from_static(b"x,y\n1,2\n"), None));
    assert!(
        other.starts_with("`a.parquet` is not a readable Parquet file: it does not start with PAR1"),
        "{other}"
    );
    let wanted = schema(&[("x", DataType::String, true)]);
    let wrong = says(read_parquet(
        "a.parquet",
        Bytes::from(sample().select(&["x"]).unwrap().to_parquet().unwrap()),
        Some(&wanted),
    ));
    assert!(
        wrong.starts_with("`a.parquet`, column `x`: the type is float, but string is declared"),
        "{wrong}"
    );
    // Bytes in the middle that are not what they were.
    let mut broken = bytes;
    for byte in &mut broken[8..40] {
        *byte ^= 0x5a;
    }
    assert!(read_parquet("a.parquet", Bytes::from(broken), None).is_err());
}

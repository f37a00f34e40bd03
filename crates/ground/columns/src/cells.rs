//! Values of any Arrow type as JSON, for people and for programs that know no Arrow.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType as ArrowType, Float16Type, Float32Type, Float64Type, Schema as ArrowSchema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Number, Value};

use crate::table::float_text;
use crate::{ArrayRef, Error};

/// Name, type and nullability of each column, types as Arrow writes them, such as `Int64` or `List(Utf8)`.
pub fn column_types(schema: &ArrowSchema) -> Vec<(String, String, bool)> {
    let fields = schema.fields().iter();
    fields.map(|f| (f.name().clone(), f.data_type().to_string(), f.is_nullable())).collect()
}

/// The rows of a batch, a value a column. Numbers that JSON has are numbers; NaN and infinities are the strings
/// `"NaN"`, `"Infinity"`, `"-Infinity"`; lists and structs keep their shape; everything else (times, decimals, binary as
/// hexadecimal digits) is text.
pub fn cells(batch: &RecordBatch) -> Result<Vec<Vec<Value>>, Error> {
    let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let mut rows: Vec<Vec<Value>> =
        (0..batch.num_rows()).map(|_| Vec::with_capacity(columns.len())).collect();
    for values in columns {
        for (row, value) in rows.iter_mut().zip(values) {
            row.push(value);
        }
    }
    Ok(rows)
}

pub(crate) fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| Value::String(float_text(value)), Value::Number)
}

fn column(array: &ArrayRef) -> Result<Vec<Value>, Error> {
    let present = |row: usize| array.is_valid(row);
    let each = |value: &dyn Fn(usize) -> Value| -> Vec<Value> {
        (0..array.len()).map(|row| if present(row) { value(row) } else { Value::Null }).collect()
    };
    Ok(match array.data_type() {
        ArrowType::Null => vec![Value::Null; array.len()],
        ArrowType::Boolean => each(&|row| Value::Bool(array.as_boolean().value(row))),
        ArrowType::UInt64 => {
            let values = array.as_primitive::<arrow::datatypes::UInt64Type>();
            each(&|row| values.value(row).into())
        }
        t if t.is_integer() => {
            let wide = arrow::compute::cast(array, &ArrowType::Int64)?;
            let values = wide.as_primitive::<arrow::datatypes::Int64Type>();
            each(&|row| values.value(row).into())
        }
        ArrowType::Float16 => each(&|row| float(array.as_primitive::<Float16Type>().value(row).to_f64())),
        ArrowType::Float32 => {
            // As it reads in 32 bits: 0.1, not 0.10000000149.
            let values = array.as_primitive::<Float32Type>();
            each(&|row| float(values.value(row).to_string().parse().unwrap_or(f64::NAN)))
        }
        ArrowType::Float64 => each(&|row| float(array.as_primitive::<Float64Type>().value(row))),
        ArrowType::List(_) => {
            let lists = array.as_list::<i32>();
            nested(array.len(), &present, &|row| Ok(Value::Array(column(&lists.value(row))?)))?
        }
        ArrowType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            nested(array.len(), &present, &|row| Ok(Value::Array(column(&lists.value(row))?)))?
        }
        ArrowType::FixedSizeList(..) => {
            let lists = array.as_fixed_size_list();
            nested(array.len(), &present, &|row| Ok(Value::Array(column(&lists.value(row))?)))?
        }
        ArrowType::Struct(fields) => {
            let structs = array.as_struct();
            let columns = structs.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
            each(&|row| {
                let pairs =
                    fields.iter().zip(&columns).map(|(f, values)| (f.name().clone(), values[row].clone()));
                Value::Object(pairs.collect::<Map<_, _>>())
            })
        }
        ArrowType::Dictionary(_, value) => {
            let plain = arrow::compute::cast(array, value)?;
            column(&plain)?
        }
        _ => {
            let shown = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default())?;
            each(&|row| Value::String(shown.value(row).to_string()))
        }
    })
}

fn nested(
    rows: usize,
    present: &dyn Fn(usize) -> bool,
    value: &dyn Fn(usize) -> Result<Value, Error>,
) -> Result<Vec<Value>, Error> {
    (0..rows).map(|row| if present(row) { value(row) } else { Ok(Value::Null) }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int32Array, ListArray, StringArray, UInt64Array};
    use arrow::datatypes::Int64Type;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_has_a_json_form_and_nothing_is_lost_in_numbers() {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None]), None]);
        let batch = RecordBatch::try_from_iter([
            ("i", Arc::new(Int32Array::from(vec![Some(7), None])) as ArrayRef),
            ("u", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
            ("f", Arc::new(Float64Array::from(vec![f64::NAN, 0.5]))),
            ("s", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("l", Arc::new(list)),
        ])
        .unwrap();
        assert_eq!(
            cells(&batch).unwrap(),
            [
                vec![json!(7), json!(u64::MAX), json!("NaN"), json!("a"), json!([1, null])],
                vec![Value::Null, json!(0), json!(0.5), json!("b"), Value::Null],
            ]
        );
    }
}

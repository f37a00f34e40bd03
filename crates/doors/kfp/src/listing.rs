//! Lists: filtered, sorted and cut into pages as upstream does (`backend/src/apiserver/list/list.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::call::Params;
use crate::errors::Failure;
use crate::filters::{Field, Filter};

const DEFAULT_SIZE: usize = 20;
const MOST: usize = 200;

/// A row of a list.
pub(crate) trait Listed {
    /// The names by which rows are sorted and filtered.
    const KEYS: &'static [&'static str];
    fn id(&self) -> String;
    fn field(&self, key: &str) -> Option<Field>;
}

pub(crate) struct Page<T> {
    pub items: Vec<T>,
    /// Of all pages together.
    pub total: usize,
    /// Empty on the last page.
    pub next: String,
}

/// Where a page ended. The query stands in it: the next one goes on with that, whatever it says itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Token {
    sort: String,
    filter: Option<String>,
    value: String,
    id: String,
}

struct Order {
    key: String,
    descending: bool,
}

pub(crate) fn page<T: Listed>(rows: Vec<T>, params: &Params) -> Result<Page<T>, Failure> {
    let token = params.get("page_token").map(read_token).transpose()?;
    let (sort, filter) = match &token {
        Some(token) => (token.sort.as_str(), token.filter.as_deref()),
        None => (params.get("sort_by").unwrap_or_default(), params.get("filter")),
    };
    let size = size(params)?;
    let order = order::<T>(sort)?;
    let wanted = Filter::read(filter, T::KEYS)?;
    let mut rows: Vec<(String, String, T)> = rows
        .into_iter()
        .filter(|row| wanted.matches(|key| row.field(key)))
        .map(|row| (comparable(row.field(&order.key)), row.id(), row))
        .collect();
    let total = rows.len();
    rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    if order.descending {
        rows.reverse();
    }
    let start = token.as_ref().map_or(0, |token| {
        let last = (token.value.as_str(), token.id.as_str());
        rows.partition_point(|(value, id, _)| {
            let this = (value.as_str(), id.as_str());

            if order.descending { this >= last } else { this <= last }
        })
    });
    let mut rest: Vec<_> = rows.into_iter().skip(start).take(size + 1).collect();
    let more = rest.len() > size;
    rest.truncate(size);
    let next = match rest.last() {
        Some((value, id, _)) if more => write_token(&Token {
            sort: sort.to_owned(),
            filter: filter.map(str::to_owned),
            value: value.clone(),
            id: id.clone(),
        }),
        _ => String::new(),
    };
    Ok(Page { items: rest.into_iter().map(|(_, _, row)| row).collect(), total, next })
}

fn size(params: &Params) -> Result<usize, Failure> {
    let Some(text) = params.get("page_size") else { return Ok(DEFAULT_SIZE) };
    let number: i64 =
        text.parse().map_err(|_| Failure::invalid(format!("the page size `{text}` is no number")))?;
    match usize::try_from(number) {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(number) => Ok(number.min(MOST)),
        Err(_) => Err(Failure::invalid("the page size must not be negative")),
    }
}

/// `created_at desc`; by creation if nothing is said.
fn order<T: Listed>(text: &str) -> Result<Order, Failure> {
    let mut words = text.split_whitespace();
    let key = words.next().unwrap_or("created_at");
    let descending = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("asc") => false,
        Some(word) if word.eq_ignore_ascii_case("desc") => true,
        Some(other) => {
            return Err(Failure::invalid(format!("`sort_by` says `{other}`: `asc` or `desc` is expected")));
        }
    };
    if words.next().is_some() || !T::KEYS.contains(&key) {
        let known = T::KEYS.join(", ");
        return Err(Failure::invalid(format!("cannot sort by `{text}`: known are {known}")));
    }
    Ok(Order { key: key.to_owned(), descending })
}

/// A text that sorts as the field does.
fn comparable(field: Option<Field>) -> String {
    match field {
        None => String::new(),
        Some(Field::Text(text)) => text,
        // Shifted, so that negative numbers come first.
        Some(Field::Number(number)) => format!("{:020}", number as u64 ^ (1 << 63)),
        Some(Field::Time(at)) => format!("{:020}", at.0 as u64 ^ (1 << 63)),
    }
}

fn write_token(token: &Token) -> String {
    STANDARD.encode(serde_json::to_vec(token).unwrap_or_default())
}

fn read_token(text: &str) -> Result<Token, Failure> {
    let bytes = STANDARD.decode(text).ok();
    let token = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    token.ok_or_else(|| Failure::invalid("invalid page token"))
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts;

    use super::*;

    #[derive(Clone)]
    struct Row(u32, &'static str);

    impl Listed for Row {
        const KEYS: &'static [&'static str] = &["created_at", "name"];
        fn id(&self) -> String {
            self.0.to_string()
        }
        fn field(&self, key: &str) -> Option<Field> {
            match key {
                "created_at" => Some(Field::Number(i64::from(self.0))),
                _ => Some(Field::Text(self.1.into())),
            }
        }
    }

    async fn params(query: &str) -> Params {
        let request = http::Request::get(format!("/x?{query}")).body(()).unwrap();
        Params::from_request_parts(&mut request.into_parts().0, &()).await.unwrap()
    }

    #[tokio::test]
    async fn pages_go_on_where_the_last_one_ended() {
        let rows: Vec<Row> = (0..5).map(|i| Row(i, if i % 2 == 0 { "even" } else { "odd" })).collect();
        let first = page(rows.clone(), &params("page_size=2&sort_by=created_at%20desc").await).unwrap();
        assert_eq!(first.items.iter().map(|r| r.0).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(first.total, 5);
        // A row that came in between does not move the others.
        let mut more = rows.clone();
        more.push(Row(9, "odd"));
        let token = first.next.replace('+', "%2B").replace('=', "%3D").replace('/', "%2F");
        let second = page(more, &params(&format!("page_size=2&page_token={token}")).await).unwrap();
        assert_eq!(second.items.iter().map(|r| r.0).collect::<Vec<_>>(), [2, 1]);
        let by_name = page(rows, &params("sort_by=name").await).unwrap();
        assert_eq!(by_name.items.iter().map(|r| r.0).collect::<Vec<_>>(), [0, 2, 4, 1, 3]);
        assert_eq!(by_name.next, "");
    }

    #[tokio::test]
    async fn what_cannot_be_sorted_or_paged_is_refused() {
        for query in ["sort_by=odd", "sort_by=name%20up", "page_size=-1", "page_token=x", "page_size=a"] {
            assert!(page(vec![Row(1, "a")], &params(query).await).is_err(), "{query}");
        }
    }
}

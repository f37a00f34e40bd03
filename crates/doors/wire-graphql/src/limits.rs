//! Limits that keep one request from asking for everything at once, counted as MLflow counts them
//! (`mlflow/server/graphql/graphql_no_batching.py`, 3.17.2).

use std::collections::{HashMap, HashSet};

use graphql_parser::query::Definition;

use crate::{Document, Field, Fragment, Selection, SelectionSet};

/// What [`count`] refuses while it counts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nested selection sets.
    pub depth: usize,
    /// Fields of all operations.
    pub selections: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fields at the top of all operations.
    pub root_fields: usize,
    /// The most aliases of one selection set, its fragments included.
    pub aliases: usize,
}

/// Errors: `Query exceeds maximum …`.
pub fn count(document: &Document, limits: Limits) -> Result<Counts, String> {
    let fragments: HashMap<&str, &Fragment> = document
        .0
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::Fragment(fragment) => Some((fragment.name.as_str(), fragment)),
            Definition::Operation(_) => None,
        })
        .collect();
    let (mut counts, mut selections) = (Counts::default(), 0);
    for definition in &document.0.definitions {
        let Definition::Operation(operation) = definition else { continue };
        let mut open = vec![(crate::execute::selection_set(operation), 1)];
        while let Some((set, depth)) = open.pop() {
            if depth > limits.depth {
                return Err(format!("Query exceeds maximum depth of {}", limits.depth));
            }
            let (fields, aliases) = level(set, &fragments);
            for field in fields {
                counts.root_fields += usize::from(depth == 1);
                if !field.selection_set.items.is_empty() {
                    open.push((&field.selection_set, depth + 1));
                }
                selections += 1;
                if selections > limits.selections {
                    return Err(format!("Query exceeds maximum total selections of {}", limits.selections));
                }
            }
            counts.aliases = counts.aliases.max(aliases);
        }
    }
    Ok(counts)
}

/// The fields of a selection set and of the fragments in it, each fragment once, and how many have an alias.
fn level<'a>(set: &'a SelectionSet, fragments: &HashMap<&str, &'a Fragment>) -> (Vec<&'a Field>, usize) {
    let (mut fields, mut aliases) = (Vec::new(), 0);
    let (mut open, mut seen) = (vec![set], HashSet::new());
    while let Some(set) = open.pop() {
        for selection in &set.items {
            match selection {
                Selection::Field(field) => {
                    aliases += usize::from(field.alias.is_some());
                    fields.push(field);
                }
                Selection::InlineFragment(inline) => open.push(&inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = fragments.get(spread.fragment_name.as_str())
                        && seen.insert(spread.fragment_name.as_str())
                    {
                        open.push(&fragment.selection_set);
                    }
                }
            }
        }
    }
    (fields, aliases)
}

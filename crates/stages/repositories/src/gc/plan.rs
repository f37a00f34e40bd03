//! Which commits are kept.

use std::collections::{HashMap, HashSet};

use types::{Digest, Timestamp};

use crate::Retention;

/// All that decides about the commits of a repository, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub commits: HashMap<Digest, Known>,
    /// Name and head.
    pub branches: Vec<(String, Digest)>,
    pub tags: Vec<Digest>,
    /// The commit that each is to follow, and its tree.
    pub candidates: Vec<(Digest, Digest)>,
    pub rules: Option<Retention>,
    /// Commits that were found expired before, and when.
    pub expiries: HashMap<Digest, Timestamp>,
}

#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub parents: Vec<Digest>,
    pub created_at: Timestamp,
    pub root: Digest,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Trees whose objects are kept.
    pub kept: Vec<Digest>,
    /// Trees of released commits in the history of others: their nodes are kept, for logs and diffs.
    pub told: Vec<Digest>,
    /// Newly found expired.
    pub expired: Vec<Digest>,
    /// Expired no longer, or gone.
    pub returned: Vec<Digest>,
    /// Released commits that nothing comes from: removed themselves.
    pub removed: Vec<Digest>,
}

/// A commit is retained while a branch, tag or candidate stands at it, while it is younger than the days of a branch
/// that it is in the history of, or was that branch's head at some time in these days, and, if none of them leads to
/// it, while it is younger than the default. Without rules every commit is. What expired by `until` is released.
pub(crate) fn plan(history: &History, now: Timestamp, until: Timestamp) -> Plan {
    let retained = retained(history, now);
    let released: HashSet<Digest> = history
        .expiries
        .iter()
        .filter(|(id, at)| **at <= until && history.commits.contains_key(*id) && !retained.contains(*id))
        .map(|(id, _)| *id)
        .collect();
    let needed = ancestors(history, history.commits.keys().filter(|id| !released.contains(*id)).copied());
    let mut plan = Plan::default();
    for (id, commit) in &history.commits {
        if !released.contains(id) {
            plan.kept.push(commit.root);
            if !retained.contains(id) && !history.expiries.contains_key(id) {
                plan.expired.push(*id);
            }
        } else if needed.contains(id) {
            plan.told.push(commit.root);
        } else {
            plan.removed.push(*id);
        }
    }
    plan.kept.extend(history.candidates.iter().map(|(_, root)| *root));
    let is_back = |id: &&Digest| retained.contains(*id) || !history.commits.contains_key(*id);
    plan.returned.extend(history.expiries.keys().filter(is_back));
    plan
}

fn retained(history: &History, now: Timestamp) -> HashSet<Digest> {
    let Some(rules) = &history.rules else { return history.commits.keys().copied().collect() };
    let since = |days: u32| now.plus_seconds(-i64::from(days) * 86_400);
    let mut retained: HashSet<Digest> = history.tags.iter().copied().collect();
    retained.extend(history.candidates.iter().map(|(commit, _)| *commit));
    for (name, head) in &history.branches {
        let since = since(rules.branches.get(name).copied().unwrap_or(rules.default_days));
        let mut seen = HashSet::new();
        let mut pending = vec![*head];
        while let Some(id) = pending.pop() {
            if seen.insert(id)
                && let Some(commit) = history.commits.get(&id)
                // One that is older was the head when the time began, and what it came from was not.
                && commit.created_at >= since
            {
                pending.extend(&commit.parents);
            }
        }
        retained.extend(seen);
    }
    let heads = history.branches.iter().map(|(_, head)| *head);
    let refs = heads.chain(history.tags.iter().copied()).chain(history.candidates.iter().map(|(c, _)| *c));
    let led_to = ancestors(history, refs);
    let young = |(id, commit): &(&Digest, &Known)| {
        !led_to.contains(*id) && commit.created_at >= since(rules.default_days)
    };
    retained.extend(history.commits.iter().filter(young).map(|(id, _)| *id));
    retained
}

/// `from` and all that it came from.
fn ancestors(history: &History, from: impl Iterator<Item = Digest>) -> HashSet<Digest> {
    let mut found = HashSet::new();
    let mut pending: Vec<Digest> = from.collect();
    while let Some(id) = pending.pop() {
        if found.insert(id)
            && let Some(commit) = history.commits.get(&id)
        {
            pending.extend(&commit.parents);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const NOW: Timestamp = Timestamp(1_000 * DAY * 1_000_000);

    fn id(name: &str) -> Digest {
        Digest::of(name)
    }

    /// Commits by name, age in days, and parents.
    fn history(commits: &[(&str, i64, &[&str])], rules: Option<Retention>) -> History {
        let known = |(name, days, parents): &(&str, i64, &[&str])| {
            let parents = parents.iter().map(|p| id(p)).collect();
            let created_at = NOW.plus_seconds(-days * DAY);
            (id(name), Known { parents, created_at, root: id(&format!("tree of {name}")) })
        };
        History { commits: commits.iter().map(known).collect(), rules, ..History::default() }
    }

    fn days(default_days: u32) -> Option<Retention> {
        Some(Retention { default_days, ..Retention::default() })
    }

    fn sorted(mut ids: Vec<Digest>) -> Vec<Digest> {
        ids.sort_unstable();
        ids
    }

    fn ids(names: &[&str]) -> Vec<Digest> {
        sorted(names.iter().map(|name| id(name)).collect())
    }

    #[test]
    fn what_was_the_head_within_the_days_of_a_branch_is_retained() {
        let mut history =
            history(&[("a", 90, &[]), ("b", 40, &["a"]), ("c", 10, &["b"]), ("d", 1, &["c"])], days(20));
        history.branches.push(("main".into(), id("d")));
        // `b` was the head twenty days ago.
        assert_eq!(sorted(plan(&history, NOW, NOW).expired), ids(&["a"]));
        history.tags.push(id("a"));
        assert!(plan(&history, NOW, NOW).expired.is_empty());
        history.tags.clear();
        history.rules.as_mut().unwrap().branches.insert("main".into(), 5);
        assert_eq!(sorted(plan(&history, NOW, NOW).expired), ids(&["a", "b"]));
        history.rules = None;
        assert!(plan(&history, NOW, NOW).expired.is_empty());
    }

    #[test]
    fn a_released_commit_is_told_of_while_others_come_from_it_and_removed_after() {
        let mut history = history(&[("a", 90, &[]), ("b", 80, &["a"]), ("x", 70, &["a"])], days(20));
        history.branches.push(("main".into(), id("b")));
        let first = plan(&history, NOW, NOW);
        assert_eq!(sorted(first.expired.clone()), ids(&["a", "x"]));
        assert_eq!(first.kept.len(), 3);
        history.expiries = first.expired.iter().map(|id| (*id, NOW)).collect();
        // Not long ago enough.
        let early = plan(&history, NOW, NOW.plus_seconds(-1));
        assert_eq!((early.kept.len(), early.expired.len()), (3, 0));
        let later = plan(&history, NOW, NOW);
        assert_eq!(sorted(later.kept), ids(&["tree of b"]));
        assert_eq!(sorted(later.told), ids(&["tree of a"]));
        assert_eq!(sorted(later.removed), ids(&["x"]));
        // A branch that stands at it again takes it back.
        history.branches.push(("old".into(), id("x")));
        let back = plan(&history, NOW, NOW);
        assert_eq!(sorted(back.returned), ids(&["x"]));
        assert!(back.removed.is_empty());
    }

    #[test]
    fn commits_that_nothing_leads_to_are_kept_for_the_default_days() {
        let history = history(&[("a", 30, &[]), ("b", 10, &["a"])], days(20));
        let plan = plan(&history, NOW, NOW);
        assert_eq!(sorted(plan.expired), ids(&["a"]));
        // `b` comes from `a`, which cannot go before it.
        assert!(plan.removed.is_empty());
    }
}

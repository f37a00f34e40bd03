//! Counts and times of the stages of a run, and the summary at its end.

use crate::shell;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
    /// The lines that say what failed; the summary ends with them. Without a failure: what a first try failed with.
    pub told: Vec<String>,
}

impl Count {
    /// One check that passed or failed.
    pub fn of(passed: bool) -> Count {
        Count { passed: usize::from(passed), failed: usize::from(!passed), told: Vec::new() }
    }
}

/// Of a long list, the first ones say enough.
const TOLD: usize = 12;

/// The lines in which test runners and client scripts name what failed; of a script that died, its last words.
fn told(said: &str) -> Vec<String> {
    let failed = |line: &&str| {
        ["not ok ", "FAIL ", "FAIL: ", "ERROR: ", "TIMEOUT "].iter().any(|word| line.starts_with(word))
    };
    let mut named: Vec<&str> = said.lines().map(str::trim).filter(failed).collect();
    named.dedup();
    if named.is_empty() {
        let last = said.lines().rev().filter(|line| !line.trim().is_empty()).take(3);
        named = last.collect();
        named.reverse();
    }
    named.into_iter().take(TOLD).map(|line| line.chars().take(400).collect()).collect()
}

struct Stage {
    name: String,
    count: Count,
    took: Duration,
    note: String,
}

impl Stage {
    fn run(name: String, work: impl FnOnce() -> Result<Count, String>) -> (Stage, bool) {
        let start = Instant::now();
        let (count, note) = match work() {
            Ok(count) => (count, String::new()),
            Err(error) => {
                println!("{error}");
                let note = error.lines().next().unwrap_or_default().to_owned();
                (Count { told: vec![note.clone()], ..Count::of(false) }, note)
            }
        };
        let passed = count.failed == 0;
        (Stage { name, count, took: start.elapsed(), note }, passed)
    }
}

/// Once more where it fails, as `nextest` does it: what passes at its second try only is to be mended, and stops nothing.
pub fn twice(mut work: impl FnMut() -> Result<Count, String>) -> Result<Count, String> {
    let told = match work() {
        Ok(count) if count.failed == 0 => return Ok(count),
        Ok(count) => count.told,
        Err(error) => vec![error],
    };
    println!("once more, as it failed:");
    told.iter().for_each(|line| println!("    {line}"));
    let count = work()?;
    Ok(if count.failed == 0 { Count { told, ..count } } else { count })
}

/// What a stage does, on whichever thread is free.
pub type Work<'a> = Box<dyn FnOnce() -> Result<Count, String> + Send + 'a>;

/// The lock is held for this call only.
fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).next()
}

#[derive(Default)]
pub struct Report {
    stages: Vec<Stage>,
}

impl Report {
    /// Runs a stage; an error is one failure, and the run goes on.
    pub fn stage(&mut self, name: &str, work: impl FnOnce() -> Result<Count, String>) -> bool {
        println!("\n== {name}");
        let (stage, passed) = Stage::run(name.to_owned(), work);
        self.stages.push(stage);
        passed
    }

    /// Runs the stages with so many at a time. They start in this order, and stand in it in the summary.
    pub fn side_by_side<'a>(&mut self, width: usize, work: Vec<(String, Work<'a>)>) {
        let (names, work): (Vec<String>, Vec<Work<'a>>) = work.into_iter().unzip();
        let waiting = Mutex::new(names.into_iter().zip(work).enumerate());
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..width {
                scope.spawn(|| {
                    while let Some((place, (name, work))) = next(&waiting) {
                        println!("\n== {name}");
                        let stage = shell::labelled(&name.clone(), || Stage::run(name, work).0);
                        println!("== {} took {:.1} s", stage.name, stage.took.as_secs_f64());
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((place, stage));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(place, _)| *place);
        self.stages.extend(done.into_iter().map(|(_, stage)| stage));
    }

    /// A stage that could not run: said loudly, neither passed nor failed.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("\n== {name}\n  SKIPPED: {why}");
        let note = format!("SKIPPED: {why}");
        self.stages.push(Stage {
            name: name.to_owned(),
            count: Count::default(),
            took: Duration::ZERO,
            note,
        });
    }

    /// Prints the table, what failed, and the closing line `N passed, N failed`; whether nothing failed.
    pub fn close(&self) -> bool {
        println!("\n== summary");
        let width = self.stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        let (mut passed_in_all, mut failed_in_all) = (0, 0);
        for Stage { name, count, took, note } in &self.stages {
            let Count { passed, failed, .. } = count;
            let line = format!(
                "  {name:width$}  {passed:5} passed {failed:4} failed  {:7.1} s  {note}",
                took.as_secs_f64()
            );
            println!("{}", line.trim_end());
            passed_in_all += passed;
            failed_in_all += failed;
        }
        for stage in self.stages.iter().filter(|s| s.count.failed > 0 || !s.count.told.is_empty()) {
            let word = if stage.count.failed > 0 { "FAILED" } else { "FLAKY, passed at its second try" };
            println!("\n  {word}: {}", stage.name);
            stage.count.told.iter().for_each(|line| println!("    {line}"));
        }
        println!("\n{passed_in_all} passed, {failed_in_all} failed");
        failed_in_all == 0
    }
}

/// What `cargo nextest run` counted, from its last `Summary` line; else the sum of `cargo test`'s result lines.
pub fn counted(said: &str) -> Option<Count> {
    let before = |line: &str, word: &str| -> usize {
        let words: Vec<&str> = line.split([' ', ',', ';']).filter(|w| !w.is_empty()).collect();
        let at = words.iter().position(|w| *w == word).and_then(|at| at.checked_sub(1));
        at.and_then(|at| words[at].parse().ok()).unwrap_or(0)
    };
    if let Some(line) = said.lines().rev().find(|line| line.trim_start().starts_with("Summary [")) {
        let failed = before(line, "failed") + before(line, "timed") + before(line, "exec-failed");
        return Some(Count { passed: before(line, "passed"), failed, told: told_where(failed, said) });
    }
    let results: Vec<&str> = said.lines().filter(|line| line.contains("test result:")).collect();
    if results.is_empty() {
        return None;
    }
    let sum = |word| results.iter().map(|line| before(line, word)).sum();
    let failed = sum("failed");
    Some(Count { passed: sum("passed"), failed, told: told_where(failed, said) })
}

/// What Python's `unittest` counted: `Ran 55 tests in 2.6s`, then `OK` or `FAILED (failures=1, errors=2)`.
pub fn unittests(said: &str, succeeded: bool) -> Option<Count> {
    let line = said.lines().rev().find_map(|line| line.strip_prefix("Ran "))?;
    let all: usize = line.split(' ').next()?.parse().ok()?;
    let bad = said.lines().rev().find_map(|line| line.strip_prefix("FAILED (")).unwrap_or("");
    let counts = bad.trim_end_matches(')').split(", ").filter(|part| !part.starts_with("skipped"));
    let failed: usize = counts.filter_map(|part| part.split_once('=')?.1.parse::<usize>().ok()).sum();
    let failed = if succeeded { failed } else { failed.max(1) };
    Some(Count { passed: all.saturating_sub(failed), failed, told: told_where(failed, said) })
}

/// What a client script counted: lines that begin with `ok ` or `not ok `, or a line `… N of M checks hold …`.
pub fn checks(said: &str, succeeded: bool) -> Count {
    let lines = |prefix: &str| said.lines().filter(|line| line.trim_start().starts_with(prefix)).count();
    let (passed, mut failed) = sum(said).unwrap_or((lines("ok "), lines("not ok ")));
    // A script that died after its last check, or checked nothing, is a failure of its own.
    if (!succeeded && failed == 0) || (passed + failed == 0) {
        failed += 1;
    }
    Count { passed, failed, told: told_where(failed, said) }
}

fn told_where(failed: usize, said: &str) -> Vec<String> {
    if failed == 0 { Vec::new() } else { told(said) }
}

fn sum(said: &str) -> Option<(usize, usize)> {
    let line = said.lines().rev().find(|line| line.contains(" checks hold"))?;
    let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [passed, all] = numbers[..] else { return None };
    Some((passed, all.saturating_sub(passed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: Option<Count>) -> Option<(usize, usize)> {
        count.map(|count| (count.passed, count.failed))
    }

    #[test]
    fn nextest_and_cargo_test_are_both_counted() {
        let nextest = "     Summary [   0.5s] 33 tests run: 31 passed (1 slow), 2 failed, 4 skipped\nerror: test run failed";
        assert_eq!(numbers(counted(nextest)), Some((31, 2)));
        let cargo = "test result: ok. 3 passed; 0 failed; 1 ignored;\ntest result: FAILED. 4 passed; 2 failed; 0 ignored;";
        assert_eq!(numbers(counted(cargo)), Some((7, 2)));
        assert_eq!(counted("error: could not compile"), None);
    }

    #[test]
    fn unittest_is_counted() {
        assert_eq!(numbers(unittests("Ran 55 tests in 2.6s\n\nOK", true)), Some((55, 0)));
        let failed = "Ran 5 tests in 1s\n\nFAILED (failures=1, errors=2, skipped=1)";
        assert_eq!(numbers(unittests(failed, false)), Some((2, 3)));
        assert_eq!(unittests("No module named unittest", false), None);
    }

    #[test]
    fn a_script_that_dies_or_checks_nothing_fails() {
        let checks = |said: &str, succeeded| numbers(Some(super::checks(said, succeeded)));
        assert_eq!(checks("ok one\nok two\n", true), Some((2, 0)));
        assert_eq!(checks("ok one\nnot ok two\n", false), Some((1, 1)));
        assert_eq!(checks("ok one\nTraceback", false), Some((1, 1)));
        assert_eq!(checks("not ok x\nbrowser: 7 of 8 checks hold, see y", false), Some((7, 1)));
        assert_eq!(checks("", true), Some((0, 1)));
    }

    #[test]
    fn what_fails_once_is_flaky_and_twice_is_failed() {
        let mut tries = ["not ok a: 1\n", "ok a\n", "not ok b: 2\n", "not ok b: 3\n", "ok c\n"].iter();
        let mut next = || tries.next().map_or(Err("no more".into()), |said| Ok(super::checks(said, true)));
        assert_eq!(twice(&mut next).map(|c| (c.failed, c.told)), Ok((0, vec!["not ok a: 1".to_owned()])));
        assert_eq!(twice(&mut next).map(|c| (c.failed, c.told)), Ok((1, vec!["not ok b: 3".to_owned()])));
        assert_eq!(twice(&mut next).map(|c| (c.failed, c.told)), Ok((0, Vec::new())));
        assert_eq!(twice(&mut next), Err("no more".to_owned()));
    }

    #[test]
    fn a_failure_is_told_in_its_own_words() {
        assert!(checks("ok one\n", true).told.is_empty());
        assert_eq!(checks("ok one\n  not ok two: 3 is not 4\n", false).told, ["not ok two: 3 is not 4"]);
        assert_eq!(
            checks("ok one\nTraceback\n\nKeyError: 'x'\n", false).told,
            ["ok one", "Traceback", "KeyError: 'x'"]
        );
        let nextest = "        FAIL [   0.1s] a::b c\n     Summary [   0.5s] 2 tests run: 1 passed, 1 failed";
        assert_eq!(counted(nextest).map(|count| count.told), Some(vec!["FAIL [   0.1s] a::b c".to_owned()]));
    }
}

//! Counts and times of the stages of a run, and the summary at its end.

use crate::shell;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
}

impl Count {
    /// One check that passed or failed.
    pub fn of(passed: bool) -> Count {
        Count { passed: usize::from(passed), failed: usize::from(!passed) }
    }
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
                (Count::of(false), error.lines().next().unwrap_or_default().to_owned())
            }
        };
        (Stage { name, count, took: start.elapsed(), note }, count.failed == 0)
    }
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

    /// Prints the table and the closing line `N passed, N failed`; whether nothing failed.
    pub fn close(&self) -> bool {
        println!("\n== summary");
        let width = self.stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        let mut total = Count::default();
        for Stage { name, count, took, note } in &self.stages {
            let Count { passed, failed } = count;
            let line = format!(
                "  {name:width$}  {passed:5} passed {failed:4} failed  {:7.1} s  {note}",
                took.as_secs_f64()
            );
            println!("{}", line.trim_end());
            total.passed += passed;
            total.failed += failed;
        }
        println!("\n{} passed, {} failed", total.passed, total.failed);
        total.failed == 0
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
        return Some(Count { passed: before(line, "passed"), failed });
    }
    let results: Vec<&str> = said.lines().filter(|line| line.contains("test result:")).collect();
    if results.is_empty() {
        return None;
    }
    let sum = |word| results.iter().map(|line| before(line, word)).sum();
    Some(Count { passed: sum("passed"), failed: sum("failed") })
}

/// What Python's `unittest` counted: `Ran 55 tests in 2.6s`, then `OK` or `FAILED (failures=1, errors=2)`.
pub fn unittests(said: &str, succeeded: bool) -> Option<Count> {
    let line = said.lines().rev().find_map(|line| line.strip_prefix("Ran "))?;
    let all: usize = line.split(' ').next()?.parse().ok()?;
    let bad = said.lines().rev().find_map(|line| line.strip_prefix("FAILED (")).unwrap_or("");
    let counts = bad.trim_end_matches(')').split(", ").filter(|part| !part.starts_with("skipped"));
    let failed: usize = counts.filter_map(|part| part.split_once('=')?.1.parse::<usize>().ok()).sum();
    let failed = if succeeded { failed } else { failed.max(1) };
    Some(Count { passed: all.saturating_sub(failed), failed })
}

/// What a client script counted: lines that begin with `ok ` or `not ok `, or a line `… N of M checks hold …`.
pub fn checks(said: &str, succeeded: bool) -> Count {
    let lines = |prefix: &str| said.lines().filter(|line| line.trim_start().starts_with(prefix)).count();
    let count = sum(said).unwrap_or(Count { passed: lines("ok "), failed: lines("not ok ") });
    // A script that died after its last check, or checked nothing, is a failure of its own.
    if (!succeeded && count.failed == 0) || (count.passed + count.failed == 0) {
        return Count { failed: count.failed + 1, ..count };
    }
    count
}

fn sum(said: &str) -> Option<Count> {
    let line = said.lines().rev().find(|line| line.contains(" checks hold"))?;
    let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [passed, all] = numbers[..] else { return None };
    Some(Count { passed, failed: all.saturating_sub(passed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_and_cargo_test_are_both_counted() {
        let nextest = "     Summary [   0.5s] 33 tests run: 31 passed (1 slow), 2 failed, 4 skipped\nerror: test run failed";
        assert_eq!(counted(nextest), Some(Count { passed: 31, failed: 2 }));
        let cargo = "test result: ok. 3 passed; 0 failed; 1 ignored;\ntest result: FAILED. 4 passed; 2 failed; 0 ignored;";
        assert_eq!(counted(cargo), Some(Count { passed: 7, failed: 2 }));
        assert_eq!(counted("error: could not compile"), None);
    }

    #[test]
    fn unittest_is_counted() {
        assert_eq!(unittests("Ran 55 tests in 2.6s\n\nOK", true), Some(Count { passed: 55, failed: 0 }));
        let failed = "Ran 5 tests in 1s\n\nFAILED (failures=1, errors=2, skipped=1)";
        assert_eq!(unittests(failed, false), Some(Count { passed: 2, failed: 3 }));
        assert_eq!(unittests("No module named unittest", false), None);
    }

    #[test]
    fn a_script_that_dies_or_checks_nothing_fails() {
        assert_eq!(checks("ok one\nok two\n", true), Count { passed: 2, failed: 0 });
        assert_eq!(checks("ok one\nnot ok two\n", false), Count { passed: 1, failed: 1 });
        assert_eq!(checks("ok one\nTraceback", false), Count { passed: 1, failed: 1 });
        assert_eq!(
            checks("not ok x\nbrowser: 7 of 8 checks hold, see y", false),
            Count { passed: 7, failed: 1 }
        );
        assert_eq!(checks("", true), Count { passed: 0, failed: 1 });
    }
}

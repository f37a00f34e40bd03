//! The store of points against a plain sorted list of them.

use std::cmp::Ordering;

use ledger::Ledger;
use tracking::{History, LogBatch, MetricPoint, Millis, Point, Run};

use crate::{me, new_run};

/// xorshift: the same tests on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.roll((high - low) as u64) as i64
    }
}

fn row(p: &Point) -> (f64, bool) {
    if p.value.is_nan() { (0.0, true) } else { (p.value.clamp(f64::MIN, f64::MAX), false) }
}

fn by_value(a: &Point, b: &Point) -> Ordering {
    row(a).partial_cmp(&row(b)).unwrap()
}

fn by_step(a: &Point, b: &Point) -> Ordering {
    (a.step, a.at).cmp(&(b.step, b.at)).then_with(|| by_value(a, b))
}

fn by_time(a: &Point, b: &Point) -> Ordering {
    (a.at, a.step).cmp(&(b.at, b.step)).then_with(|| by_value(a, b))
}

fn bits(points: &[Point]) -> Vec<(i64, i64, u64)> {
    points.iter().map(|p| (p.step, p.at.0, (p.value + 0.0).to_bits())).collect()
}

/// What upstream's window functions give: the first row of each `ntile`, and the last row.
fn ntile(sorted: &[Point], most: usize) -> Vec<Point> {
    let mut found = Vec::new();
    let mut place = 0;
    for part in 0..most.min(sorted.len()) {
        found.push(sorted[place]);
        place += sorted.len() / most + usize::from(part < sorted.len() % most);
    }
    if let Some(last) = sorted.last()
        && found.last().is_none_or(|p| by_step(p, last).is_ne())
    {
        if found.len() >= most {
            found.pop();
        }
        found.push(*last);
    }
    found
}

async fn log(ledger: &Ledger, run: &Run, points: &[Point]) -> u64 {
    let metrics = points.iter().map(|p| MetricPoint::new("m", p.value, p.step, p.at)).collect();
    let batch = LogBatch { metrics, ..Default::default() };
    tracking::log_batch(ledger, &me(), run.uid, batch).await.unwrap().points
}

async fn history(ledger: &Ledger, run: &Run, offset: i64, limit: Option<i64>) -> tracking::Page<Point> {
    tracking::history(ledger, &me(), run.uid, History { key: "m".into(), limit, offset }).await.unwrap()
}

async fn agrees(ledger: &Ledger, run: &Run, model: &[Point], dice: &mut Dice) {
    let mut by_times = model.to_vec();
    by_times.sort_by(by_time);
    assert_eq!(bits(&history(ledger, run, 0, None).await.items), bits(&by_times));
    let offset = dice.between(0, model.len() as i64 + 3);
    let limit = dice.between(1, 700);
    let page = history(ledger, run, offset, Some(limit)).await;
    let end = (offset + limit).min(model.len() as i64).max(offset.min(model.len() as i64));
    assert_eq!(bits(&page.items), bits(&by_times[(offset as usize).min(model.len())..end as usize]));
    assert_eq!(page.more, offset + limit < model.len() as i64);

    let mut pages = Vec::new();
    loop {
        let after = pages.last().copied();
        let page = tracking::history_after(ledger, &me(), run.uid, "m".into(), after, 333).await.unwrap();
        pages.extend(page.iter().copied());
        if page.len() < 333 {
            break;
        }
    }
    assert_eq!(bits(&pages), bits(&by_times));

    let mut by_steps = model.to_vec();
    by_steps.sort_by(by_step);
    for most in [1, 2, 7, 320, 2_500] {
        let a = dice.between(-20, 2_000);
        let b = dice.between(a, 3_000);
        for steps in [None, Some((a, b))] {
            let inside: Vec<_> = by_steps
                .iter()
                .filter(|p| steps.is_none_or(|(a, b)| (a..=b).contains(&p.step)))
                .copied()
                .collect();
            let found =
                tracking::sample(ledger, &me(), vec![run.uid], "m".into(), steps, most).await.unwrap();
            // Beyond a chunk a part, a point near the exact one stands for it.
            if inside.len() < 512 * most as usize {
                assert_eq!(bits(&found[0].1), bits(&ntile(&inside, most as usize)), "{most} of {steps:?}");
            } else {
                assert_eq!(found[0].1.len(), ntile(&inside, most as usize).len());
                assert_eq!(bits(&found[0].1[found[0].1.len() - 1..]), bits(&inside[inside.len() - 1..]));
            }
        }
    }
    let drawn =
        tracking::series(ledger, &me(), run.uid, vec![], 20).await.unwrap().remove("m").unwrap_or_default();
    if let (Some(first), Some(last)) = (by_steps.first(), by_steps.last()) {
        assert_eq!(bits(&[drawn[0], drawn[drawn.len() - 1]]), bits(&[*first, *last]));
        let extreme = |points: &[Point]| {
            points.iter().filter(|p| !p.value.is_nan()).fold(None, |found: Option<(f64, f64)>, p| {
                let value = row(p).0;
                Some(found.map_or((value, value), |(a, b)| (a.min(value), b.max(value))))
            })
        };
        assert_eq!(extreme(&drawn), extreme(model));
        let summary = tracking::run(ledger, &me(), run.uid).await.unwrap().metrics["m"];
        assert_eq!((summary.points, summary.min.zip(summary.max)), (model.len() as i64, extreme(model)));
        assert_eq!(
            bits(&[Point { step: summary.step, at: summary.at, value: summary.value }]),
            bits(&[*last])
        );
    }
}

/// Points mostly in order, some late, some there already, some odd.
fn points(dice: &mut Dice, clock: &mut i64, model: &[Point]) -> Vec<Point> {
    let count = if dice.roll(6) == 0 { dice.between(100, 1_300) } else { dice.between(1, 30) };
    let style = dice.roll(5);
    (0..count)
        .map(|_| {
            if !model.is_empty() && dice.roll(12) == 0 {
                return model[dice.roll(model.len() as u64) as usize];
            }
            *clock += 1;
            let value = match dice.roll(10) {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => -0.0,
                3 => dice.between(-3, 3) as f64,
                _ => f64::from_bits(0x3ff0_0000_0000_0000 | dice.roll(1 << 50)),
            };
            let (step, at) = match style {
                // Without steps, as `log_metric(key, value)` does.
                0 => (0, *clock / 3),
                1 => (*clock - dice.between(0, 900), *clock),
                2 => (*clock, 7),
                _ => (*clock, *clock + dice.between(0, 3)),
            };
            Point { step, at: Millis(at), value }
        })
        .collect()
}

ledger::db_test! {
    components: [tracking::COMPONENT];

    async fn tail_and_chunks_answer_as_a_plain_list_would(ledger: ledger::Ledger) {
        for seed in 1..4_u64 {
            let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let run = new_run(&ledger, 1).await;
            let (mut model, mut clock): (Vec<Point>, i64) = (Vec::new(), 0);
            for round in 0..40 {
                let batch = points(&mut dice, &mut clock, &model);
                let mut new = 0;
                for point in &batch {
                    let stored = Point { value: if point.value.is_nan() { f64::NAN } else { row(point).0 }, ..*point };
                    if !model.iter().any(|p| by_step(p, &stored).is_eq()) {
                        model.push(stored);
                        new += 1;
                    }
                }
                assert_eq!(log(&ledger, &run, &batch).await, new, "seed {seed}, round {round}");
                if dice.roll(9) == 0 {
                    tracking::seal_run(&ledger, &me(), run.uid).await.unwrap();
                }
                if round % 8 == 7 {
                    agrees(&ledger, &run, &model, &mut dice).await;
                }
            }
            tracking::seal_run(&ledger, &me(), run.uid).await.unwrap();
            agrees(&ledger, &run, &model, &mut dice).await;
            assert_eq!(log(&ledger, &run, &model).await, 0, "everything again");
        }
    }

    async fn a_long_series_is_drawn_from_what_stands_beside_its_chunks(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let series: Vec<_> = (0..200_000_i64)
            .map(|i| Point { step: i, at: Millis(i), value: if i == 123_457 { 9.0 } else { (i % 1000) as f64 / 1e3 } })
            .collect();
        for part in series.chunks(5_000) {
            log(&ledger, &run, part).await;
        }
        let drawn = tracking::series(&ledger, &me(), run.uid, vec![], 320).await.unwrap().remove("m").unwrap();
        assert!(drawn.len() <= 320 && drawn.iter().any(|p| p.value == 9.0), "{}", drawn.len());
        let found = tracking::sample(&ledger, &me(), vec![run.uid], "m".into(), None, 320).await.unwrap();
        let (found, exact) = (&found[0].1, ntile(&series, 320));
        assert_eq!((found.len(), found[0].step, found[319].step), (320, 0, 199_999));
        assert!(found.iter().zip(&exact).all(|(a, b)| (0..64).contains(&(b.step - a.step))));
        // A window of it is exact again.
        let found = tracking::sample(&ledger, &me(), vec![run.uid], "m".into(), Some((77_000, 90_000)), 320).await.unwrap();
        assert_eq!(bits(&found[0].1), bits(&ntile(&series[77_000..=90_000], 320)));
    }

    async fn steps_and_times_keep_every_bit(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        let model: Vec<_> =
            ends.iter().flat_map(|s| ends.iter().map(|t| Point { step: *s, at: Millis(*t), value: 0.1 })).collect();
        assert_eq!(log(&ledger, &run, &model).await, 49);
        assert_eq!(log(&ledger, &run, &model).await, 0);
        agrees(&ledger, &run, &model, &mut Dice(7)).await;
    }

    async fn one_point_from_many_writers_is_stored_once(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let point = [Point { step: 5, at: Millis(5), value: 0.5 }];
        let counts = futures::future::join_all((0..24).map(|_| log(&ledger, &run, &point))).await;
        assert_eq!(counts.iter().sum::<u64>(), 1);
        assert_eq!(history(&ledger, &run, 0, None).await.items.len(), 1);
    }

    async fn ten_thousand_metrics_of_one_run(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        for step in 0..2 {
            for part in 0..10 {
                let metrics = (0..1_000).map(|i| MetricPoint::new(format!("k{}", part * 1_000 + i), 1.0, step, Millis(step)));
                let batch = LogBatch { metrics: metrics.collect(), ..Default::default() };
                tracking::log_batch(&ledger, &me(), run.uid, batch).await.unwrap();
            }
        }
        let found = tracking::run(&ledger, &me(), run.uid).await.unwrap().metrics;
        assert_eq!((found.len(), found.values().map(|m| m.points).sum::<i64>()), (10_000, 20_000));
    }
}

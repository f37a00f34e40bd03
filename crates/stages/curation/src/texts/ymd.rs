//! Year, month and day of a date in free text (`dateutil/parser/_parser.py::_ymd`).

use super::dates::days_in_month;

/// Year, month and day, as far as they were told apart.
#[derive(Default)]
pub(super) struct Ymd {
    pub values: Vec<i64>,
    pub century: bool,
    day: Option<usize>,
    month: Option<usize>,
    year: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Label {
    Month,
    Year,
}

impl Ymd {
    pub fn text(&mut self, text: &str, label: Option<Label>) -> Option<()> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let long = digits && text.len() > 2;
        self.push(text.trim().parse().ok()?, long, label)
    }

    pub fn number(&mut self, value: i64, label: Option<Label>) -> Option<()> {
        self.push(value, value > 100, label)
    }

    fn push(&mut self, value: i64, century: bool, mut label: Option<Label>) -> Option<()> {
        if century {
            self.century = true;
            if label == Some(Label::Month) {
                return None;
            }
            label = Some(Label::Year);
        }
        self.values.push(value);
        let last = self.values.len() - 1;
        let slot = match label {
            None => return Some(()),
            Some(Label::Month) => &mut self.month,
            Some(Label::Year) => &mut self.year,
        };
        if slot.is_some() {
            return None;
        }
        *slot = Some(last);
        Some(())
    }

    pub fn could_be_day(&self, value: f64) -> bool {
        let whole = |most: i64| (1.0..=most as f64).contains(&value);
        if self.day.is_some() {
            return false;
        }
        let Some(month) = self.month else { return whole(31) };
        let year = self.year.map_or(2000, |y| self.values[y]);
        whole(days_in_month(year, self.values[month]))
    }

    /// Year, month, day. `None` if there are too many numbers.
    pub fn resolve(&self) -> Option<[Option<i64>; 3]> {
        let v = &self.values;
        let mut places = [self.year, self.month, self.day];
        let known = places.iter().flatten().count();
        if v.len() == known && known > 0 || v.len() == 3 && known == 2 {
            if known < v.len() {
                let missing = (0..3).find(|i| !places.contains(&Some(*i)))?;
                let slot = places.iter_mut().find(|p| p.is_none())?;
                *slot = Some(missing);
            }
            return Some(places.map(|p| p.map(|i| v[i])));
        }
        Some(match (v.as_slice(), self.month) {
            ([], _) => [None; 3],
            ([one], None) => {
                if *one > 31 {
                    [Some(*one), None, None]
                } else {
                    [None, None, Some(*one)]
                }
            }
            ([a, b], Some(at)) => {
                let (month, other) = if at == 0 { (*a, *b) } else { (*b, *a) };
                if other > 31 { [Some(other), Some(month), None] } else { [None, Some(month), Some(other)] }
            }
            ([a, b], None) => {
                if *a > 31 {
                    [Some(*a), Some(*b), None]
                } else if *b > 31 {
                    [Some(*b), Some(*a), None]
                } else {
                    [None, Some(*a), Some(*b)]
                }
            }
            ([a, b, c], at) => {
                let (a, b, c) = (Some(*a), Some(*b), Some(*c));
                match at {
                    Some(0) if b > Some(31) => [b, a, c],
                    Some(0) => [c, a, b],
                    Some(1) if a > Some(31) => [a, b, c],
                    Some(1) => [c, b, a],
                    Some(_) if b > Some(31) => [b, c, a],
                    Some(_) => [a, c, b],
                    None if a > Some(31) || self.year == Some(0) => [a, b, c],
                    None if a > Some(12) => [c, b, a],
                    None => [c, a, b],
                }
            }
            _ => return None,
        })
    }
}

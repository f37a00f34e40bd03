use std::collections::HashMap;

/// The values that were used last, by key.
pub struct Recent<V> {
    values: HashMap<String, (u64, V)>,
    most: usize,
    turn: u64,
}

impl<V: Clone> Recent<V> {
    pub fn new(most: usize) -> Self {
        Self { values: HashMap::new(), most, turn: 0 }
    }

    pub fn get(&mut self, key: &str) -> Option<V> {
        self.turn += 1;
        let (used, value) = self.values.get_mut(key)?;
        *used = self.turn;
        Some(value.clone())
    }

    /// Forgets the half that was not used for longest when there are too many.
    pub fn put(&mut self, key: String, value: V) {
        if self.values.len() >= self.most {
            let mut turns: Vec<u64> = self.values.values().map(|(used, _)| *used).collect();
            turns.sort_unstable();
            let middle = turns[turns.len() / 2];
            self.values.retain(|_, (used, _)| *used > middle);
        }
        self.turn += 1;
        self.values.insert(key, (self.turn, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_long_is_forgotten() {
        let mut recent = Recent::new(4);
        for n in 0..4 {
            recent.put(n.to_string(), n);
        }
        assert_eq!(recent.get("0"), Some(0));
        recent.put("4".into(), 4);
        assert_eq!((recent.get("0"), recent.get("4")), (Some(0), Some(4)));
        assert_eq!((recent.get("1"), recent.get("2")), (None, None));
    }
}

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often something is done: a length of time such as `24h`, a minute at least, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Every(Option<project::Duration>);

const LEAST: u64 = 60;

impl Every {
    pub const fn hours(hours: u64) -> Self {
        Self(Some(project::Duration::from_seconds(hours * 3_600)))
    }

    /// `None`: never.
    pub fn time(self) -> Option<Duration> {
        self.0.map(|every| Duration::from_secs(every.seconds()))
    }
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let hint = "write it as 30m, 24h or 7d, or `off`";
        let every: project::Duration = text.parse().map_err(|wrong| format!("{wrong}: {hint}"))?;
        if every.seconds() < LEAST {
            return Err(format!("`{text}` is less than a minute: {hint}"));
        }
        Ok(Self(Some(every)))
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(every) => write!(f, "{every}"),
            None => f.write_str("off"),
        }
    }
}

impl From<Every> for String {
    fn from(every: Every) -> Self {
        every.to_string()
    }
}

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_length_of_time_or_off() {
        for (text, shown) in [("24h", "1d"), ("90m", "90m"), ("1m", "1m"), ("off", "off")] {
            assert_eq!(text.parse::<Every>().unwrap().to_string(), shown);
        }
        for text in ["", "0s", "59s", "Off", "24", "-1h"] {
            assert!(text.parse::<Every>().unwrap_err().contains("24h"), "{text}");
        }
    }
}

//! Endpoints, rollouts, predictions.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// A version of a registered model: `churn/3`, `churn@champion`, or as MLflow writes it, `models:/churn/3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    pub model: String,
    pub version: Option<i64>,
    pub alias: Option<String>,
}

pub fn model_ref(text: &str) -> Result<ModelRef, String> {
    let rest = text.strip_prefix("models:/").unwrap_or(text);
    if let Some((model, alias)) = rest.rsplit_once('@')
        && !model.is_empty()
        && !alias.is_empty()
    {
        return Ok(ModelRef { model: model.to_owned(), version: None, alias: Some(alias.to_owned()) });
    }
    match rest.rsplit_once('/').map(|(model, number)| (model, number.parse::<i64>())) {
        Some((model, Ok(number))) if !model.is_empty() => {
            Ok(ModelRef { model: model.to_owned(), version: Some(number), alias: None })
        }
        _ => Err("name a version as churn/3, churn@champion or models:/churn/3".to_owned()),
    }
}

/// `10%` or `0.1`.
pub fn share(text: &str) -> Result<f64, String> {
    let number = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
        None => text.trim().parse::<f64>(),
    };
    let share = number.map_err(|_| format!("`{text}` is no share such as 10% or 0.1"))?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err(format!("`{text}` is not above 0 and up to 100%"))
    }
}

/// `90s`, `5m`, `2h`, or seconds.
pub fn seconds(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let number: i64 = number.parse().map_err(|_| format!("`{text}` is no time such as 90s, 5m or 2h"))?;
    number.checked_mul(unit).filter(|n| *n >= 0).ok_or_else(|| format!("`{text}` is no time"))
}

#[derive(Debug, ClapArgs)]
pub struct Deploy {
    /// The endpoint's name; it is made if there is none
    pub endpoint: String,
    /// What answers: churn/3, churn@champion, models:/churn/3; several share the traffic, as churn/3=90 churn/4=10
    #[arg(required_unless_present = "graph", value_name = "MODEL[=WEIGHT]")]
    pub models: Vec<String>,
    /// Versions that answer as one: a file of JSON with its steps, such as [{"model": "scale", "version": 1}, {"combine": "mean", "members": […]}]
    #[arg(long, value_name = "FILE")]
    pub graph: Option<PathBuf>,
    /// Gets a copy of every request and answers nobody; may be given again
    #[arg(long, value_name = "MODEL", value_parser = model_ref)]
    pub shadow: Vec<ModelRef>,
}

#[derive(Debug, Subcommand)]
pub enum Endpoints {
    /// All endpoints with their traffic
    List {
        #[arg(long)]
        json: bool,
    },
    /// One endpoint: variants, traffic, rollout, limits
    Show {
        endpoint: String,
        #[arg(long)]
        json: bool,
    },
    /// Print its limits, cache and batching, or set them from a file of JSON (a dash reads standard input)
    Settings {
        endpoint: String,
        #[arg(long, value_name = "FILE")]
        set: Option<PathBuf>,
    },
    /// Print which inputs are looked up by a key that callers send, or say so
    Features {
        endpoint: String,
        /// The data set with their values, such as customers or customers/3; the newest version if none is named
        #[arg(long, value_name = "DATASET", requires = "key")]
        dataset: Option<String>,
        /// The column that callers send instead, which the data set has once for each row
        #[arg(long, requires = "dataset")]
        key: Option<String>,
        /// Which inputs [default: all that the data set has]
        #[arg(long, value_delimiter = ',', requires = "dataset")]
        columns: Vec<String>,
        /// What becomes of a row whose key is not there
        #[arg(long, value_parser = ["error", "null", "default"], default_value = "error")]
        missing: String,
        /// A value for such rows, with --missing default; may be given again
        #[arg(long = "default", value_name = "COLUMN=VALUE", requires = "dataset")]
        defaults: Vec<String>,
        /// Callers send everything again
        #[arg(long, conflicts_with = "dataset")]
        remove: bool,
    },
    /// Print its OpenAPI document
    Openapi { endpoint: String },
    /// Stop serving it; its revisions and predictions stay
    Delete { endpoint: String },
}

#[derive(Debug, Subcommand)]
pub enum Reviews {
    /// What waits, and how each endpoint's queue stands
    List {
        #[arg(long)]
        endpoint: Option<String>,
        #[arg(long, value_parser = ["pending", "complete", "declined"])]
        status: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[arg(long)]
        json: bool,
    },
    /// One prediction with its inputs and outputs; takes the one that waits longest if none is named
    Show {
        prediction: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Say what is true of it: a number, true, false or a text, which becomes its label
    Answer {
        prediction: String,
        label: String,
        #[arg(long)]
        comment: Option<String>,
    },
    /// Leave it without a verdict
    Skip {
        prediction: String,
        #[arg(long)]
        comment: Option<String>,
    },
    /// Labels of a dataset that look wrong, or which datasets have some
    Labels(Labels),
    /// Say whether the label of a row is right
    Label(LabelAnswer),
}

#[derive(Debug, ClapArgs)]
pub struct Labels {
    /// [default: every version whose labels were looked at]
    #[arg(value_name = "DATASET[@VERSION]")]
    pub dataset: Option<String>,
    /// Look for label errors first; the column of labels
    #[arg(long, value_name = "COLUMN", requires = "dataset")]
    pub find: Option<String>,
    #[arg(long, value_parser = ["pending", "complete", "declined"], requires = "dataset")]
    pub status: Option<String>,
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// Make a new version with the labels that were corrected
    #[arg(long, requires = "dataset")]
    pub commit: bool,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct LabelAnswer {
    #[arg(value_name = "DATASET[@VERSION]")]
    pub dataset: String,
    /// From 1, as the list has it
    pub row: i64,
    /// The right label
    #[arg(required_unless_present_any = ["keep", "skip", "reopen"], conflicts_with_all = ["keep", "skip", "reopen"])]
    pub label: Option<String>,
    /// The label is right as it is
    #[arg(long, conflicts_with_all = ["skip", "reopen"])]
    pub keep: bool,
    /// It cannot be told
    #[arg(long, conflicts_with = "reopen")]
    pub skip: bool,
    /// The verdict before was an error
    #[arg(long)]
    pub reopen: bool,
    #[arg(long)]
    pub comment: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Rollout {
    /// Give a new version a growing share of an endpoint's traffic, as long as it does as well
    Start {
        endpoint: String,
        #[arg(value_parser = model_ref, required_unless_present = "graph", conflicts_with = "graph")]
        model: Option<ModelRef>,
        /// Versions that answer as one: a file of JSON with its steps, as `deploy` takes it
        #[arg(long, value_name = "FILE")]
        graph: Option<PathBuf>,
        /// Shares of the traffic, one after the other; everything follows the last one
        #[arg(long, value_delimiter = ',', value_parser = share, default_value = "10%")]
        steps: Vec<f64>,
        /// How long each step lasts at least
        #[arg(long, value_parser = seconds, default_value = "5m", value_name = "TIME")]
        bake: i64,
        /// How long a step then waits for the requests it needs; 0 for ever
        #[arg(long, value_parser = seconds, default_value = "1h", value_name = "TIME")]
        patience: i64,
        /// What happens then
        #[arg(long, value_parser = ["pause", "roll_back"], default_value = "pause")]
        without_traffic: String,
        /// Follow it until it has ended; ends with 1 if the version was not promoted
        #[arg(long, short)]
        watch: bool,
    },
    /// The newest rollout of an endpoint with its timeline
    Show {
        endpoint: String,
        #[arg(long)]
        json: bool,
    },
    /// Follow it until it has ended; ends with 1 if the version was not promoted
    Watch { endpoint: String },
    /// Hold the shares as they are
    Pause { endpoint: String },
    /// Go on
    Resume { endpoint: String },
    /// Give everything to the new version now
    Promote { endpoint: String },
    /// Give everything back to what served before
    Abort {
        endpoint: String,
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, ClapArgs)]
pub struct Predict {
    /// The endpoint, or the file of a package (`….tar`), which is asked without any server
    pub endpoint: String,
    /// Rows as .csv, .parquet or .json (a list of objects, or a body of MLflow's); a dash reads JSON from standard input
    #[arg(value_name = "FILE", required_unless_present = "dataset")]
    pub input: Option<PathBuf>,
    /// Every row of a data set instead, such as visits or visits/3; the predictions become a data set
    #[arg(long, value_name = "DATASET", conflicts_with = "input")]
    pub dataset: Option<String>,
    /// The data set that rows and predictions become a version of [default: <dataset>-predictions]
    #[arg(long, value_name = "DATASET", requires = "dataset")]
    pub into: Option<String>,
    /// Ask one variant, by its name or label
    #[arg(long)]
    pub variant: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_shares_and_times_are_read_as_people_write_them() {
        let found = model_ref("models:/churn/3").unwrap();
        assert_eq!((found.model.as_str(), found.version), ("churn", Some(3)));
        assert_eq!(model_ref("team/churn@champion").unwrap().alias.as_deref(), Some("champion"));
        assert!(model_ref("churn").is_err() && model_ref("churn/x").is_err() && model_ref("@a").is_err());
        assert_eq!((share("10%"), share("0.25")), (Ok(0.1), Ok(0.25)));
        assert!(share("0").is_err() && share("101%").is_err() && share("x").is_err());
        assert_eq!(
            (seconds("90s"), seconds("5m"), seconds("2h"), seconds("7")),
            (Ok(90), Ok(300), Ok(7200), Ok(7))
        );
        assert!(seconds("").is_err() && seconds("m").is_err() && seconds("-1s").is_err());
    }
}

//! Validation of data.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

const HELP: &str = "\
DATA is a CSV, JSON Lines or Parquet file, REPOSITORY@REF:PATH of a server, or dataset:NAME[@VERSION].

A suite is one of Great Expectations (0.18 or 1), a schema.yml of dbt, a schema of Pandera, a JSON Schema of one row, or
constraints.json of SageMaker Model Monitor; which of them is told from its content.

  mlwright validate train.parquet --suite suite.json
  mlwright validate train.parquet --infer > suite.json      a draft to review
  mlwright validate new.csv --suite schema.yml --table customers --quarantine bad.parquet

Ends with 0 if every expectation holds, 1 if one fails, 2 after an error.";

#[derive(Debug, ClapArgs)]
#[command(after_help = HELP)]
pub struct Validate {
    #[arg(value_name = "DATA")]
    pub data: String,
    /// The expectations
    #[arg(long, value_name = "FILE", required_unless_present = "infer")]
    pub suite: Option<PathBuf>,
    /// What the suite is written in, where its content does not tell
    #[arg(long, value_enum)]
    pub suite_format: Option<SuiteFormat>,
    /// Which model's tests are meant, where the suite has several (dbt)
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Print a suite that describes the data as it is, instead of validating it
    #[arg(long, conflicts_with = "suite")]
    pub infer: bool,
    /// Print JSON, and nothing else: one object with every expectation
    #[arg(long)]
    pub json: bool,
    /// Print the result as another program would, and nothing else
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<ValidateFormat>,
    /// How much Great Expectations' result says
    #[arg(long, default_value = "SUMMARY", value_name = "BOOLEAN_ONLY|BASIC|SUMMARY|COMPLETE")]
    pub result_format: String,
    /// A column that names rows in the result; may be given again
    #[arg(long = "index-column", value_name = "COLUMN")]
    pub index_columns: Vec<String>,
    /// Write the rows that fail, with reasons and places, to this Parquet file
    #[arg(long, value_name = "FILE")]
    pub quarantine: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ValidateFormat {
    /// Great Expectations' result JSON
    Gx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SuiteFormat {
    Gx,
    Dbt,
    Pandera,
    JsonSchema,
    Sagemaker,
}

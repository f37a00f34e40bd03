//! Versioned data: repositories, branches, commits, objects, and tables in place.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Data {
    /// List data sets and their latest versions
    List,
    /// Import files as an immutable version of a data set, or objects in place into a repository
    ///
    /// `data import NAME FILE…` makes a version of a data set; the same content gives the same version.
    /// `data import REPO@BRANCH:PATH URI…` (s3://bucket/prefix/ or local:///folder/) commits the addresses of objects,
    /// which stay where they are.
    Import {
        /// The data set, or REPO@BRANCH:PATH
        #[arg(value_name = "NAME|REPO@BRANCH:PATH")]
        dataset: String,
        /// CSV, JSON lines or Parquet files; or where objects are
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The column whose values are the row ids
        #[arg(long)]
        key: Option<String>,
        /// The commit's message, of an import in place
        #[arg(long, short)]
        message: Option<String>,
    },
    /// Make, list and delete repositories
    #[command(subcommand)]
    Repo(Repo),
    /// Make, list and delete branches
    #[command(subcommand)]
    Branch(Ref),
    /// Make, list and delete tags
    #[command(subcommand)]
    Tag(Ref),
    /// Commit what is staged on a branch
    Commit {
        #[arg(value_name = "REPO@BRANCH")]
        place: String,
        #[arg(long, short)]
        message: String,
        /// May be given again
        #[arg(long = "meta", value_name = "KEY=VALUE")]
        metadata: Vec<String>,
        /// Also where nothing changed
        #[arg(long)]
        allow_empty: bool,
    },
    /// Commits, newest first
    Log {
        #[arg(value_name = "REPO@REF[:PATH]")]
        place: String,
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// Objects that differ between two refs: REPO@LEFT..RIGHT, or REPO@LEFT...RIGHT from their merge base
    Diff {
        #[arg(value_name = "REPO@LEFT..RIGHT")]
        refs: String,
        /// Only below this prefix
        #[arg(long, default_value = "")]
        prefix: String,
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// What is staged on a branch
    Status {
        #[arg(value_name = "REPO@BRANCH[:PREFIX]")]
        place: String,
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// Merge a ref into a branch
    Merge {
        #[arg(value_name = "REPO@SOURCE")]
        source: String,
        /// The branch that it goes into
        into: String,
        #[arg(long, short, default_value = "")]
        message: String,
        /// Who wins where both changed: source-wins or dest-wins
        #[arg(long)]
        strategy: Option<String>,
        /// One commit without the source as a parent
        #[arg(long)]
        squash: bool,
    },
    /// Drop what is staged (all, a prefix or an object), or move the head to another commit with --to
    Reset {
        #[arg(value_name = "REPO@BRANCH[:PATH]")]
        place: String,
        #[arg(long, value_name = "REF")]
        to: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Undo a commit with another one
    Revert {
        #[arg(value_name = "REPO@BRANCH")]
        place: String,
        commit: String,
        /// Against which parent of a merge, from 1
        #[arg(long)]
        parent: Option<usize>,
    },
    /// Do on a branch what a commit did elsewhere
    CherryPick {
        #[arg(value_name = "REPO@BRANCH")]
        place: String,
        commit: String,
        #[arg(long)]
        parent: Option<usize>,
    },
    /// List objects
    Ls {
        #[arg(value_name = "REPO@REF[:PREFIX]")]
        place: String,
        /// Also below folders
        #[arg(long, short)]
        recursive: bool,
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// What is known of an object
    Stat {
        #[arg(value_name = "REPO@REF:PATH")]
        place: String,
        #[arg(long)]
        json: bool,
    },
    /// Print an object's bytes
    Cat {
        #[arg(value_name = "REPO@REF:PATH")]
        place: String,
    },
    /// Upload a file or a folder; what the server has already is not sent again
    Upload {
        from: PathBuf,
        #[arg(value_name = "REPO@BRANCH[:PATH]")]
        to: String,
        #[command(flatten)]
        transfer: Transfer,
        /// Commit afterwards, with this message
        #[arg(long, short)]
        message: Option<String>,
    },
    /// Download an object, or all below a prefix; what is here already is not fetched again
    Download {
        #[arg(value_name = "REPO@REF[:PATH]")]
        from: String,
        #[arg(default_value = ".")]
        to: PathBuf,
        #[command(flatten)]
        transfer: Transfer,
    },
    /// Delete an object, or all below a prefix with -r
    Rm {
        #[arg(value_name = "REPO@BRANCH:PATH")]
        place: String,
        #[arg(long, short)]
        recursive: bool,
    },
    /// Answer SQL over tables at any ref: 'select … from repo@ref:path'
    Query {
        sql: String,
        /// Rows at most
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        #[command(flatten)]
        form: Form,
    },
    /// Rows of a table
    Preview {
        #[arg(value_name = "REPO@REF:PATH")]
        table: String,
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Rows to pass over
        #[arg(long, default_value_t = 0)]
        offset: u64,
        /// Names with commas between them
        #[arg(long, default_value = "")]
        columns: String,
        #[command(flatten)]
        form: Form,
    },
    /// The columns of a table and what their values are like
    Profile {
        #[arg(value_name = "REPO@REF:PATH")]
        table: String,
        #[arg(long)]
        json: bool,
    },
    /// Rows that differ between two versions of a table
    DiffRows {
        #[arg(value_name = "REPO@REF:PATH")]
        left: String,
        /// The other table; REF alone for the same path at another ref
        #[arg(value_name = "REPO@REF:PATH|REF")]
        right: String,
        /// The columns that tell which rows are the same
        #[arg(long, short, value_delimiter = ',', required = true)]
        key: Vec<String>,
        /// Only added, removed or changed rows
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// Show which branches are protected, protect one (a glob), or lift that
    Protect {
        repo: String,
        #[arg(value_name = "BRANCHES")]
        pattern: Option<String>,
        /// Refuse commits as well as uploads: merges only
        #[arg(long)]
        commits: bool,
        /// Lift the protection
        #[arg(long)]
        remove: bool,
    },
    /// What used this data: runs, steps, models, endpoints
    ///
    /// Of a commit as a whole, or of a folder or object in it. Without a ref, the default branch is meant.
    Touched {
        #[arg(value_name = "REPO[@REF][:PATH]")]
        place: String,
        #[arg(long)]
        json: bool,
    },
    /// Remove what no branch, tag or upload of any repository needs any more
    ///
    /// The server does so by itself, once a day unless `repositories.gc_every` says otherwise.
    /// What is found now is removed by a later pass, when nothing has needed it for the hours of grace.
    Gc {
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        grace: u64,
    },
    /// What the gates of commits and merges said
    Gates {
        repo: String,
        /// One run, with what each check said
        run: Option<String>,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Repo {
    Create {
        name: String,
        /// Where objects are said to be, for lakeFS clients [default: local://NAME]
        #[arg(long, value_name = "URI")]
        storage: Option<String>,
        #[arg(long, default_value = "main")]
        default_branch: String,
        #[arg(long)]
        read_only: bool,
    },
    List {
        #[arg(long)]
        json: bool,
    },
    /// Delete a repository with its branches, commits and objects
    Delete {
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        /// Also a read-only one
        #[arg(long)]
        force: bool,
    },
}

/// Branches or tags.
#[derive(Debug, Subcommand)]
pub enum Ref {
    Create {
        #[arg(value_name = "REPO@NAME")]
        place: String,
        /// Where it starts
        #[arg(value_name = "REF", default_value = "main")]
        from: String,
    },
    List {
        repo: String,
        #[arg(long)]
        json: bool,
    },
    Delete {
        #[arg(value_name = "REPO@NAME")]
        place: String,
    },
}

/// How files travel.
#[derive(Debug, ClapArgs)]
pub struct Transfer {
    /// Requests at the same time
    #[arg(long, short, default_value_t = 8)]
    pub parallel: usize,
    /// Send or fetch everything, also what is the same
    #[arg(long)]
    pub all: bool,
}

/// How rows are printed.
#[derive(Debug, ClapArgs)]
pub struct Form {
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    #[arg(long)]
    pub csv: bool,
}

//! Who may do what to which thing, beside the roles: levels that are granted on resources.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much somebody may do with a resource. Each level includes the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing, not even knowing that it is there.
    #[default]
    None,
    /// Look at it.
    Read,
    /// Call it or build on it, without changing it.
    Use,
    /// Change it.
    Edit,
    /// Delete it, and decide about others' access to it.
    Manage,
}

impl Level {
    pub const ALL: [Self; 5] = [Self::None, Self::Read, Self::Use, Self::Edit, Self::Manage];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Use => "use",
            Self::Edit => "edit",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or_else(|| format!("`{text}` is not a level; choose none, read, use, edit or manage"))
    }
}

macro_rules! kinds {
    ($($name:ident = $text:literal $ids:literal,)*) => {
        /// What a grant can be about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ResourceKind { $($name,)* }

        impl ResourceKind {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether grants may name one of them; the others are granted all together, and otherwise follow
            /// the resource that they belong to.
            pub fn has_ids(self) -> bool {
                match self { $(Self::$name => $ids,)* }
            }
        }
    };
}

kinds! {
    Workspace = "workspace" false,
    Repository = "repository" true,
    Experiment = "experiment" true,
    Run = "run" false,
    LoggedModel = "logged_model" false,
    Trace = "trace" false,
    Assessment = "assessment" false,
    ReviewQueue = "review_queue" false,
    Model = "model" true,
    ModelVersion = "model_version" false,
    Prompt = "prompt" true,
    PromptVersion = "prompt_version" false,
    Scorer = "scorer" true,
    ScorerVersion = "scorer_version" false,
    GatewaySecret = "gateway_secret" true,
    GatewayEndpoint = "gateway_endpoint" true,
    GatewayModel = "gateway_model" true,
    McpServer = "mcp_server" true,
    McpServerVersion = "mcp_server_version" false,
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ResourceKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("`{text}` is no kind of resource that can be granted"))
    }
}

/// Every resource of a kind.
pub const ANY: &str = "*";

/// One rule about one resource, or all of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    pub kind: ResourceKind,
    /// An id, or [`ANY`].
    pub pattern: String,
    /// `None` denies: it wins over every grant on the same resource, however it was come by.
    pub level: Option<Level>,
}

/// Which resources of a kind somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    All,
    Only(Vec<String>),
    Except(Vec<String>),
}

impl Visible {
    pub fn includes(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.iter().any(|i| i == id),
            Self::Except(ids) => !ids.iter().any(|i| i == id),
        }
    }

    /// What either shows.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Only(mut a), Self::Only(b)) => {
                a.extend(b);
                Self::Only(a)
            }
            (Self::Except(a), Self::Except(b)) => {
                Self::Except(a.into_iter().filter(|i| b.contains(i)).collect())
            }
            (Self::Only(only), Self::Except(ids)) | (Self::Except(ids), Self::Only(only)) => {
                Self::Except(ids.into_iter().filter(|i| !only.contains(i)).collect())
            }
        }
    }
}

/// What an account was granted in one workspace, and what counts where nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    pub rules: Vec<Grant>,
    /// Where no rule speaks.
    pub otherwise: Level,
    /// Whether it may make new things.
    pub creates: bool,
}

impl Grants {
    /// What is decided about one resource: `None` if no rule speaks, `Some(None)` if one denies.
    fn about(&self, kind: ResourceKind, id: &str) -> Option<Option<Level>> {
        let mut best = None;
        for rule in &self.rules {
            let fits = rule.kind == kind && (rule.pattern == ANY || (kind.has_ids() && rule.pattern == id));
            match (fits, rule.level) {
                (false, _) => {}
                (true, None) => return Some(None),
                (true, level) => best = best.max(Some(level)),
            }
        }
        best
    }

    /// Manages the workspace: no other rule restrains it.
    pub fn manages_workspace(&self) -> bool {
        self.about(ResourceKind::Workspace, ANY).flatten() == Some(Level::Manage)
    }

    /// Whether it has that level on every resource there is.
    pub fn everywhere(&self, least: Level) -> bool {
        let denies = || self.rules.iter().any(|rule| rule.level.is_none());
        self.manages_workspace() || (self.otherwise >= least && !denies())
    }

    /// Which resources of a kind may be read.
    pub fn visible(&self, kind: ResourceKind) -> Visible {
        if self.everywhere(Level::Read) {
            return Visible::All;
        }
        let readable = |id: &str| self.level([(kind, id)]).is_some_and(|level| level >= Level::Read);
        let rules = self.rules.iter().filter(|rule| rule.kind == kind && rule.pattern != ANY);
        let ids: BTreeSet<&str> = rules.map(|rule| rule.pattern.as_str()).collect();
        let some = |wanted: bool| {
            ids.iter().filter(|id| readable(id) == wanted).map(|id| (*id).to_owned()).collect()
        };
        if readable(ANY) { Visible::Except(some(false)) } else { Visible::Only(some(true)) }
    }

    /// The level on a resource, given the keys that speak about it, nearest first: the first that holds any rule
    /// decides, so a denial is never rescued by a more generous one further up. A granted level never falls
    /// below what counts without one. `None` is a denial.
    pub fn level<'a>(&self, keys: impl IntoIterator<Item = (ResourceKind, &'a str)>) -> Option<Level> {
        if self.manages_workspace() {
            return Some(Level::Manage);
        }
        match keys.into_iter().find_map(|(kind, id)| self.about(kind, id)) {
            Some(decided) => decided.map(|level| level.max(self.otherwise)),
            None => Some(self.otherwise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(rules: &[(ResourceKind, &str, Option<Level>)], otherwise: Level) -> Grants {
        let rules = rules.iter().map(|(kind, pattern, level)| Grant {
            kind: *kind,
            pattern: (*pattern).to_owned(),
            level: *level,
        });
        Grants { rules: rules.collect(), otherwise, creates: true }
    }

    #[test]
    fn the_nearest_rule_decides_and_a_denial_is_never_rescued() {
        use ResourceKind::{Experiment, Run};
        let run = |grants: &Grants| grants.level([(Run, "r"), (Experiment, "7")]);
        assert_eq!(run(&grants(&[], Level::Read)), Some(Level::Read));
        assert_eq!(run(&grants(&[(Experiment, "7", Some(Level::Edit))], Level::Read)), Some(Level::Edit));
        assert_eq!(run(&grants(&[(Experiment, "8", Some(Level::Edit))], Level::None)), Some(Level::None));
        let denied =
            [(Run, ANY, None), (Experiment, "7", Some(Level::Manage)), (Run, ANY, Some(Level::Edit))];
        assert_eq!(run(&grants(&denied, Level::Manage)), None);
        let both = [(Experiment, "7", Some(Level::Read)), (Experiment, ANY, Some(Level::Edit))];
        assert_eq!(run(&grants(&both, Level::None)), Some(Level::Edit));
        let low = [(Experiment, "7", Some(Level::Read))];
        assert_eq!(
            run(&grants(&low, Level::Edit)),
            Some(Level::Edit),
            "never below what counts without a rule"
        );
    }

    #[test]
    fn rules_on_kinds_without_ids_of_their_own_hold_for_all_or_none() {
        let one = grants(&[(ResourceKind::Run, "r", Some(Level::Manage))], Level::None);
        assert_eq!(one.level([(ResourceKind::Run, "r")]), Some(Level::None));
    }

    #[test]
    fn what_may_be_seen_follows_the_rules_on_single_ids_and_on_all() {
        use ResourceKind::Experiment;
        let seen = |rules: &[(ResourceKind, &str, Option<Level>)], otherwise| {
            grants(rules, otherwise).visible(Experiment)
        };
        let one = [(Experiment, "7", Some(Level::Read))];
        assert_eq!(seen(&one, Level::None), Visible::Only(vec!["7".into()]));
        assert_eq!(seen(&one, Level::Read), Visible::All);
        assert_eq!(seen(&[(Experiment, "7", None)], Level::Read), Visible::Except(vec!["7".into()]));
        let all_but = [(Experiment, ANY, Some(Level::Read)), (Experiment, "7", None)];
        assert_eq!(seen(&all_but, Level::None), Visible::Except(vec!["7".into()]));
        assert_eq!(seen(&[(Experiment, ANY, None)], Level::Manage), Visible::Only(vec![]));
    }

    #[test]
    fn whoever_manages_the_workspace_is_not_restrained() {
        let rules =
            [(ResourceKind::Workspace, ANY, Some(Level::Manage)), (ResourceKind::Experiment, "7", None)];
        assert_eq!(grants(&rules, Level::None).level([(ResourceKind::Experiment, "7")]), Some(Level::Manage));
    }
}

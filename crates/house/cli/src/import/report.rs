use importer::LeftOut;

/// What an import did.
#[derive(Debug, Default)]
pub struct Report {
    pub total_experiments: usize,
    pub experiments: usize,
    /// Name, number there, number here.
    pub renumbered: Vec<(String, i64, i64)>,
    pub runs: u64,
    /// Taken over in this very state before.
    pub known_runs: u64,
    pub points: u64,
    pub files: u64,
    pub bytes: u64,
    /// Runs and models whose files stay in an object store that clients reach by themselves.
    pub elsewhere: u64,
    pub logged_models: u64,
    pub models: u64,
    pub versions: u64,
    pub left_out: Vec<LeftOut>,
    missing: Vec<String>,
}

/// Lines of one kind that are shown.
const SHOWN: usize = 20;

impl Report {
    pub fn missing(&mut self, owner: &str, why: &str) {
        self.missing.push(format!("{owner}: {why}"));
    }

    /// Whether all that is imported at all is here.
    pub fn complete(&self) -> bool {
        self.missing.is_empty()
    }

    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("experiments    {} of {}", self.experiments, self.total_experiments),
            format!("runs           {} imported, {} were here already", self.runs, self.known_runs),
            format!("metric points  {} new", self.points),
            format!("files          {} ({} bytes)", self.files, self.bytes),
            format!("logged models  {}", self.logged_models),
            format!("models         {} with {} versions", self.models, self.versions),
        ];
        for (name, there, here) in self.renumbered.iter().take(SHOWN) {
            lines.push(format!("experiment `{name}` was number {there} and is {here} here"));
        }
        if self.elsewhere > 0 {
            let count = self.elsewhere;
            lines.push(format!("{count} runs and models keep their files in their own object store"));
        }
        for LeftOut { what, count, why } in &self.left_out {
            lines.push(format!("left out       {count} {what}: {why}"));
        }
        lines.extend(self.missing.iter().take(SHOWN).map(|line| format!("missing        {line}")));
        if self.missing.len() > SHOWN {
            lines.push(format!("missing        and {} more", self.missing.len() - SHOWN));
        }
        lines.join("\n")
    }
}

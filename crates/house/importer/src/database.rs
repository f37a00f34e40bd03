use std::path::{Path, PathBuf};

use crate::model::{Experiment, Files, LeftOut, LoggedModel, Place, Point, RegisteredModel, Run};
use crate::sql::Sql;
use crate::store::{self, Columns};
use crate::{Error, Origin, Owner, Source, artifacts};

/// MLflow's own database.
pub struct Database {
    sql: Sql,
    columns: Columns,
    /// What stands behind `mlflow-artifacts:/`.
    proxied: Option<PathBuf>,
}

/// What `mlflow server` calls its folder of artifacts unless told otherwise.
const USUAL: &str = "mlartifacts";

impl Database {
    pub fn open(origin: &Origin) -> Result<Self, Error> {
        let (mut sql, beside) = match origin.url.strip_prefix("sqlite:///") {
            Some(path) => {
                let path = Path::new(path.split('?').next().unwrap_or(path));
                (Sql::sqlite(path)?, path.parent().map(Path::to_owned))
            }
            // SQLAlchemy writes the driver into the scheme.
            None => match origin.url.split_once("://") {
                Some((_, rest)) => (Sql::postgres(&format!("postgresql://{rest}"))?, None),
                None => return Err(Error::BadOrigin { url: origin.url.clone() }),
            },
        };
        let columns = store::columns(&mut sql)?;
        for table in ["experiments", "runs", "metrics", "params", "tags"] {
            if !columns.contains_key(table) {
                return Err(Error::NotMlflow { url: origin.url.clone(), table });
            }
        }
        let usual = || [beside.map(|folder| folder.join(USUAL)), Some(PathBuf::from(USUAL))];
        let proxied =
            origin.artifacts.clone().or_else(|| usual().into_iter().flatten().find(|path| path.is_dir()));
        Ok(Self { sql, columns, proxied })
    }

    fn folder(&self, owner: &Owner<'_>) -> Option<PathBuf> {
        artifacts::folder(owner.uri, Some(self.proxied.as_deref().unwrap_or(Path::new(USUAL))))
    }
}

impl Source for Database {
    fn experiments(&mut self) -> Result<Vec<Experiment>, Error> {
        store::experiments(&mut self.sql, &self.columns)
    }

    fn logged_models(&mut self, experiment: i64) -> Result<Vec<LoggedModel>, Error> {
        store::logged_models(&mut self.sql, &self.columns, experiment)
    }

    fn runs(&mut self, experiment: i64) -> Result<Vec<String>, Error> {
        store::run_ids(&mut self.sql, experiment)
    }

    fn run(&mut self, id: &str) -> Result<Run, Error> {
        store::run(&mut self.sql, &self.columns, id)?.ok_or_else(|| Error::RunGone(id.to_owned()))
    }

    fn points(
        &mut self,
        run: &Run,
        each: &mut dyn FnMut(Vec<Point>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        store::points(&mut self.sql, &self.columns, &run.id, each)
    }

    fn models(&mut self) -> Result<Vec<RegisteredModel>, Error> {
        store::models(&mut self.sql, &self.columns)
    }

    fn place(&mut self, owner: &Owner<'_>) -> Result<Place, Error> {
        Ok(match self.folder(owner) {
            None => Place::Elsewhere,
            Some(folder) if folder.is_dir() => Place::Readable,
            // A run that logged no file has no folder; then its parents must be there.
            Some(folder) => match folder.ancestors().take(4).skip(1).any(Path::is_dir) {
                true => Place::Readable,
                false => Place::Missing(folder),
            },
        })
    }

    fn files(&mut self, owner: &Owner<'_>) -> Result<Files, Error> {
        match self.folder(owner) {
            Some(folder) if folder.is_dir() => artifacts::below(&folder),
            _ => Ok(Files::new()),
        }
    }

    fn fetch(&mut self, owner: &Owner<'_>, path: &str, _: &Path) -> Result<PathBuf, Error> {
        Ok(self.folder(owner).unwrap_or_default().join(path))
    }

    fn left_out(&mut self) -> Result<Vec<LeftOut>, Error> {
        store::left_out(&mut self.sql, &self.columns)
    }
}

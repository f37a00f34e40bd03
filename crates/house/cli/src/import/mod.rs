//! Brings what another tracking server recorded into this one. Every step may be repeated: a run that was taken over
//! whole is skipped the next time, one that was cut short or has more by now is completed.

mod report;
mod runs;

use std::path::PathBuf;

use importer::{Error, Experiment, LoggedModel, Origin, Owner, Place, Source, Version};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::api::{Api, segment};
use crate::args::ImportMlflow;
use crate::failure::Failure;
use crate::screen::say;
use report::Report;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(&error)
    }
}

/// What the receiving server said, on its way through the reader.
fn refused(failure: Failure) -> Error {
    Error::Receiver { message: failure.message, hint: failure.hint }
}

pub async fn mlflow(api: Api, command: ImportMlflow) -> Result<(), Failure> {
    let handle = Handle::current();
    // Reading is synchronous; it has a thread of its own and waits for the receiving server there.
    let work = tokio::task::spawn_blocking(move || import(&api, &command, &handle));
    let report = work.await.map_err(|e| Failure::new(format!("the import was cut short: {e}")))??;
    say(report.text());
    if report.complete() {
        return Ok(());
    }
    Err(Failure::new("not everything was imported; the report says what")
        .hint("mend the cause and run the same command again: what is here already is not sent twice"))
}

/// The receiving side, as the reader's thread sees it.
struct Receiver<'a> {
    api: &'a Api,
    handle: &'a Handle,
}

impl Receiver<'_> {
    fn post(&self, path: &str, body: Value) -> Result<Value, Error> {
        self.handle.block_on(self.api.post(path, body)).map_err(refused)
    }
}

/// Where an imported experiment is: its number there and here.
struct Moved {
    there: Experiment,
    here: i64,
}

fn import(api: &Api, command: &ImportMlflow, handle: &Handle) -> Result<Report, Failure> {
    let origin = Origin {
        url: command.from.clone(),
        artifacts: command.artifacts.clone(),
        authorization: command.source_authorization.clone(),
    };
    let mut source = importer::open(&origin, handle)?;
    let receiver = Receiver { api, handle };
    let mut report = Report::default();
    let scratch = Scratch::new()?;
    let mut roots = Roots::default();

    let wanted = |e: &Experiment| command.experiments.is_empty() || command.experiments.contains(&e.name);
    let experiments: Vec<Experiment> = source.experiments()?.into_iter().filter(wanted).collect();
    if let Some(absent) =
        command.experiments.iter().find(|name| !experiments.iter().any(|e| e.name == **name))
    {
        return Err(Failure::new(format!("the source has no experiment `{absent}`")));
    }
    report.total_experiments = experiments.len();
    for there in experiments {
        let here = experiment(&receiver, source.as_mut(), &there)?;
        report.experiments += 1;
        if here != there.number {
            report.renumbered.push((there.name.clone(), there.number, here));
        }
        let moved = Moved { there, here };
        logged_models(&receiver, source.as_mut(), &moved, &scratch, &mut roots, &mut report)?;
        runs::all(&receiver, source.as_mut(), &moved, &scratch, &mut roots, &mut report)?;
        if moved.there.deleted {
            receiver.post(&format!("import/experiments/{here}/delete"), json!({}))?;
        }
    }
    if command.experiments.is_empty() {
        models(&receiver, source.as_mut(), &roots, &mut report)?;
        report.left_out.extend(source.left_out()?);
    }
    Ok(report)
}

/// Its number here.
fn experiment(receiver: &Receiver<'_>, source: &mut dyn Source, e: &Experiment) -> Result<i64, Error> {
    let number = e.number.to_string();
    let owner = Owner { id: &number, is_run: true, uri: &e.artifact_location };
    let elsewhere = source.place(&owner)? == Place::Elsewhere;
    let answer = receiver.post(
        "import/experiments",
        json!({
            "number": e.number, "name": e.name, "created_at_ms": e.created_at, "updated_at_ms": e.updated_at,
            "tags": e.tags, "artifact_location": elsewhere.then_some(&e.artifact_location),
        }),
    )?;
    Ok(answer["number"].as_i64().unwrap_or(e.number))
}

fn logged_models(
    receiver: &Receiver<'_>,
    source: &mut dyn Source,
    experiment: &Moved,
    scratch: &Scratch,
    roots: &mut Roots,
    report: &mut Report,
) -> Result<(), Error> {
    for model in source.logged_models(experiment.there.number)? {
        let owner = Owner { id: &model.id, is_run: false, uri: &model.artifact_uri };
        let place = source.place(&owner)?;
        receiver.post("import/logged-models", logged_model(&model, experiment.here, &place))?;
        files(receiver, source, &owner, &place, scratch, roots, report)?;
        report.logged_models += 1;
    }
    Ok(())
}

fn logged_model(model: &LoggedModel, experiment: i64, place: &Place) -> Value {
    json!({
        "id": model.id, "experiment": experiment, "name": model.name, "model_type": model.model_type,
        "status": model.status, "source_run": model.source_run, "deleted": model.deleted,
        "created_at_ms": model.created_at, "updated_at_ms": model.updated_at, "params": model.params,
        "tags": model.tags,
        "artifact_location": (*place == Place::Elsewhere).then_some(&model.artifact_uri),
    })
}

/// Which run or logged model has the files below a URI of the source.
#[derive(Default)]
struct Roots(Vec<(String, Value)>);

impl Roots {
    fn add(&mut self, uri: &str, owner: Value) {
        self.0.push((uri.trim_end_matches('/').to_owned(), owner));
    }

    /// The owner, and the path below it.
    fn find(&self, uri: &str) -> Option<(&Value, String)> {
        self.0.iter().find_map(|(root, owner)| {
            let rest = uri.strip_prefix(root.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (owner, rest.trim_matches('/').to_owned()))
        })
    }
}

/// A folder for files on their way, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("mlwright-import-{}", std::process::id()));
        types::io::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is in the temporary directory.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Brings the files of a run or logged model. What cannot be read is reported and does not stop the import; whether
/// all of them are here.
fn files(
    receiver: &Receiver<'_>,
    source: &mut dyn Source,
    owner: &Owner<'_>,
    place: &Place,
    scratch: &Scratch,
    roots: &mut Roots,
    report: &mut Report,
) -> Result<bool, Error> {
    match place {
        Place::Elsewhere => {
            report.elsewhere += 1;
            return Ok(true);
        }
        Place::Missing(folder) => {
            report.missing(owner.id, &format!("`{}` does not exist", folder.display()));
            return Ok(false);
        }
        Place::Readable => {}
    }
    let of = if owner.is_run { json!({ "run": owner.id }) } else { json!({ "logged_model": owner.id }) };
    roots.add(owner.uri, of.clone());
    let paths = match source.files(owner) {
        Ok(paths) => paths,
        Err(error) => {
            report.missing(owner.id, &error.to_string());
            return Ok(false);
        }
    };
    let (mut sent, mut whole) = (Vec::new(), true);
    for path in paths {
        match file(receiver, source, owner, &path, scratch) {
            Ok((value, bytes)) => {
                sent.push(value);
                report.files += 1;
                report.bytes += bytes;
            }
            Err(Error::Receiver { message, hint }) => return Err(Error::Receiver { message, hint }),
            Err(error) => {
                report.missing(owner.id, &error.to_string());
                whole = false;
            }
        }
    }
    for piece in sent.chunks(500) {
        receiver.post("import/artifacts", json!({ "of": of, "files": piece }))?;
    }
    Ok(whole)
}

fn file(
    receiver: &Receiver<'_>,
    source: &mut dyn Source,
    owner: &Owner<'_>,
    path: &str,
    scratch: &Scratch,
) -> Result<(Value, u64), Error> {
    let local = source.fetch(owner, path, &scratch.0.join("file"))?;
    let digest = crate::data::digest(&local).map_err(refused)?;
    let length = local.metadata().map_err(|e| types::io::Error::new("look at", &local, e))?.len();
    receiver.handle.block_on(receiver.api.put_file(&digest, &local)).map_err(refused)?;
    Ok((json!({ "path": path, "digest": digest, "bytes": length }), length))
}

fn models(
    receiver: &Receiver<'_>,
    source: &mut dyn Source,
    roots: &Roots,
    report: &mut Report,
) -> Result<(), Error> {
    for model in source.models()? {
        let body = json!({ "name": model.name, "description": model.description, "tags": model.tags });
        receiver.post("import/models", body)?;
        let path = format!("import/models/{}/versions", segment(&model.name));
        for version in &model.versions {
            receiver.post(&path, versioned(version, roots))?;
            report.versions += 1;
        }
        for (alias, number) in &model.aliases {
            let path = format!("models/{}/aliases/{}", segment(&model.name), segment(alias));
            let body = json!({ "version": number });
            receiver.handle.block_on(receiver.api.put(&path, body)).map_err(refused)?;
        }
        report.models += 1;
    }
    Ok(())
}

fn versioned(v: &Version, roots: &Roots) -> Value {
    let location = v.location.as_deref().unwrap_or(&v.source);
    let files = match (roots.find(location), &v.logged_model) {
        (Some((owner, path)), _) => Some(json!([owner, path])),
        (None, Some(id)) => Some(json!([{ "logged_model": id }, ""])),
        (None, None) => runs::named(&v.source),
    };
    json!({
        "number": v.number, "source": v.source, "files": files, "run": v.run, "run_link": v.run_link,
        "logged_model": v.logged_model, "description": v.description, "stage": v.stage,
        "created_by": v.created_by, "created_at_ms": v.created_at, "updated_at_ms": v.updated_at, "tags": v.tags,
    })
}

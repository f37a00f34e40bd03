//! What a package does when it is asked as a client would ask it: whether it answers, how fast, in how much memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use outbound::{Body, Call, Client, Method, Policy};
use serde_json::{Value, json};
use serving::Select;

use crate::Error;
use crate::package::Outpost;

/// How often the example is asked, and for how long at most.
const ASKS: usize = 100;
const LONGEST: Duration = Duration::from_secs(3);

/// Asks the package over its own socket. The report is kept as a verdict: `passed`, else `reason`.
pub async fn check(bound: SocketAddr, outpost: &Outpost, loaded: Duration) -> Value {
    let manifest = &outpost.verified.manifest;
    let target = outpost.stages.serving.target(&outpost.actor, &outpost.endpoint, Select::Any);
    // What was packed as native may have given way to Python when it was opened.
    let engine = target.map_or_else(|_| manifest.engine.clone(), |target| target.model.engine.to_owned());
    let mut report = json!({
        "model": manifest.model, "version": manifest.version, "engine": engine, "digest": manifest.digest,
        "load_ms": loaded.as_secs_f64() * 1e3, "passed": false,
    });
    match asked(bound, outpost, &mut report).await {
        Ok(()) => report["passed"] = json!(true),
        Err(reason) => report["reason"] = json!(reason),
    }
    // With the workers of a Python model.
    report["resident_mib"] = json!(workers::family::resident(std::process::id()) >> 20);
    report
}

/// What the package answers to a body of MLflow's scoring protocol.
pub async fn predict(bound: SocketAddr, content_type: String, body: Vec<u8>) -> Result<Value, Error> {
    let client = Client::new(Policy::local()).map_err(Error::stage)?;
    let call = Call {
        method: Method::Post,
        url: format!("http://{bound}/invocations"),
        headers: vec![("content-type".into(), content_type)],
        body: Body::Bytes(body.into()),
    };
    let answer = client.send(&call).await.map_err(Error::stage)?;
    let json: Option<Value> = answer.json().ok();
    if answer.status == 200
        && let Some(json) = &json
    {
        return Ok(json.clone());
    }
    let said = json.and_then(|json| json["message"].as_str().map(str::to_owned));
    let said = said.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
    Err(Error::Stage(said))
}

async fn asked(bound: SocketAddr, outpost: &Outpost, report: &mut Value) -> Result<(), String> {
    let manifest = &outpost.verified.manifest;
    let client = Client::new(Policy::local()).map_err(|e| e.to_string())?;
    let call = |method, path: &str, body| Call {
        method,
        url: format!("http://{bound}{path}"),
        headers: vec![("content-type".into(), "application/json".into())],
        body,
    };
    let alive = client.send(&call(Method::Get, "/ping", Body::Empty)).await.map_err(|e| e.to_string())?;
    if alive.status != 200 {
        return Err(format!("/ping answered {}", alive.status));
    }
    let Some(example) = &manifest.example else {
        report["reason"] = json!("it has no input example: it was loaded and not asked");
        return Ok(());
    };
    let digest = manifest.files.iter().find(|f| f.path == *example).map(|f| f.digest);
    let digest = digest.ok_or_else(|| format!("its example `{example}` is not in it"))?;
    let body =
        outpost.stages.ground.blobs.get_bytes(&digest).await.map_err(|e: blobs::Error| e.to_string())?;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < ASKS && (times.len() < 5 || start.elapsed() < LONGEST) {
        let asked = Instant::now();
        let ask = call(Method::Post, "/invocations", Body::Bytes(body.clone()));
        let answer = client.send(&ask).await.map_err(|e| e.to_string())?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(format!("its own example was answered {}: {said}", answer.status));
        }
        times.push(asked.elapsed().as_secs_f64() * 1e3);
        if times.len() == 1 {
            report["answer"] = answer.json().unwrap_or_default();
            report["first_ms"] = json!(times.first());
        }
    }
    times.sort_by(f64::total_cmp);
    let quantile = |q: f64| times.get(((times.len() as f64 * q).ceil() as usize).saturating_sub(1));
    report["asked"] = json!(times.len());
    report["p50_ms"] = json!(quantile(0.5));
    report["p99_ms"] = json!(quantile(0.99));
    Ok(())
}

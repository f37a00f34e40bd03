use ::serving::{EndpointState, EndpointView};
use types::Actor;

use super::{Attention, Stage, StageState, count, href};
use crate::State;

pub fn stage(state: &State, actor: &Actor, attention: &mut Vec<Attention>) -> Stage {
    let endpoints = state.serving.list(actor);
    let mut failed: Option<(&EndpointView, &str)> = None;
    for endpoint in &endpoints {
        if let EndpointState::Failed(reason) = &endpoint.state {
            attention.push(Attention {
                what: format!("revision {} cannot be loaded: {reason}", endpoint.revision.number),
                place: format!("endpoint {}", endpoint.name),
                action: "remove the cause (it is tried again by itself), or deploy another version".into(),
                href: href("endpoints", &endpoint.name),
            });
            failed = failed.or(Some((endpoint, reason)));
        }
    }
    if let Some((endpoint, reason)) = failed {
        return Stage {
            name: "serving",
            state: StageState::Attention,
            headline: format!("{} does not answer", endpoint.name),
            detail: reason.to_owned(),
            href: href("endpoints", &endpoint.name),
        };
    }
    let (headline, place) = match endpoints.as_slice() {
        [] => {
            return Stage {
                name: "serving",
                state: StageState::Idle,
                headline: "Nothing is deployed".into(),
                detail: "the first version that passes its gate is deployed to the endpoint that mlwright.yaml names"
                    .into(),
                href: "/endpoints".into(),
            };
        }
        [one] => (format!("{} serves {}", one.name, versions(one)), href("endpoints", &one.name)),
        many => (count(i64::try_from(many.len()).unwrap_or(i64::MAX), "endpoint"), "/endpoints".to_owned()),
    };
    Stage {
        name: "serving",
        state: StageState::Ok,
        headline,
        detail: traffic(state, actor, &endpoints),
        href: place,
    }
}

fn versions(endpoint: &EndpointView) -> String {
    let names: Vec<String> =
        endpoint.revision.variants.iter().map(|v| format!("{} version {}", v.model, v.version)).collect();
    names.join(" and ")
}

fn traffic(state: &State, actor: &Actor, endpoints: &[EndpointView]) -> String {
    let (mut requests, mut errors, mut rps, mut p99) = (0_u64, 0_u64, 0.0, 0.0_f64);
    for endpoint in endpoints {
        let traffic = state.serving.traffic(actor, &endpoint.name);
        requests += traffic.requests;
        errors += traffic.errors;
        rps += traffic.rps;
        p99 = p99.max(traffic.p99_ms);
    }
    if requests == 0 {
        return "no request since the server started".into();
    }
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut text = format!("{rps:.1} requests/s");
    if p99 > 0.0 {
        text.push_str(&format!(", 99 % within {p99:.1} ms"));
    }
    text.push_str(&format!("; {}, {}", count(number(requests), "request"), count(number(errors), "error")));
    text
}

use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::routing::{delete, get, post, put};
use kit::{Door, Routes};

use crate::failure::in_envelope;
use crate::{
    State, admin, content, data, datasets, endpoints, history, imports, keys, label_reviews, labels,
    model_versions, monitors, overview, packaging, pipelines as pl, preview, projects, registry, retrainings,
    reviews, rollouts, run_notes, run_table, run_views, runs, users, webhooks, why,
};

/// Every endpoint of the native API.
pub fn routes(state: State) -> Door {
    let routes = Routes::new()
        .route("/api/v1/server", get(admin::about))
        .route("/api/v1/tokens", post(admin::create_token).get(admin::tokens))
        .route("/api/v1/tokens/{id}", delete(admin::revoke_token))
        .route("/api/v1/keys", post(keys::create).get(keys::list))
        .route("/api/v1/keys/{id}", delete(keys::revoke))
        .route("/api/v1/users", post(users::create).get(users::list))
        .route("/api/v1/users/{name}", post(users::update).delete(users::delete))
        .route("/api/v1/events", get(history::events))
        .route("/api/v1/events/stream", get(history::stream))
        .route("/api/v1/lineage", get(history::lineage))
        .route("/api/v1/audit/verify", get(history::verify))
        .route("/api/v1/blobs/{digest}", put(content::put).get(content::get).head(content::head))
        .route("/api/v1/blobs/{digest}/preview", get(preview::blob))
        .route("/api/v1/projects/plan", post(projects::plan))
        .route("/api/v1/projects/apply", post(projects::apply))
        .route("/api/v1/projects/status", get(projects::status))
        .route("/api/v1/experiments", get(runs::experiments))
        .route("/api/v1/runs", get(runs::list))
        .route("/api/v1/run-views", get(run_views::list))
        .route("/api/v1/run-views/{name}", put(run_views::save).delete(run_views::delete))
        .route("/api/v1/runs/query", post(run_table::query))
        .route("/api/v1/runs/rows", post(run_table::rows))
        .route("/api/v1/runs/keys", get(run_table::keys))
        .route("/api/v1/runs/series", post(run_table::series))
        .route("/api/v1/runs/{id}", get(runs::get).patch(run_notes::change))
        .route("/api/v1/runs/{id}/preview", get(runs::preview))
        .route("/api/v1/runs/{id}/metrics", get(runs::series))
        .route("/api/v1/runs/{id}/metrics.parquet", get(runs::metrics_parquet))
        .route("/api/v1/runs/{id}/artifacts", get(runs::artifacts))
        .route("/api/v1/runs/{id}/artifact", get(runs::artifact))
        .route("/api/v1/models", get(registry::list))
        .route("/api/v1/models/{name}", get(registry::get).patch(registry::describe))
        .route(
            "/api/v1/models/{name}/aliases/{alias}",
            put(registry::set_alias).delete(registry::delete_alias),
        )
        .route(
            "/api/v1/models/{name}/versions/{number}",
            get(model_versions::get).patch(model_versions::change),
        )
        .route("/api/v1/models/{name}/versions/{number}/package", get(packaging::package))
        .route("/api/v1/models/{name}/versions/{number}/parity", post(packaging::parity))
        .route("/api/v1/models/{name}/versions/{number}/trial", post(packaging::trial))
        .route("/api/v1/models/{name}/versions/{number}/verdicts", get(packaging::verdicts))
        .route("/api/v1/package-key", get(packaging::key))
        .route("/api/v1/runtimes", get(packaging::runtimes))
        .route("/api/v1/package-records", post(packaging::records))
        .route("/api/v1/endpoints", get(endpoints::list))
        .route(
            "/api/v1/endpoints/{name}",
            get(endpoints::get).put(endpoints::deploy).delete(endpoints::delete),
        )
        .route("/api/v1/endpoints/{name}/checks", get(endpoints::checks))
        .route("/api/v1/endpoints/{name}/settings", get(endpoints::settings).put(endpoints::change_settings))
        .route("/api/v1/endpoints/{name}/openapi", get(endpoints::openapi))
        .route("/api/v1/endpoints/{name}/predict", post(endpoints::predict))
        .route("/api/v1/endpoints/{name}/batch", post(endpoints::batch))
        .route("/api/v1/endpoints/{name}/rollouts", get(rollouts::list))
        .route("/api/v1/endpoints/{name}/rollout", post(rollouts::start))
        .route("/api/v1/endpoints/{name}/rollout/{action}", post(rollouts::act))
        .route("/api/v1/labels", post(labels::tell))
        .route("/api/v1/reviews", get(reviews::list).post(reviews::send))
        .route("/api/v1/reviews/next", post(reviews::next))
        .route("/api/v1/reviews/{id}", get(reviews::get))
        .route("/api/v1/reviews/{id}/{action}", post(reviews::act))
        .route("/api/v1/label-reviews", get(label_reviews::list))
        .route("/api/v1/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/api/v1/webhooks/{id}", delete(webhooks::delete))
        .route("/api/v1/monitors", get(monitors::list))
        .route("/api/v1/monitors/{name}", get(monitors::get))
        .route("/api/v1/retrainings", get(retrainings::list).post(retrainings::start))
        .route("/api/v1/retrainings/{id}", get(retrainings::get))
        .route("/api/v1/retrainings/{id}/{word}", post(retrainings::decide))
        .route("/api/v1/overview", get(overview::get))
        .route("/api/v1/datasets", get(datasets::list))
        .route("/api/v1/datasets/{name}", get(datasets::get))
        .route("/api/v1/datasets/{name}/versions", post(datasets::import))
        .route("/api/v1/datasets/{name}/versions/{number}", get(datasets::get_version))
        .route(
            "/api/v1/datasets/{name}/versions/{number}/labels",
            get(label_reviews::get).post(label_reviews::find),
        )
        .route("/api/v1/datasets/{name}/versions/{number}/labels/{row}", post(label_reviews::judge))
        .route("/api/v1/datasets/{name}/versions/{number}/corrected", post(label_reviews::correct))
        .route("/api/v1/pipelines", get(pl::list))
        .route("/api/v1/pipelines/{name}", get(pl::get))
        .route("/api/v1/pipelines/{name}/runs", post(pl::start))
        .route("/api/v1/pipeline-runs", get(pl::runs::list).post(pl::submit::submit))
        .route("/api/v1/pipeline-runs/{id}", get(pl::runs::get).delete(pl::runs::delete))
        .route("/api/v1/pipeline-runs/{id}/plan", get(pl::runs::plan))
        .route("/api/v1/pipeline-runs/{id}/steps", get(pl::steps::list))
        .route("/api/v1/pipeline-runs/{id}/log", get(pl::steps::log))
        .route("/api/v1/pipeline-runs/{id}/steps/{name}/log", get(pl::steps::named_log))
        .route("/api/v1/pipeline-runs/{id}/artifact", get(pl::artifacts::get))
        .route("/api/v1/pipeline-runs/{id}/files", get(pl::artifacts::files))
        .route("/api/v1/pipeline-runs/{id}/preview", get(pl::artifacts::show))
        .route("/api/v1/pipeline-runs/{id}/cancel", post(pl::runs::cancel))
        .route("/api/v1/pipeline-runs/{id}/retry", post(pl::runs::retry))
        .route("/api/v1/pipeline-runs/{id}/archive", post(pl::runs::archive))
        .route("/api/v1/pipeline-runs/{id}/answer", post(pl::runs::answer))
        .route("/api/v1/pipeline-runs/{id}/replay", post(pl::replay))
        .route("/api/v1/replays/{id}", get(pl::get_replay))
        .route("/api/v1/executors", get(pl::executors::list))
        .route(
            "/api/v1/executors/{name}",
            get(pl::executors::get).put(pl::executors::put).delete(pl::executors::remove),
        )
        .route("/api/v1/tasks/guest.py", get(pl::tasks::guest))
        .route("/api/v1/tasks/claim", post(pl::tasks::claim))
        .route("/api/v1/tasks/bundle", get(pl::tasks::bundle))
        .route("/api/v1/tasks/log", post(pl::tasks::log))
        .route("/api/v1/tasks/result", put(pl::tasks::result))
        .route("/api/v1/schedules", get(pl::schedules::list).post(pl::schedules::create))
        .route("/api/v1/schedules/preview", post(pl::schedules::preview))
        .route(
            "/api/v1/schedules/{id}",
            get(pl::schedules::get).patch(pl::schedules::change).delete(pl::schedules::delete),
        )
        .route("/api/v1/backfills", get(pl::backfills::list).post(pl::backfills::create))
        .route("/api/v1/backfills/{id}", get(pl::backfills::get))
        .route("/api/v1/backfills/{id}/pause", post(pl::backfills::pause))
        .route("/api/v1/backfills/{id}/resume", post(pl::backfills::resume))
        .route("/api/v1/backfills/{id}/cancel", post(pl::backfills::cancel))
        .route("/api/v1/servers", get(pl::servers::list))
        .route("/api/v1/servers/log", get(pl::servers::log))
        .route("/api/v1/secrets", get(pl::secrets::list))
        .route("/api/v1/secrets/{name}", put(pl::secrets::set).delete(pl::secrets::delete))
        .route("/api/v1/predictions/{id}", get(why::get))
        .route("/api/v1/why/{id}", get(why::why))
        .route("/api/v1/import/experiments", post(imports::experiment))
        .route("/api/v1/import/experiments/{number}/delete", post(imports::delete_experiment))
        .route("/api/v1/import/runs", post(imports::run))
        .route("/api/v1/import/runs/{id}/points", post(imports::points))
        .route("/api/v1/import/runs/{id}/finish", post(imports::finish_run))
        .route("/api/v1/import/logged-models", post(imports::logged_model))
        .route("/api/v1/import/artifacts", post(imports::artifacts))
        .route("/api/v1/import/models", post(imports::model))
        .route("/api/v1/import/models/{name}/versions", post(imports::version));
    data::add(routes)
        .map(|router| router.layer(DefaultBodyLimit::max(16 << 20)).layer(map_response(in_envelope)))
        .door("native", state)
}

//! Doors behind addresses: which paths each address answers, and serving them until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use door_s3::S3;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kit::Door;
use spans::Tracer;
use tasks::{CancellationToken, OnError, OnStop, Supervisor, TaskKind};
use tokio::net::{TcpListener, TcpStream};
use tower::Service as _;

use crate::access::{self, Access, LocalAddress};
use crate::config::Listen;
use crate::linger::Lingering;
use crate::{Error, telemetry};

/// One line of `mlwright routes`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub path: String,
    pub door: &'static str,
}

/// Refuses two doors that want the same path on one address.
pub fn table(address: SocketAddr, doors: &[Door]) -> Result<Vec<Route>, Error> {
    let mut routes: Vec<Route> =
        doors.iter().flat_map(|d| d.paths.iter().map(|p| Route { path: p.clone(), door: d.name })).collect();
    routes.sort();
    for pair in routes.windows(2) {
        if pair[0].path == pair[1].path && pair[0].door != pair[1].door {
            return Err(Error::AmbiguousRoute {
                address,
                path: pair[0].path.clone(),
                first: pair[0].door.to_owned(),
                second: pair[1].door.to_owned(),
            });
        }
    }
    Ok(routes)
}

/// Refuses names of doors that do not exist.
pub fn check_names(listen: &Listen, known: &[&str]) -> Result<(), Error> {
    match listen.doors.iter().find(|d| !known.contains(&d.as_str())) {
        Some(door) => Err(Error::NoDoor { door: door.clone(), known: known.join(", ") }),
        None => Ok(()),
    }
}

/// All doors of an address as one service. Requests of S3 are told before any path is looked at, and their signature
/// is what lets them in.
pub fn router(
    doors: Vec<Door>,
    extra: Router,
    access: Access,
    s3: Option<S3>,
    tracer: Option<Tracer>,
) -> Router {
    doors
        .into_iter()
        .fold(extra, |router, door| router.merge(door.router))
        .fallback_service(assets::router())
        .layer(from_fn_with_state(Arc::new(Front { access, s3, tracer }), front))
}

/// What stands before every door. One layer, because each costs every request some memory and a call through a pointer.
struct Front {
    access: Access,
    s3: Option<S3>,
    tracer: Option<Tracer>,
}

async fn front(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let front = &*front;
    let answer = move |request: Request| async move {
        let (parts, body) = request.into_parts();
        let s3 = front.s3.as_ref().filter(|s3| s3.answers(&parts));
        let mut request = Request::from_parts(parts, body);
        if let Some(s3) = s3 {
            return s3.answer(request).await;
        }
        match access::check(&front.access, peer, &mut request).await {
            Ok(()) => next.run(request).await,
            Err(refusal) => refusal.into_response(),
        }
    };
    telemetry::measure(front.tracer.as_ref(), request, answer).await
}

pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })
}

/// Accepts connections until the supervisor stops; then lets running requests finish within `grace`.
pub fn serve(supervisor: &Supervisor, listener: TcpListener, router: Router, grace: Duration) {
    let token = supervisor.token();
    let connections = supervisor.clone();
    let kind = TaskKind { name: "listen", on_error: OnError::Shutdown, on_stop: OnStop::Wait };
    supervisor.spawn(kind, async move {
        loop {
            let accepted = tokio::select! {
                () = token.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let kind = TaskKind { name: "connection", on_error: OnError::Log, on_stop: OnStop::Wait };
                    connections.spawn(kind, connection(stream, peer, router.clone(), token.clone(), grace));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be freed.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    token: CancellationToken,
    grace: Duration,
) {
    // Small answers must not wait for more to send; an error here only costs speed.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().ok();
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(local) = local {
            request.extensions_mut().insert(LocalAddress(local));
        }
        router.clone().call(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Not `pipeline_flush`: with it, an answer is never sent if what follows the request cannot be read.
    builder.http1().max_buf_size(256 << 10);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(Lingering::new(stream)), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(grace, connection.as_mut()).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        // A client that went away is no fault of ours.
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

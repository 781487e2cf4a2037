//! A web page over the store: the runs, their reports and files, two of them side by side.
//!
//! It only reads. Pages are made here, without scripts, under a Content-Security-Policy that allows none; a report brings
//! its own and is shown in a sandbox, apart from this origin.
//!
//! | file | what |
//! | --- | --- |
//! | `files` | what lies within the store, and nothing else |
//! | `pages` | the pages |

mod files;
mod pages;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as InPath, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::io::ReaderStream;

use self::pages::Sorted;
use crate::errors::ServeError;
use crate::exit::Failure;
use crate::report::runs::{self, Filter};

const STYLE: &str = include_str!("style.css");

/// Our pages: no script at all, nothing from elsewhere.
const OURS: &str = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; \
                    base-uri 'none'; frame-ancestors 'none'";
/// A report: its own inline script and style, in an origin of its own, and no way out.
const REPORT: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts";
/// Any other file is shown as text.
const TEXT: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// A store that is shown.
pub(crate) struct Server {
    listener: TcpListener,
    router: Router,
}

#[derive(Clone)]
struct Shown {
    /// Without links in it.
    store: Arc<PathBuf>,
    /// Whether only this machine may ask, so that other names for it are somebody's trick (DNS rebinding).
    only_local: bool,
}

impl Server {
    /// Bind the address; nothing is served yet.
    ///
    /// # Errors
    /// The store is not there, or the address is taken.
    pub(crate) async fn bind(store: &Path, listen: SocketAddr) -> Result<Self, ServeError> {
        let store = std::fs::canonicalize(store).map_err(|source| ServeError::NoStore {
            path: store.to_owned(),
            source,
        })?;
        if !store.is_dir() {
            return Err(ServeError::NoFolder(store));
        }
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|source| ServeError::Listen { listen, source })?;
        let shown = Shown {
            store: Arc::new(store),
            only_local: listen.ip().is_loopback(),
        };
        Ok(Server {
            listener,
            router: router(shown),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The operating system does not say.
    pub(crate) fn address(&self) -> Result<SocketAddr, ServeError> {
        Ok(self.listener.local_addr()?)
    }

    /// Serve until `over` returns.
    ///
    /// # Errors
    /// The listener broke.
    pub(crate) async fn serve(
        self,
        over: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let serving = axum::serve(self.listener, self.router).with_graceful_shutdown(over);
        Ok(serving.await?)
    }
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/style.css", get(style))
        .route("/run/{*path}", get(run))
        .route("/file/{*path}", get(file))
        .route("/compare", get(compare))
        .fallback(|| async { refused(StatusCode::NOT_FOUND, "there is no such page") })
        .layer(middleware::from_fn_with_state(shown.clone(), guard))
        .with_state(shown)
}

/// Refuses a host that is not this machine's, and sets the headers that every answer has.
async fn guard(State(shown): State<Shown>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if shown.only_local && !host.is_some_and(is_local) {
        return refused(
            StatusCode::MISDIRECTED_REQUEST,
            "this store is shown to its own machine only",
        );
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(OURS));
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the host of a request is a name of this machine, whatever the port.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Html(pages::refused(why).into_string())).into_response()
}

fn answer(page: Result<maud::Markup, Failure>) -> Response {
    match page {
        Ok(page) => Html(page.into_string()).into_response(),
        Err(failure) => refused(StatusCode::NOT_FOUND, &failure.to_string()),
    }
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

async fn list(
    State(shown): State<Shown>,
    Query(filter): Query<Filter>,
    Query(sorted): Query<Sorted>,
) -> Response {
    let found = tokio::task::spawn_blocking(move || {
        let all = runs::list(&shown.store, &Filter::default())?;
        let wanted = runs::list(&shown.store, &filter)?;
        Ok(pages::list(&shown.store, &all, wanted, &filter, &sorted))
    });
    answer(joined(found.await))
}

async fn run(State(shown): State<Shown>, InPath(path): InPath<String>) -> Response {
    let found = tokio::task::spawn_blocking(move || {
        let folder = files::within(&shown.store, &path).ok_or_else(|| not_there(&path))?;
        pages::run(&shown.store, &folder)
    });
    answer(joined(found.await))
}

#[derive(Deserialize)]
struct Sides {
    #[serde(default)]
    left: String,
    #[serde(default)]
    right: String,
}

async fn compare(State(shown): State<Shown>, Query(sides): Query<Sides>) -> Response {
    let found = tokio::task::spawn_blocking(move || {
        if sides.left.is_empty() || sides.right.is_empty() {
            return Err(ServeError::OneSide.into());
        }
        let side = |path: &str| files::within(&shown.store, path).ok_or_else(|| not_there(path));
        pages::compare(&shown.store, &side(&sides.left)?, &side(&sides.right)?)
    });
    answer(joined(found.await))
}

fn not_there(path: &str) -> ServeError {
    ServeError::NotThere(path.to_owned())
}

fn joined<T>(done: Result<Result<T, Failure>, tokio::task::JoinError>) -> Result<T, Failure> {
    done.map_err(ServeError::from)?
}

async fn file(State(shown): State<Shown>, InPath(path): InPath<String>) -> Response {
    let there = files::within(&shown.store, &path).filter(|there| there.is_file());
    let Some(there) = there else {
        return refused(StatusCode::NOT_FOUND, &not_there(&path).to_string());
    };
    let (kind, policy) = match there.file_name().and_then(|name| name.to_str()) {
        Some("report.html") => ("text/html; charset=utf-8", REPORT),
        _ => ("text/plain; charset=utf-8", TEXT),
    };
    match tokio::fs::File::open(&there).await {
        Ok(file) => (
            [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_SECURITY_POLICY, policy),
            ],
            Body::from_stream(ReaderStream::with_capacity(file, 1 << 16)),
        )
            .into_response(),
        Err(error) => refused(StatusCode::NOT_FOUND, &format!("cannot read {path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in [
            "localhost",
            "localhost:8008",
            "127.0.0.1:80",
            "[::1]:80",
            "127.0.0.2",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8008",
            "10.0.0.1:80",
            "",
            "localhost.evil.example",
            "[::2]",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}

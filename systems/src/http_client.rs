//! The clients of HTTP: no proxy, no redirect, nothing sent twice.

#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::time::Duration;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;

/// A client without TLS, which waits so long for a connection.
pub(crate) fn plain(connect: Duration) -> ClientBuilder {
    let builder = ClientBuilder::new()
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .connect_timeout(connect);
    // Otherwise it would ask the machine for its certificates, of which some have none.
    #[cfg(feature = "tls")]
    let builder = builder.tls_backend_preconfigured(tls::believing_nobody());
    builder
}

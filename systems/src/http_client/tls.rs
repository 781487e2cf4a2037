//! TLS by rustls, with ring for its arithmetic: whoever a description names is believed, and nobody else.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nemesis::NodeId;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use super::plain;
use crate::description::Tls;
use crate::error::SystemError;
use crate::secrets::{Secrets, place};

/// Clients with TLS, one for each address: which name leads there differs.
pub(crate) struct Protected {
    config: ClientConfig,
    connect: Duration,
    /// What each node's certificate is for.
    names: Vec<String>,
    made: Mutex<HashMap<SocketAddr, reqwest::Client>>,
}

/// For clients that speak without it.
pub(super) fn believing_nobody() -> ClientConfig {
    believing(RootCertStore::empty()).with_no_client_auth()
}

fn believing(roots: RootCertStore) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions
        .expect("ring has what the default versions of TLS need")
        .with_root_certificates(roots)
}

impl Protected {
    /// Clients as the description wants them, for nodes whose certificates are for these names unless it has another one.
    pub(crate) fn new(
        connect: Duration,
        tls: &Tls,
        names: &[String],
        secrets: &Secrets,
    ) -> Result<Self, SystemError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&tls.ca)? {
            roots.add(certificate).map_err(|error| wrong(&tls.ca, error))?;
        }
        let config = match (&tls.certificate, &tls.key) {
            (Some(own), Some(key)) => {
                let hidden = secrets.read(key)?;
                let parsed = PrivateKeyDer::from_pem_slice(hidden.reveal().as_bytes());
                // What is wrong with a key is told without a word of it.
                let parsed = parsed.map_err(|_| wrong(&place(key), "it is no key in PEM"))?;
                let config = believing(roots).with_client_auth_cert(certificates(own)?, parsed);
                config.map_err(|error| wrong(own, error))?
            }
            _ => believing(roots).with_no_client_auth(),
        };
        // URLs have names in small letters, and are compared with these.
        let named = |name: &String| tls.name.as_ref().unwrap_or(name).to_lowercase();
        Ok(Protected {
            config,
            connect,
            names: names.iter().map(named).collect(),
            made: Mutex::default(),
        })
    }

    /// The client for this node at this address, and what its URLs begin with.
    pub(crate) fn client(
        &self,
        node: NodeId,
        address: SocketAddr,
    ) -> Result<(reqwest::Client, String), reqwest::Error> {
        let name = self.names.get(node.0).cloned();
        let name = name.unwrap_or_else(|| address.ip().to_string());
        let beginning = format!("https://{name}:{}", address.port());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&address) {
            return Ok((client.clone(), beginning));
        }
        let client = plain(self.connect)
            .tls_backend_preconfigured(self.config.clone())
            .resolve(&name, address)
            .build()?;
        made.insert(address, client.clone());
        Ok((client, beginning))
    }
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, SystemError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| wrong(file, error))?;
    match found.is_empty() {
        true => Err(wrong(file, "it has no certificate in PEM")),
        false => Ok(found),
    }
}

fn wrong(file: &str, why: impl ToString) -> SystemError {
    SystemError::Certificate {
        file: file.to_owned(),
        why: why.to_string(),
    }
}

//! Who a client is: secrets are named by where they are, never by what they are, so a description can be shown to anybody.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A secret, by where it is: `{ file = "token" }` or `{ env = "STORE_TOKEN" }`. A line's end behind it does not belong to it.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Secret {
    /// A file that holds it; its path is counted from the folder of this file.
    pub file: Option<String>,
    /// A variable of the harness's environment that holds it.
    pub env: Option<String>,
}

/// Who a client says that it is: a `token`, or a `password` with or without a `user`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Auth {
    /// HTTP: `Authorization: Bearer …`. NATS: its token.
    pub token: Option<Secret>,
    /// HTTP: the header that has the token as it is, instead.
    pub header: Option<String>,
    /// Its name.
    pub user: Option<String>,
    /// HTTP: basic authentication. Redis: AUTH. NATS, PostgreSQL: the user's password.
    pub password: Option<Secret>,
}

/// How HTTP is protected. Paths are counted from the folder of this file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// Whom to believe, and nobody else: a file of certificates in PEM.
    pub ca: String,
    /// A file with the client's own certificate, in PEM.
    pub certificate: Option<String>,
    /// The key of that, in PEM.
    pub key: Option<Secret>,
    /// The name that the nodes' certificates are for, where it is not the host that clients dial.
    pub name: Option<String>,
}

impl Auth {
    /// What it names.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.token.iter().chain(&self.password)
    }
}

impl Secret {
    /// Whether it is at exactly one place.
    pub(crate) fn is_somewhere(&self) -> bool {
        self.file.is_some() != self.env.is_some()
    }

    /// Count its path from this folder.
    fn beside(&mut self, folder: &Path) {
        if let Some(file) = &mut self.file {
            beside(file, folder);
        }
    }
}

fn beside(file: &mut String, folder: &Path) {
    *file = folder.join(&*file).display().to_string();
}

impl Auth {
    /// Count its paths from this folder.
    pub(crate) fn beside(&mut self, folder: &Path) {
        let secrets = self.token.iter_mut().chain(&mut self.password);
        secrets.for_each(|secret| secret.beside(folder));
    }
}

impl Tls {
    /// Count its paths from this folder.
    pub(crate) fn beside(&mut self, folder: &Path) {
        beside(&mut self.ca, folder);
        self.certificate.iter_mut().for_each(|file| beside(file, folder));
        self.key.iter_mut().for_each(|secret| secret.beside(folder));
    }
}

/// A derived reader would repeat a text that stands in the wrong place: the secret itself.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor)
    }
}

struct PlaceVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    file: Option<String>,
    env: Option<String>,
}

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = Secret;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{ file = \"a file\" } or { env = \"a variable\" }")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Secret, E> {
        Err(E::custom(
            "a secret does not stand here itself: write { file = \"a file\" } or { env = \"a variable\" }",
        ))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        let Place { file, env } = Place::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Secret { file, env })
    }
}

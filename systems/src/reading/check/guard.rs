//! Whether a client's secrets can be had: each is at one place, and of a kind that its protocol knows.

use super::super::Slip;
use crate::description::{Auth, Client, Description, Secret, Tls};

pub(super) fn check(described: &Description) -> Result<(), Slip> {
    let (auth, tls) = described.client.guard();
    if let Some(auth) = auth {
        told(&described.client, auth)?;
    }
    if described.client.database().is_some() && !matches!(described.client, Client::Postgres(_)) {
        return Err(marked("database", "database is for PostgreSQL; leave it out"));
    }
    match tls {
        Some(tls) => protected(&described.client, tls),
        None => Ok(()),
    }
}

fn marked(mark: &str, why: impl Into<String>) -> Slip {
    Slip::Marked {
        mark: mark.to_owned(),
        why: why.into(),
    }
}

fn told(client: &Client, auth: &Auth) -> Result<(), Slip> {
    let slip = |why: &str| Err(marked("auth", format!("auth {why}")));
    if !auth.secrets().all(Secret::is_somewhere) {
        return slip(
            "has a secret that is not at one place: write { file = \"token\" } or { env = \"TOKEN\" }",
        );
    }
    match (&auth.token, &auth.password) {
        (Some(_), Some(_)) => return slip("has a token and a password: say one of them"),
        // Whom a PostgreSQL trusts needs no password.
        (None, None) if auth.user.is_some() && matches!(client, Client::Postgres(_)) => {}
        (None, None) => return slip("has neither a token nor a password"),
        _ => {}
    }
    match client {
        Client::Redis(_) if auth.token.is_some() => slip("of Redis is a password, with or without a user"),
        Client::Postgres(_) if auth.token.is_some() => {
            slip("of PostgreSQL is a user, with or without a password")
        }
        Client::Http(_) | Client::Nats(_) | Client::Postgres(_)
            if auth.password.is_some() && auth.user.is_none() =>
        {
            slip("has a password without its user")
        }
        Client::Http(_) if auth.header.is_some() && auth.token.is_none() => {
            slip("has a header without the token that stands in it")
        }
        Client::Redis(_) | Client::Nats(_) | Client::Postgres(_) if auth.header.is_some() => {
            slip("has a header, which only HTTP has")
        }
        _ => Ok(()),
    }
}

fn protected(client: &Client, tls: &Tls) -> Result<(), Slip> {
    let slip = |why: &str| Err(marked("tls", format!("tls {why}")));
    match client {
        Client::Http(_) => {}
        _ => return slip("is for HTTP"),
    }
    // Where a name is an address, every node's requests would go there.
    if tls.name.as_ref().is_some_and(|name| !is_name(name)) {
        return slip(
            "has a name that is an address, or none that a host could have: write the one that stands in the nodes' certificates",
        );
    }
    match (&tls.certificate, &tls.key) {
        (Some(_), None) | (None, Some(_)) => {
            slip("has a certificate without its key, or a key without its certificate")
        }
        (_, Some(key)) if !key.is_somewhere() => {
            slip("has a key that is not at one place: write { file = \"key.pem\" } or { env = \"KEY\" }")
        }
        _ => Ok(()),
    }
}

/// Whether a URL takes it for the name of a host, and nothing but that.
fn is_name(name: &str) -> bool {
    let url = reqwest::Url::parse(&format!("https://{name}"));
    url.is_ok_and(|url| url.domain() == Some(name.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use crate::builtin;
    use crate::reading::read;

    #[test]
    fn secrets_are_at_one_place_and_of_a_kind_that_the_protocol_knows() {
        let text = include_str!("../../commands/example.toml");
        for (protocol, more, wanted) in [
            ("http", "auth = { token = { env = \"A\" } }", ""),
            (
                "http",
                "auth = { token = { env = \"A\" }, header = \"X-Token\" }",
                "",
            ),
            (
                "http",
                "auth = { user = \"me\", password = { file = \"a\" } }",
                "",
            ),
            ("http", "tls = { ca = \"ca.pem\" }", ""),
            ("http", "tls = { ca = \"ca.pem\", name = \"Store.Example\" }", ""),
            (
                "http",
                "tls = { ca = \"ca.pem\", name = \"10.0.0.1\" }",
                "a name that is an address",
            ),
            (
                "http",
                "tls = { ca = \"ca.pem\", name = \"::1\" }",
                "a name that is an address",
            ),
            (
                "http",
                "tls = { ca = \"ca.pem\", name = \"127.1\" }",
                "a name that is an address",
            ),
            (
                "http",
                "auth = { token = \"s3cret\" }",
                "does not stand here itself",
            ),
            ("http", "auth = { token = {} }", "is not at one place"),
            (
                "http",
                "auth = { token = { env = \"A\", file = \"b\" } }",
                "is not at one place",
            ),
            (
                "http",
                "auth = { user = \"me\" }",
                "neither a token nor a password",
            ),
            (
                "http",
                "auth = { password = { env = \"A\" } }",
                "a password without its user",
            ),
            (
                "http",
                "tls = { ca = \"ca.pem\", certificate = \"me.pem\" }",
                "a certificate without its key",
            ),
            (
                "redis",
                "auth = { token = { env = \"A\" } }",
                "of Redis is a password",
            ),
            ("redis", "auth = { password = { env = \"A\" } }", ""),
            ("redis", "tls = { ca = \"ca.pem\" }", "is for HTTP"),
            ("redis", "database = \"mine\"", "is for PostgreSQL"),
            ("postgres", "database = \"mine\"\nauth = { user = \"me\" }", ""),
            (
                "postgres",
                "auth = { user = \"me\", password = { env = \"A\" } }",
                "",
            ),
            (
                "postgres",
                "auth = { token = { env = \"A\" } }",
                "of PostgreSQL is a user",
            ),
            (
                "postgres",
                "auth = { password = { env = \"A\" } }",
                "a password without its user",
            ),
        ] {
            let (begin, _) = text.split_once("[client.http.read]").unwrap();
            let read_of = match protocol {
                "postgres" => "read.sql = \"SELECT {{ key | sql }}\"",
                "redis" => "read.command = [\"GET\", \"{{ key }}\"]",
                _ => "read.path = \"/{{ key }}\"",
            };
            let whole = format!("{begin}[client.{protocol}]\n{read_of}\n{more}\n");
            match read(&whole, "mine.toml", &builtin::none) {
                Ok(_) => assert_eq!(wanted, "", "{more}"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!wanted.is_empty() && error.contains(wanted), "{more}: {error}");
                    assert!(!error.contains("s3cret"), "{error}");
                }
            }
        }
    }
}

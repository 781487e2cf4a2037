//! Stores that let nobody in without a secret: it reaches them, and nothing that is shown or kept has it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::lab::{Ended, Lab, has_python, wait_until};

const TOKEN: &str = "open-sesame-\"4711\"";
const PASSWORD: &str = "rhubarb-rhubarb";

/// A store that is guarded, and repeats what it was told wherever it can.
struct Guarded {
    lab: Lab,
    store: Child,
    port: u16,
}

impl Guarded {
    fn start(words: &[&str]) -> Self {
        let lab = Lab::new();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/secrets/store.py");
        let (ready, log) = (lab.folder.path().join("port"), lab.folder.path().join("log"));
        let store = Command::new("python3")
            .arg(program)
            .arg(&ready)
            .args(words)
            .env("TOKEN", TOKEN)
            .env("PASSWORD", PASSWORD)
            .current_dir(lab.folder.path())
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(log).unwrap())
            .spawn()
            .unwrap();
        let port = || -> Option<u16> { std::fs::read_to_string(&ready).ok()?.trim().parse().ok() };
        wait_until("the store listens", Duration::from_secs(20), || port().is_some());
        Guarded {
            port: port().unwrap(),
            lab,
            store,
        }
    }

    /// Its description, with what stands in `[client.http]`.
    fn file(&self, guard: &str) -> PathBuf {
        let text = include_str!("store.toml")
            .replace("GUARD", guard)
            .replace("PORT", &self.port.to_string())
            .replace("PLACE", self.lab.folder.path().to_str().unwrap());
        let file = self.lab.folder.path().join("guarded.toml");
        std::fs::write(&file, text).unwrap();
        file
    }

    fn run(&self, guard: &str, token: Option<&str>) -> Ended {
        let words =
            "--nemesis none --nodes 1 --duration 1500ms --clients 3 --rate 200 --seed 1 --i-own-this-cluster";
        let mut command = self
            .lab
            .command(&format!("run --system {} {words}", self.file(guard).display()));
        command.env_remove("GUARDED_TOKEN");
        if let Some(token) = token {
            command.env("GUARDED_TOKEN", token);
        }
        Ended::from(command.output().unwrap())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.store.kill();
        let _ = self.store.wait();
    }
}

/// Every file below a folder, with what stands in it.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn a_secret_reaches_the_store_and_nothing_that_is_kept_or_shown() {
    if !has_python() {
        return;
    }
    let guarded = Guarded::start(&[]);
    std::fs::write(
        guarded.lab.folder.path().join("password"),
        format!("{PASSWORD}\n"),
    )
    .unwrap();
    let token = "auth = { token = { env = \"GUARDED_TOKEN\" } }";
    let header = "auth = { token = { env = \"GUARDED_TOKEN\" }, header = \"X-Token\" }";
    let basic = "auth = { user = \"me\", password = { file = \"password\" } }";
    let base64 = "bWU6cmh1YmFyYi1yaHViYXJi";
    let quoted = TOKEN.replace('"', "\\\"");
    let tokens = [TOKEN, quoted.as_str()];
    for (guard, spoken) in [(token, tokens), (header, tokens), (basic, [PASSWORD, base64])] {
        let ended = guarded.run(guard, Some(TOKEN)).with(0);
        let latest = guarded.lab.store().join("latest");
        let mut kept = files(&std::fs::canonicalize(&latest).unwrap());
        let text_of = |name: &str| {
            let found = kept.iter().find(|(path, _)| path.ends_with(name));
            found.map_or("", |(_, text)| text.as_str())
        };
        // It was repeated, in answers, by commands and in the log, and was left out.
        for name in ["history.jsonl", "commands.jsonl", "nodes/n1/node.log"] {
            assert!(
                text_of(name).contains("[secret]"),
                "{guard}: {name}: {}",
                text_of(name)
            );
        }
        assert!(text_of("system.toml").contains(guard));
        kept.push((PathBuf::from("the output"), ended.stdout + &ended.stderr));
        for (path, text) in &kept {
            for secret in &spoken {
                assert!(
                    !text.contains(secret),
                    "{guard}: {secret} stands in {}",
                    path.display()
                );
            }
        }
    }
    // The wrong one is turned away, and told by nobody either.
    let wrong = guarded.run(token, Some("open-barley")).with(255);
    assert!(
        wrong.stderr.contains("401") && !wrong.stderr.contains("open-barley"),
        "{}",
        wrong.stderr
    );
    let unset = guarded.run(token, None).with(254);
    assert!(
        unset.stderr.contains("the variable GUARDED_TOKEN: it is not set"),
        "{}",
        unset.stderr
    );
    let lost = guarded
        .run("auth = { token = { file = \"no-such-file\" } }", None)
        .with(254);
    assert!(lost.stderr.contains("no-such-file"), "{}", lost.stderr);
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_says_how_to_get_it() {
    if !has_python() {
        return;
    }
    let guarded = Guarded::start(&[]);
    let ended = guarded.run("tls = { ca = \"ca.pem\" }", None).with(254);
    assert!(ended.stderr.contains("--features tls"), "{}", ended.stderr);
}

/// Both prove who they are: a store with a certificate, which asks its clients for theirs.
#[cfg(feature = "tls")]
#[test]
fn clients_speak_tls_and_show_their_certificate() {
    if !has_python() || !crate::lab::succeeds("openssl", &["version"]) {
        crate::lab::skip("there is no python3 or no openssl");
        return;
    }
    let certificates = tempfile::tempdir().unwrap();
    let script = include_str!("certificates.sh");
    let made = Command::new("sh")
        .args(["-ec", script])
        .current_dir(certificates.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let guarded = Guarded::start(&["--certificates", certificates.path().to_str().unwrap()]);
    let at = |name: &str| certificates.path().join(name).display().to_string();
    let auth = "auth = { token = { env = \"GUARDED_TOKEN\" } }";
    let tls = format!(
        "{auth}\ntls = {{ ca = {:?}, certificate = {:?}, key = {{ file = {:?} }}, name = \"store.test\" }}",
        at("ca.pem"),
        at("client.pem"),
        at("client-key.pem")
    );
    let ended = guarded.run(&tls, Some(TOKEN)).with(0);
    assert!(!ended.stdout.contains("PRIVATE") && !ended.stderr.contains("PRIVATE"));
    let latest = std::fs::canonicalize(guarded.lab.store().join("latest")).unwrap();
    assert!(
        files(&latest)
            .iter()
            .all(|(_, text)| !text.contains("PRIVATE KEY"))
    );
    // Another authority's word is nobody's; nor is a client let in that has no certificate.
    let others = tls.replace(&at("ca.pem"), &at("other-ca.pem"));
    let nobody = format!(
        "{auth}\ntls = {{ ca = {:?}, name = \"store.test\" }}",
        at("ca.pem")
    );
    let elsewhere = tls.replace("store.test", "elsewhere.test");
    for guard in [others, nobody, elsewhere] {
        let ended = guarded.run(&guard, Some(TOKEN)).with(255);
        assert!(ended.stderr.contains("n1"), "{}", ended.stderr);
    }
}

/// A Redis that asks for a password, by its own AUTH.
#[test]
fn redis_is_told_its_password_and_nobody_else() {
    if !crate::lab::succeeds("redis-server", &["--version"]) {
        crate::lab::skip("there is no redis-server");
        return;
    }
    let lab = Lab::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut redis = Command::new("redis-server")
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--requirepass",
            PASSWORD,
            "--port",
        ])
        .arg(port.to_string())
        .current_dir(lab.folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    wait_until("redis listens", Duration::from_secs(10), listens);
    let builtin = include_str!("../../../../systems/builtin/redis/system.toml");
    let (_, client) = builtin.split_once("# GETEX").unwrap();
    let text = format!(
        "name = \"guarded\"\nabout = \"a Redis\"\n[[cluster.node]]\naddress = \"127.0.0.1\"\n[life.ready]\nwithin = \"1s\"\n\
         [life.commands]\nlogs = \"true\"\n[network]\nclient = {port}\n[client.redis]\nauth = {{ password = {{ env = \"GUARDED\" }} }}\n# {client}"
    );
    std::fs::write(lab.folder.path().join("guarded.toml"), text).unwrap();
    let run = |password: &str| {
        let file = lab.folder.path().join("guarded.toml");
        let words =
            "--nemesis none --nodes 1 --duration 1s --clients 3 --rate 200 --seed 1 --i-own-this-cluster";
        let mut command = lab.command(&format!("run --system {} {words}", file.display()));
        Ended::from(command.env("GUARDED", password).output().unwrap())
    };
    let [right, wrong] = [PASSWORD, "open-barley"].map(run);
    let _ = redis.kill();
    let _ = redis.wait();
    let right = right.with(0);
    assert!(wrong.with(255).stderr.contains("n1"));
    let latest = std::fs::canonicalize(lab.store().join("latest")).unwrap();
    let store = latest.parent().unwrap().parent().unwrap();
    let said = (PathBuf::from("the output"), right.stdout + &right.stderr);
    for (path, text) in files(store).into_iter().chain([said]) {
        assert!(
            !text.contains(PASSWORD) && !text.contains("open-barley"),
            "{}",
            path.display()
        );
    }
}

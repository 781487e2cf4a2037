//! `harness serve`: the pages, and the tricks that must not work.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use crate::lab::Lab;

/// A server that ends with the test.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(lab: &Lab) -> Self {
        let mut command = lab.command("serve --listen 127.0.0.1:0");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        Served { child, address }
    }

    /// The whole answer to a GET; the path goes out as it is, unlike with a well-behaved client.
    fn get(&self, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run whose files are enough to be shown; its node and its report have hostile names.
fn store(lab: &Lab) {
    lab.harness("run --nemesis none --nodes 3 --duration 1s --clients 2 --rate 100 --seed 9 --quiet");
    let latest = lab.store().join("latest");
    std::fs::write(latest.join("report.html"), "<title>the report</title>").unwrap();
    std::fs::write(latest.join("nodes/n1/<script>alert(1)<b>.log"), "x").unwrap();
    std::fs::write(lab.folder.path().join("secret"), "the secret").unwrap();
    std::os::unix::fs::symlink(lab.folder.path().join("secret"), latest.join("link")).unwrap();
}

#[test]
fn the_store_is_shown_and_nothing_else() {
    let lab = Lab::new();
    store(&lab);
    let server = Served::start(&lab);
    let local = server.address.clone();
    let get = |path: &str| server.get(path, &local);

    let list = get("/?verdict=&sort=size&down=1");
    assert!(
        list.starts_with("HTTP/1.1 200") && list.contains("none-cluster-node"),
        "{list}"
    );
    assert!(
        list.contains("default-src 'none'; style-src 'self'") && !list.contains("<script"),
        "{list}"
    );
    assert!(
        list.contains("aria-sort=\"descending\"") && list.contains("name=\"sort\" value=\"size\""),
        "{list}"
    );
    let none = get("/?verdict=violation");
    assert!(
        none.contains("0 of 1") && none.contains("No run is like that"),
        "{none}"
    );

    let group = lab.store().join("none-cluster-node");
    let run = std::fs::read_dir(group)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name();
    let run = format!("none-cluster-node/{}", run.to_str().unwrap());
    let page = get(&format!("/run/{run}"));
    assert!(
        page.contains("linearizability") && page.contains("--seed 9"),
        "{page}"
    );
    assert!(
        page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"),
        "{page}"
    );
    let report = get(&format!("/file/{run}/report.html"));
    assert!(
        report.contains("text/html") && report.contains("sandbox allow-scripts"),
        "{report}"
    );
    let json = get(&format!("/file/{run}/run.json"));
    assert!(
        json.contains("text/plain") && json.contains("nosniff") && json.contains("\"seed\""),
        "{json}"
    );
    let both = get(&format!("/compare?left={run}&right={run}"));
    assert_eq!(both.matches("<iframe").count(), 2, "{both}");

    // A verdict that cannot be read is told as such, here and in the list.
    let results = lab.store().join(&run).join("results.json");
    std::fs::write(&results, "{\"results\":").unwrap();
    let broken = get(&format!("/run/{run}"));
    assert!(
        broken.contains("unreadable") && broken.contains("results.json:1"),
        "{broken}"
    );
    let listed = lab.harness("list runs --verdict unreadable").with(0).stdout;
    assert!(listed.contains("none-cluster-node"), "{listed}");

    for path in [
        "/compare?left=",
        "/file/../secret",
        "/file/..%2fsecret",
        "/file/%2e%2e/secret",
        "/file/none-cluster-node/../../secret",
        "/file//etc/hostname",
        "/file/%2fetc%2fhostname",
        "/file/latest/link",
        "/file/latest",
        "/run/..",
        "/run/none-cluster-node",
        "/compare?left=../secret&right=/etc",
        "/nothing",
    ] {
        let answer = get(path);
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        assert!(!answer.contains("the secret"), "{path}: {answer}");
    }
    let tricked = server.get("/", "evil.example");
    assert!(tricked.starts_with("HTTP/1.1 421"), "{tricked}");
}

#[test]
fn a_taken_port_and_a_missing_store_are_said() {
    let lab = Lab::new();
    let ended = lab.harness("serve --listen 127.0.0.1:0").with(254);
    assert!(ended.stderr.contains("there is no store"), "{}", ended.stderr);
    std::fs::write(lab.store(), "a file").unwrap();
    let ended = lab.harness("serve --listen 127.0.0.1:0").with(254);
    assert!(ended.stderr.contains("is no folder"), "{}", ended.stderr);
    std::fs::remove_file(lab.store()).unwrap();
    std::fs::create_dir(lab.store()).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = lab.harness(&format!("serve --listen {address}")).with(255);
    assert!(ended.stderr.contains("--listen 127.0.0.1:0"), "{}", ended.stderr);
}

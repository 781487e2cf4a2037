//! A browser without a window, spoken to in the DevTools protocol over a pair of pipes: no port, nobody else can talk to it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// Names that the browser goes by.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "chrome"];
/// An answer that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// One browser at a time: it takes a whole core.
static TURN: Mutex<()> = Mutex::new(());

/// Where the browser is: `HARNESS_BROWSER`, or one of its names on PATH.
fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("HARNESS_BROWSER") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// A browser with one page.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Value>,
    events: VecDeque<Value>,
    session: Option<String>,
    next: u64,
    _profile: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Start it; none where there is no browser, unless `HARNESS_BROWSER_REQUIRED` is set.
    pub fn start() -> Option<Self> {
        let Some(program) = find() else {
            let required = std::env::var_os("HARNESS_BROWSER_REQUIRED").is_some();
            assert!(
                !required,
                "HARNESS_BROWSER_REQUIRED is set, and there is no browser: {NAMES:?}"
            );
            // Past the test runner, which would keep it to itself.
            let names = NAMES.join(", ");
            let skipped = format!("SKIPPED: there is no browser ({names}); apt-get install chromium\n");
            std::io::stderr().write_all(skipped.as_bytes()).unwrap();
            return None;
        };
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().unwrap();
        // The protocol is spoken on descriptors 3 and 4, which only a shell can set without unsafe code.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#, "sh"])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--remote-debugging-pipe", "--window-size=1400,1000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let answers = listen(child.stdout.take().unwrap());
        let mut browser = Browser {
            child,
            input,
            answers,
            events: VecDeque::new(),
            session: None,
            next: 1,
            _profile: profile,
            _turn: turn,
        };
        browser.open_page();
        Some(browser)
    }

    fn open_page(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let id = target["targetId"].clone();
        let attached = self.call("Target.attachToTarget", json!({"targetId": id, "flatten": true}));
        self.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.call(domain, json!({}));
        }
    }

    /// Call a method and wait for its result.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next;
        self.next += 1;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self
                .answers
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("{method}: {error}"));
            if answer["id"] != id {
                self.events.push_back(answer);
                continue;
            }
            assert!(answer.get("error").is_none(), "{method}: {answer}");
            return answer["result"].clone();
        }
    }

    /// Open a file, and wait until it is loaded; what the page says of its drawing.
    #[track_caller]
    pub fn open(&mut self, file: &Path) -> String {
        self.events.clear();
        self.call(
            "Page.navigate",
            json!({"url": format!("file://{}", file.display())}),
        );
        while !self
            .events
            .iter()
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            let event = self.answers.recv_timeout(PATIENCE).unwrap();
            self.events.push_back(event);
        }
        let drawn = self.evaluate("document.documentElement.dataset.drawn");
        drawn.as_str().unwrap_or_default().to_owned()
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Press a key as a person does.
    pub fn press(&mut self, key: &str) {
        for kind in ["rawKeyDown", "keyUp"] {
            let code = match key {
                "Tab" => 9,
                "Enter" => 13,
                "ArrowLeft" => 37,
                "ArrowUp" => 38,
                "ArrowRight" => 39,
                "ArrowDown" => 40,
                _ => 0,
            };
            let params = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Type a text into what has the focus.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Click at a point of the window.
    pub fn click(&mut self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let params =
                json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// What the page complained of: exceptions, errors on the console, and what its policy refused; and every dialog.
    pub fn complaints(&mut self) -> Vec<String> {
        self.evaluate("1");
        while let Ok(event) = self.answers.try_recv() {
            self.events.push_back(event);
        }
        self.events
            .iter()
            .filter(|event| is_complaint(event))
            .map(Value::to_string)
            .collect()
    }
}

fn is_complaint(event: &Value) -> bool {
    match event["method"].as_str() {
        Some("Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => true,
        Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
        Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
        _ => false,
    }
}

/// Messages end with a zero byte.
fn listen(output: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut message = Vec::new();
        while output.read_until(0, &mut message).is_ok_and(|bytes| bytes > 0) {
            if message.last() == Some(&0) {
                message.pop();
            }
            let Ok(value) = serde_json::from_slice(&message) else {
                return;
            };
            if sender.send(value).is_err() {
                return;
            }
            message.clear();
        }
    });
    receiver
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its own processes when it is asked to; what it cannot do any more is done to it.
        let asked = self.input.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        if asked.is_err() || self.answers.iter().all(|answer| answer["id"] != 0) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

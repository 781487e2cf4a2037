use super::*;

fn header() -> Header {
    serde_json::from_str(r#"{"history":1,"model":"register","keyed":true}"#).unwrap()
}

fn event(process: u64, kind: Kind, time: u64) -> Event {
    Event {
        index: 0,
        time: Nanos(time),
        process: Process::Client(process),
        kind,
        f: "write".into(),
        key: Some("k".into()),
        value: Value::Int(time as i64),
        node: None,
        error: None,
        message: None,
        seq: None,
        at: None,
        other: Default::default(),
    }
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn events_are_numbered_in_the_order_of_the_queue_and_time_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let writing = start(&path, &header(), None).unwrap();
    let recorder = writing.recorder();
    std::thread::scope(|scope| {
        for process in 0..4 {
            let recorder = recorder.clone();
            scope.spawn(move || {
                for time in 0..500 {
                    recorder.record(event(process, Kind::Invoke, time));
                    recorder.record(event(process, Kind::Ok, time));
                }
            });
        }
    });
    let counts = writing.recorder();
    writing.finish().unwrap();
    assert_eq!(counts.counts().ok.load(Ordering::Relaxed), 2000);
    let events: Vec<Event> = lines(&path)[1..]
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 4000);
    assert!(
        events
            .iter()
            .enumerate()
            .all(|(at, event)| event.index == at as u64)
    );
    assert!(events.windows(2).all(|pair| pair[0].time <= pair[1].time));
}

#[test]
fn a_line_is_on_disk_as_soon_as_nothing_else_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let writing = start(&path, &header(), None).unwrap();
    writing.recorder().record(event(1, Kind::Invoke, 5));
    let deadline = Instant::now() + Duration::from_secs(10);
    while lines(&path).len() < 2 {
        assert!(Instant::now() < deadline, "the line never came");
        std::thread::yield_now();
    }
    writing.finish().unwrap();
}

/// A recording on a file that exists.
fn on(file: File, limit: Duration) -> Writing {
    Writing::on(file, Path::new("history.jsonl"), 0, None, limit).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_ends_the_recording() {
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let writing = on(full, STALLED);
    writing.recorder().record(event(1, Kind::Invoke, 5));
    let error = writing.finish().unwrap_err().to_string();
    assert!(
        error.contains("No space") && error.contains("readable"),
        "{error}"
    );
}

/// More than the queue holds, on a disk that takes no more than a pipe does.
fn overfull(limit: Duration) -> (std::io::PipeReader, Writing) {
    let (disk, pipe) = std::io::pipe().unwrap();
    let writing = on(File::from(std::os::fd::OwnedFd::from(pipe)), limit);
    for time in 0..(QUEUE + (1 << 14)) as u64 {
        writing.recorder().record(event(1, Kind::Invoke, time));
    }
    (disk, writing)
}

fn has_room(recorder: &Recorder) -> bool {
    let mut room = std::pin::pin!(recorder.room());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::future::Future::poll(room.as_mut(), &mut context).is_ready()
}

#[tokio::test]
async fn a_slow_disk_holds_up_those_who_begin_and_nothing_is_lost() {
    let (mut disk, writing) = overfull(STALLED);
    let recorder = writing.recorder();
    assert!(!has_room(&recorder));
    let read = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut disk, &mut text).unwrap();
        text
    });
    recorder.room().await;
    writing.finish().unwrap();
    assert_eq!(read.join().unwrap().lines().count(), QUEUE + (1 << 14));
}

#[tokio::test]
async fn a_stalled_disk_ends_the_run_and_nobody_waits_for_it() {
    let (_disk, writing) = overfull(Duration::from_millis(1));
    assert!(!has_room(&writing.recorder()));
    let error = writing.recorder().failure().await;
    assert!(matches!(error, RecorderError::Stalled { .. }), "{error}");
    let error = writing.finish().unwrap_err().to_string();
    assert!(error.contains("has not taken a write"), "{error}");
}

#[test]
fn a_file_beside_the_history_is_written_by_the_same_thread_and_its_failure_ends_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let beside = |name: &str| folder.path().join(name);
    let line = |number: u64| Line::Cycle(number.into());
    let writing = start(&beside("history.jsonl"), &header(), None).unwrap();
    let recorder = writing.recorder();
    recorder.begin(beside("empty.jsonl"));
    recorder.add(beside("a.jsonl"), line(1));
    recorder.add(beside("a.jsonl"), line(2));
    recorder.record(event(1, Kind::Invoke, 5));
    // There is no such folder.
    recorder.add(beside("none/b.jsonl"), line(3));
    recorder.record(event(1, Kind::Ok, 6));
    let error = writing.finish().unwrap_err().to_string();
    assert!(
        error.contains("none/b.jsonl") && error.contains("readable"),
        "{error}"
    );
    assert_eq!(lines(&beside("empty.jsonl")), [""; 0]);
    assert_eq!(lines(&beside("a.jsonl")), ["1", "2"]);
    // Nothing follows what could not be written.
    assert_eq!(lines(&beside("history.jsonl")).len(), 2);
}

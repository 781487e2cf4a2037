use std::sync::Arc;
use std::time::Duration;

use nemesis::NodeId;
use runs::store::{Answer, Request, StoreOp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::builtin;
use crate::meaning;

fn postgres() -> Postgres {
    match builtin::named("postgres").described().client {
        description::Client::Postgres(operations) => Postgres::new(*operations, &Secrets::default()).unwrap(),
        _ => panic!("postgres speaks SQL"),
    }
}

/// A message of the server's: a letter, the length, and what it says.
fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[letter], length.as_slice(), body].concat()
}

const READY: &[u8] = b"Z\0\0\0\x05I";

/// The answer to a statement that finds these rows of one column.
fn rows(column: &str, values: &[Option<&str>]) -> Vec<u8> {
    let described = [&1u16.to_be_bytes(), column.as_bytes(), &[0; 19]].concat();
    let mut answer = message(b'T', &described);
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        let cell = value.unwrap_or_default().as_bytes();
        answer.extend(message(
            b'D',
            &[&1u16.to_be_bytes(), length.to_be_bytes().as_slice(), cell].concat(),
        ));
    }
    answer.extend(message(b'C', format!("SELECT {}\0", values.len()).as_bytes()));
    [answer.as_slice(), READY].concat()
}

fn done(tag: &str) -> Vec<u8> {
    [message(b'C', format!("{tag}\0").as_bytes()).as_slice(), READY].concat()
}

fn failed(state: &str) -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C{state}\0Msome words\0\0");
    [message(b'E', fields.as_bytes()).as_slice(), READY].concat()
}

/// What a statement is answered with; none is the end of the connection.
type Answers = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// A server that tells of every statement that it gets, with the number of its connection.
async fn serve(listener: TcpListener, answers: Answers, tell: mpsc::UnboundedSender<(usize, String)>) {
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        number += 1;
        tokio::spawn(session(stream, number, Arc::clone(&answers), tell.clone()));
    }
}

async fn session(
    mut stream: TcpStream,
    number: usize,
    answers: Answers,
    tell: mpsc::UnboundedSender<(usize, String)>,
) -> io::Result<()> {
    let length = stream.read_u32().await?;
    stream.read_exact(&mut vec![0; length as usize - 4]).await?;
    stream.write_all(&message(b'R', &[0; 4])).await?;
    stream.write_all(READY).await?;
    while stream.read_u8().await? == b'Q' {
        let length = stream.read_u32().await?;
        let mut text = vec![0; length as usize - 4];
        stream.read_exact(&mut text).await?;
        let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
        let answer = answers(&text);
        let _ = tell.send((number, text));
        match answer {
            Some(answer) => stream.write_all(&answer).await?,
            None => break,
        }
    }
    Ok(())
}

struct Asking {
    postgres: Postgres,
    target: Target,
    said: mpsc::UnboundedReceiver<(usize, String)>,
    _server: tokio::task::JoinHandle<()>,
}

impl Asking {
    async fn of(answers: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            node: NodeId(0),
            address: listener.local_addr().unwrap(),
            timeout: Duration::from_secs(60),
        };
        let (tell, said) = mpsc::unbounded_channel();
        Asking {
            postgres: postgres(),
            target,
            said,
            _server: tokio::spawn(serve(listener, Arc::new(answers), tell)),
        }
    }

    async fn ask(&self, op: StoreOp) -> (Came, Answer) {
        let request = Request {
            op,
            ..Request::read("it's".into(), self.target.timeout)
        };
        let sees = RequestSees::of(&request, &"read-committed".into());
        let came = self.postgres.ask(self.target, &sees).await;
        let rules = builtin::named("postgres").described().errors;
        let answer = self.postgres.answer(&sees);
        let reply = meaning::reply(&rules, &[], sees.word(), answer, &came);
        (came, reply.answer)
    }

    /// What the server got since, by connection.
    fn said(&mut self) -> Vec<(usize, String)> {
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }
}

#[tokio::test]
async fn rows_become_objects_and_a_row_that_is_not_there_no_value() {
    for (found, wanted) in [
        (
            rows("value", &[Some("[1, 2]")]),
            histories::Value::list([1.into(), 2.into()]),
        ),
        (rows("value", &[Some("12"), Some("13")]), 12.into()),
        (rows("value", &[]), histories::Value::Null),
    ] {
        let mut asking = Asking::of(move |_| Some(found.clone())).await;
        assert_eq!(asking.ask(StoreOp::Read).await.1, Answer::Ok(wanted));
        assert_eq!(
            asking.said(),
            [(1, "SELECT value FROM kv WHERE key = 'it''s'".to_owned())]
        );
    }
    let cells = [("a", Some("1")), ("b", None)];
    assert_eq!(row(cells.into_iter()), json!({"a": "1", "b": null}));
}

#[tokio::test]
async fn a_compare_and_set_is_told_by_how_many_rows_it_changed() {
    for (tag, wanted) in [
        ("UPDATE 1", Answer::Ok(histories::Value::Null)),
        ("UPDATE 0", Answer::Fail),
    ] {
        let asking = Asking::of(move |_| Some(done(tag))).await;
        let cas = StoreOp::Cas {
            expected: 1.into(),
            new: 2.into(),
        };
        assert_eq!(asking.ask(cas).await.1, wanted, "{tag}");
    }
}

fn transaction() -> StoreOp {
    let micro = |f: &str, value: histories::Value| histories::Value::list([f.into(), 1.into(), value]);
    let read = micro("r", histories::Value::Null);
    StoreOp::Txn(histories::Value::list([micro("append", 2.into()), read]))
}

/// The beginnings of what was said.
fn words(said: &[(usize, String)]) -> Vec<(usize, &str)> {
    said.iter()
        .map(|(number, text)| (*number, text.split(' ').next().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn a_transaction_has_a_connection_to_itself_and_one_that_fails_is_rolled_back() {
    let answers = |text: &str| {
        Some(match text.split(' ').next() {
            Some("SELECT") => failed("40001"),
            _ => done("INSERT 0 1"),
        })
    };
    let mut asking = Asking::of(answers).await;
    let (_, answer) = asking.ask(transaction()).await;
    assert_eq!(answer, Answer::Fail);
    let said = asking.said();
    assert_eq!(said[0].1, "BEGIN ISOLATION LEVEL read committed");
    let wanted = [(1, "BEGIN"), (1, "INSERT"), (1, "SELECT"), (1, "ROLLBACK")];
    assert_eq!(words(&said), wanted);
    // The connection is clean again, and used again; two at a time have two.
    tokio::join!(
        asking.ask(StoreOp::Write(1.into())),
        asking.ask(StoreOp::Write(2.into()))
    );
    let mut said = asking.said();
    said.sort();
    assert_eq!(words(&said), [(1, "INSERT"), (2, "INSERT")]);
}

#[tokio::test]
async fn what_a_commit_answers_is_told_and_a_refused_commit_is_none() {
    for (state, wanted) in [
        ("40001", Answer::Fail),
        ("57P01", Answer::Unknown),
        ("XX000", Answer::Unknown),
    ] {
        let asking = Asking::of(move |text| {
            Some(match text {
                "COMMIT" => failed(state),
                _ => done("INSERT 0 1"),
            })
        })
        .await;
        assert_eq!(asking.ask(transaction()).await.1, wanted, "{state}");
    }
    let asking = Asking::of(|text| {
        Some(match text.split(' ').next() {
            Some("SELECT") => rows("value", &[Some("[2]")]),
            _ => done("INSERT 0 1"),
        })
    })
    .await;
    let Came::Answer(told) = asking.ask(transaction()).await.0 else {
        panic!("no answer");
    };
    let (wrote, read) = (
        json!({"rows": [], "affected": 1}),
        json!({"rows": [{"value": "[2]"}], "affected": 1}),
    );
    assert_eq!(told.json, json!([wrote, read]));
}

/// Whoever asks again by itself makes of an unknown write a second one.
#[tokio::test]
async fn what_was_asked_over_a_connection_that_was_lost_is_not_asked_again() {
    let mut asking = Asking::of(|_| None).await;
    for asked in 1..=2 {
        let (came, answer) = asking.ask(StoreOp::Write(1.into())).await;
        let is_lost = matches!(
            &came,
            Came::Nothing {
                transport: Transport::Closed,
                ..
            }
        );
        assert!(is_lost && answer == Answer::Unknown, "{came:?}");
        assert_eq!(words(&asking.said()), [(asked, "INSERT")]);
    }
}

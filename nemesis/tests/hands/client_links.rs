//! The links between nodes and their clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use nemesis::evidence::Count;
use nemesis::faults::{ClientRulesSet, Killed};
use nemesis::hands::Framing;
use nemesis::{ClientRule, Effect};

use crate::stage::{BOUND, IDLE, N1, N2, Stage, nowhere, ready_then};

/// A server that sends back what it gets.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let stream = stream.unwrap();
                std::io::copy(&mut &stream, &mut &stream)
            });
        }
    });
    address
}

fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream
}

/// How a connection ends that says nothing more.
fn end(mut stream: TcpStream) -> Result<usize, ErrorKind> {
    stream.read(&mut [0]).map_err(|error| error.kind())
}

async fn stage() -> Stage {
    let stage = Stage::new(2, Framing::Frames).await;
    let address = echo();
    for node in [N1, N2] {
        stage.script(node, &ready_then(IDLE, address, address));
        stage.start(node).await;
    }
    stage
}

#[tokio::test]
async fn a_clients_bytes_go_there_and_back() {
    let stage = stage().await;
    let mut client = dial(stage.hands.client_address(N1));
    let sent: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let mut writer = client.try_clone().unwrap();
    let writing = std::thread::spawn({
        let sent = sent.clone();
        move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        }
    });
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    writing.join().unwrap();
    assert!(got == sent);
    let traffic = stage.hands.client_counters()[&N1];
    assert_eq!(
        (traffic.offered.bytes, traffic.delivered.bytes),
        (2_000_000, 2_000_000)
    );
}

#[tokio::test]
async fn the_client_link_of_a_dead_node_closes_at_once() {
    let stage = stage().await;
    let _: Killed = stage.done(Effect::Kill(N2)).await;
    let client = dial(stage.hands.client_address(N2));
    assert_eq!(end(client), Ok(0));
    stage.script(N2, &ready_then(IDLE, nowhere(), nowhere()));
    stage.start(N2).await;
    assert_eq!(end(dial(stage.hands.client_address(N2))), Ok(0), "nobody listens");
}

#[tokio::test]
async fn a_reply_or_a_request_is_dropped_with_its_connection() {
    let stage = stage().await;
    let set = |rule| Effect::Clients {
        rule,
        nodes: vec![N1],
    };
    let mut was = ClientRule::Pass;
    let mut dropped = Count::default();
    for rule in [ClientRule::CutReplies, ClientRule::CutRequests, ClientRule::Pass] {
        let before: ClientRulesSet = stage.done(set(rule)).await;
        assert_eq!(before.ended.len(), 1);
        assert_eq!((before.ended[0].was, before.ended[0].dropped), (was, dropped));
        let mut client = dial(stage.hands.client_address(N1));
        client.write_all(b"ping").unwrap();
        if rule == ClientRule::Pass {
            client.read_exact(&mut [0; 4]).unwrap();
        } else {
            assert_eq!(end(client), Err(ErrorKind::ConnectionReset), "{rule:?}");
        }
        let mut other = dial(stage.hands.client_address(N2));
        other.write_all(b"ping").unwrap();
        other.read_exact(&mut [0; 4]).unwrap();
        (was, dropped) = (rule, Count { frames: 1, bytes: 4 });
    }
    let _: ClientRulesSet = stage.done(set(ClientRule::CutReplies)).await;
    let healed = stage.hands.heal_all().await;
    assert_eq!(healed[0].0, set(ClientRule::Pass));
}

//! What is so in namespaces.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use nemesis::faults::{Killed, RulesSet};
use nemesis::hands::{Clock, Direction, Framing, Hands, HandsError, Network, Plan};
use nemesis::{Effect, Link, LinkRule, NodeId};

use crate::peer::{CLIENTS, PEERS};
use crate::stage::{BOUND, N1, N2, Stage, until};

const THERE: Link = Link(N1, N2);
const BACK: Link = Link(N2, N1);

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(future)
}

fn network() -> Network {
    Network::Namespaces(Plan {
        framing: Framing::Stream(Direction::Bytes, None),
        peer_ports: PEERS.to_vec(),
        client_ports: vec![CLIENTS],
    })
}

pub async fn hands(nodes: usize) -> Result<Hands, HandsError> {
    Hands::new(nodes, network(), Clock::start()).await
}

/// Three nodes that run.
pub async fn stage() -> Stage {
    let stage = Stage::on(3, network()).await;
    let me = std::env::current_exe().unwrap();
    for node in NodeId::all(3) {
        let address = stage.hands.own_address(node).unwrap();
        stage.script(node, &format!("exec {} peer {address} $READY", me.display()));
        stage.start(node).await;
    }
    stage
}

/// Have a node dial another, at one of its ports.
fn dial(stage: &Stage, link: Link, port: u16) -> TcpStream {
    let mut client = TcpStream::connect(stage.hands.client_address(link.0)).unwrap();
    client.set_read_timeout(Some(BOUND)).unwrap();
    let to = stage.hands.own_address(link.1).unwrap();
    writeln!(client, "{to}:{port}").unwrap();
    client
}

/// Read until this comes.
fn hears(mut client: &TcpStream, wanted: &str) {
    let (mut heard, end) = (String::new(), Instant::now() + BOUND);
    while !heard.ends_with(wanted) {
        assert!(Instant::now() < end, "{wanted:?} does not come: {heard}");
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        heard.push(byte[0].into());
    }
}

async fn set(stage: &Stage, rule: LinkRule, links: &[Link]) -> RulesSet {
    stage.done(Effect::links(rule, links.iter().copied())).await
}

pub fn addresses() {
    wait(async {
        let stage = stage().await;
        for link in Link::all(3) {
            for port in PEERS {
                let client = dial(&stage, link, port);
                let own = stage.hands.own_address(link.0).unwrap();
                hears(&client, &format!("+{own}\n."));
            }
            let traffic = stage.hands.link_counters()[&Link(link.1, link.0)];
            assert!(traffic.delivered.bytes > 0, "{link:?} {traffic:?}");
        }
    });
}

pub fn one_way() {
    wait(async {
        let stage = stage().await;
        let mut client = dial(&stage, THERE, PEERS[0]);
        hears(&client, "+");
        client.write_all(b"hello").unwrap();
        hears(&client, "HELLO");
        set(&stage, LinkRule::Cut, &[THERE]).await;
        client.write_all(b"lost").unwrap();
        let counters = || stage.hands.link_counters();
        until("it is swallowed", || counters()[&THERE].dropped.bytes == 4).await;
        let before = counters()[&BACK].delivered.bytes;
        until("the other way is open", || {
            counters()[&BACK].delivered.bytes > before
        })
        .await;
        let ended = set(&stage, LinkRule::Cut, &[BACK]).await;
        assert!(ended.ended[0].traffic.delivered.bytes > 0);
        until("ticks are swallowed", || counters()[&BACK].dropped.bytes > 10).await;
        for link in [BACK, THERE] {
            let healed = set(&stage, LinkRule::Pass, &[link]).await;
            assert!(healed.ended[0].proves_cut(), "{healed:?}");
        }
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert!(heard.ends_with('R') && !heard.contains("LOST"), "{heard}");
        hears(&dial(&stage, THERE, PEERS[0]), "+127.0.0.1\n.");
    });
}

pub fn new_connection() {
    wait(async {
        let stage = stage().await;
        for link in [THERE, BACK] {
            set(&stage, LinkRule::Cut, &[link]).await;
            let mut client = dial(&stage, THERE, PEERS[1]);
            until("it has tried", || stage.hands.link_counters()[&link].refused > 0).await;
            client.set_nonblocking(true).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
            client.set_nonblocking(false).unwrap();
            hears(&dial(&stage, Link(N1, NodeId(2)), PEERS[1]), "+127.0.0.1\n.");
            let healed = set(&stage, LinkRule::Pass, &[link]).await;
            assert!(healed.ended[0].proves_cut(), "{healed:?}");
            hears(&client, "+127.0.0.1\n.");
        }
    });
}

pub fn restart() {
    wait(async {
        let stage = stage().await;
        let (peer, client) = (stage.hands.peer_address(THERE), stage.hands.client_address(N2));
        let mut before = dial(&stage, THERE, PEERS[0]);
        hears(&before, "+127.0.0.1\n.");
        let _: Killed = stage.done(Effect::Kill(N2)).await;
        before.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(stage.start(N2).await.starts, 2);
        assert_eq!(stage.hands.peer_address(THERE), peer);
        assert_eq!(stage.hands.client_address(N2), client);
        hears(&dial(&stage, THERE, PEERS[0]), "+127.0.0.1\n.");
        hears(&dial(&stage, BACK, PEERS[0]), "+127.0.0.2\n.");
        // What leads there past all rules.
        let direct = TcpStream::connect(stage.hands.direct_address(N2).unwrap()).unwrap();
        writeln!(&direct, "127.0.0.1:{}", PEERS[0]).unwrap();
        hears(&direct, "+127.0.0.2\n.");
    });
}

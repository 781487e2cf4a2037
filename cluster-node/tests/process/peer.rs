//! A peer that is the test itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use cluster_node::frame::{self, Frame, Hello, Incoming, VERSION};
use cluster_node::raft::types::{Entry, LogIndex, Message, Position, Round, Term};

use super::node::{Node, spawn};

/// Node n2 of a cluster of two.
pub struct Peer {
    to_node: TcpStream,
    from_node: TcpStream,
    incoming: Incoming,
}

impl Peer {
    /// Node n1, whose only peer this is.
    pub fn of_node(folder: &Path, args: &[&str]) -> (Node, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = format!("n2={}", listener.local_addr().unwrap());
        let mut node = spawn(folder, &[args, &["--peer", &peer]].concat());
        let ready = node.wait_until_ready();
        let mut peer = Peer {
            to_node: TcpStream::connect(ready["peer"].as_str().unwrap()).unwrap(),
            from_node: listener.accept().unwrap().0,
            incoming: Incoming::default(),
        };
        peer.say_frame(&Frame::Hello(Hello {
            version: VERSION,
            cluster: "default".to_owned(),
            from: "n2".to_owned(),
            to: "n1".to_owned(),
        }));
        (node, peer)
    }

    pub fn say(&mut self, message: Message) {
        self.say_frame(&Frame::Message(message));
    }

    pub fn say_frame(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, frame);
        self.to_node.write_all(&bytes).unwrap();
    }

    /// The entries from the first on, as the leader of a term.
    pub fn append(&mut self, term: Term, entries: Vec<Entry>) {
        self.say(Message::AppendEntries {
            term,
            prev: Position::default(),
            entries,
            commit: LogIndex(0),
            round: Round(0),
        });
    }

    /// Listen until the node says something of this kind.
    pub fn hear_message(&mut self, is_meant: impl Fn(&Message) -> bool) -> Message {
        self.hear(|frame| match frame {
            Frame::Message(message) if is_meant(&message) => Some(message),
            _ => None,
        })
    }

    /// Listen until a frame is of interest.
    pub fn hear<T>(&mut self, interest: impl Fn(Frame) -> Option<T>) -> T {
        loop {
            while let Some(frame) = self.incoming.next_frame().unwrap() {
                if let Some(heard) = interest(frame) {
                    return heard;
                }
            }
            let mut bytes = [0; 4096];
            let length = self.from_node.read(&mut bytes).unwrap();
            assert!(length > 0, "the node has hung up");
            self.incoming.room().extend_from_slice(&bytes[..length]);
        }
    }
}

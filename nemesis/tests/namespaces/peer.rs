//! A node. To its peers it tells whom it sees, then a dot every millisecond, and what they say in capitals. A client names an
//! address; the node dials it and carries bytes between the two: `+` first when it is connected, `R` at the end if it was
//! reset.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

pub const PEERS: [u16; 2] = [7000, 7001];
pub const CLIENTS: u16 = 8000;

pub fn run(address: &str, ready: &str) {
    let listen = |port: u16| TcpListener::bind((address, port)).unwrap();
    let peers = PEERS.map(listen);
    let clients = listen(CLIENTS);
    let said = format!(
        r#"{{"client":"{address}:{CLIENTS}","peer":"{address}:{}"}}"#,
        PEERS[0]
    );
    std::fs::write(format!("{ready}.new"), said).unwrap();
    std::fs::rename(format!("{ready}.new"), ready).unwrap();
    for listener in peers {
        thread::spawn(move || serve(&listener, tell));
    }
    serve(&clients, relay);
}

fn serve(listener: &TcpListener, with: fn(TcpStream)) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        thread::spawn(move || with(stream));
    }
}

fn tell(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let whom = stream.peer_addr().unwrap().ip();
    let mut ticker = stream.try_clone().unwrap();
    let mut ticks = move || {
        writeln!(ticker, "{whom}")?;
        loop {
            ticker.write_all(b".")?;
            thread::sleep(Duration::from_millis(1));
        }
    };
    thread::spawn(move || -> std::io::Result<()> { ticks() });
    let mut buffer = [0; 64];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        buffer.make_ascii_uppercase();
        if stream.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
}

fn relay(mut client: TcpStream) {
    let mut line = String::new();
    BufReader::new(&client).read_line(&mut line).unwrap();
    let Ok(mut peer) = TcpStream::connect(line.trim()) else {
        return;
    };
    client.write_all(b"+").unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), peer.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut to));
    if let Err(error) = std::io::copy(&mut peer, &mut client)
        && error.kind() == std::io::ErrorKind::ConnectionReset
    {
        let _ = client.write_all(b"R");
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
}

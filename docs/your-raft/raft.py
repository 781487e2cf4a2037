#!/usr/bin/env python3
"""A small Raft (Ongaro and Ousterhout 2014), with nothing but the standard library: a key-value store with get, put and cas.

It is the worked example of docs/your-raft.md. Peers send each other a JSON object a line, each over connections that it
has dialled itself; clients speak HTTP. With --naive a leader takes for committed whatever stands on a majority, whichever term it
is of: the mistake of section 5.4.2, Figure 8.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random

HEARTBEAT = 0.05
ELECTION = (0.3, 0.6)
PATIENCE = 10.0  # how long a client's request is kept
TAIL = 48  # so much of the log's end a status shows


class Log:
    """The term, the vote and the entries, on disk before anybody hears of them. Indexes count from 1."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "log.jsonl")
        self.term, self.vote, self.entries = 0, None, []
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                whole = file.read()
            whole = whole[: whole.rfind(b"\n") + 1]  # a line that was being written at a crash promises nothing
            for line in whole.splitlines():
                self.replay(json.loads(line))
            with open(self.path, "r+b") as file:
                file.truncate(len(whole))
        self.file = open(self.path, "ab")

    def replay(self, step):
        if "term" in step:
            self.term, self.vote = step["term"], step["vote"]
        else:
            del self.entries[step["at"] - 1 :]
            self.entries += step["entries"]

    def write(self, step):
        self.replay(step)
        self.file.write(json.dumps(step).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    def set_term(self, term, vote):
        self.write({"term": term, "vote": vote})

    def put(self, at, entries):
        """Replace everything from this index on."""
        self.write({"at": at, "entries": entries})

    def last(self):
        return len(self.entries)

    def term_at(self, index):
        return self.entries[index - 1]["term"] if 0 < index <= len(self.entries) else 0


class Node:
    def __init__(self, me, peers, folder, naive):
        self.me, self.naive = me, naive
        self.peers = {name: Peer(address) for name, address in peers.items()}
        self.log = Log(folder)
        self.role, self.leader = "follower", None
        self.commit = self.applied = 0
        self.store = {}
        self.next, self.match, self.acked, self.votes = {}, {}, {}, set()
        self.round = 0  # of heartbeats, so that a read knows that a majority still follows
        self.denied = []  # the votes that it was refused lately
        self.writes = {}  # index -> (term, future)
        self.reads = []  # (round, key, future)
        self.postpone()

    def majority(self):
        return (len(self.peers) + 1) // 2 + 1

    def postpone(self):
        self.deadline = asyncio.get_running_loop().time() + random.uniform(*ELECTION)

    def send(self, to, kind, **more):
        self.peers[to].send({"type": kind, "from": self.me, "term": self.log.term, **more})

    # --- elections (section 5.2)

    def follow(self, term, leader):
        if term > self.log.term:
            self.log.set_term(term, None)
        if self.role == "leader":
            for _, _, future in self.reads:
                answer(future, {"ok": False, "error": "not-leader", "leader": leader})
            self.reads = []
        self.role, self.leader = "follower", leader

    def campaign(self):
        self.log.set_term(self.log.term + 1, self.me)
        self.role, self.leader, self.votes = "candidate", None, {self.me}
        self.postpone()
        last = self.log.last()
        for peer in self.peers:
            self.send(peer, "vote", last=last, last_term=self.log.term_at(last))
        self.count_votes()

    def on_vote(self, message):
        last = self.log.last()
        newer = (message["last_term"], message["last"]) >= (self.log.term_at(last), last)  # section 5.4.1
        free = self.log.vote in (None, message["from"])
        yes = message["term"] == self.log.term and self.role == "follower" and free and newer
        if yes:
            self.log.set_term(self.log.term, message["from"])
            self.postpone()
        why = "log" if not newer else "voted"
        self.send(message["from"], "voted", yes=yes, of=message["term"], why=why)

    def on_voted(self, message):
        if not message["yes"]:
            refused = {"by": message["from"], "term": message["of"], "why": message["why"]}
            self.denied = (self.denied + [refused])[-16:]
        if self.role == "candidate" and message["term"] == self.log.term and message["yes"]:
            self.votes.add(message["from"])
            self.count_votes()

    def count_votes(self):
        if self.role == "candidate" and len(self.votes) >= self.majority():
            self.role, self.leader = "leader", self.me
            self.next = {peer: self.log.last() + 1 for peer in self.peers}
            self.match = {peer: 0 for peer in self.peers}
            self.acked = {peer: 0 for peer in self.peers}
            self.heartbeat()

    # --- the log (section 5.3)

    def heartbeat(self):
        self.round += 1
        for peer in self.peers:
            self.replicate(peer)

    def replicate(self, peer):
        before = self.next[peer] - 1
        self.send(
            peer,
            "append",
            before=before,
            before_term=self.log.term_at(before),
            entries=self.log.entries[before : before + 1],
            commit=self.commit,
            round=self.round,
        )

    def on_append(self, message):
        if message["term"] < self.log.term:
            self.send(message["from"], "appended", ok=False, match=0, round=0)
            return
        self.follow(message["term"], message["from"])
        self.postpone()
        before, entries = message["before"], message["entries"]
        ok = before == 0 or (before <= self.log.last() and self.log.term_at(before) == message["before_term"])
        if ok:
            for at, entry in enumerate(entries, before + 1):
                if self.log.term_at(at) != entry["term"]:
                    self.log.put(at, [entry])
            self.advance(min(message["commit"], before + len(entries)))
        self.send(message["from"], "appended", ok=ok, match=before + len(entries), round=message["round"])

    def on_appended(self, message):
        peer = message["from"]
        if self.role != "leader" or message["term"] != self.log.term:
            return
        self.acked[peer] = max(self.acked[peer], message["round"])
        if message["ok"]:
            self.match[peer] = max(self.match[peer], message["match"])
            self.next[peer] = max(self.next[peer], self.match[peer] + 1)
            self.try_advance_commit()
            if self.next[peer] <= self.log.last():
                self.replicate(peer)
        else:
            self.next[peer] = max(self.match[peer] + 1, self.next[peer] - 1)
            self.replicate(peer)
        self.answer_reads()

    def try_advance_commit(self):
        for index in range(self.log.last(), self.commit, -1):
            copies = 1 + sum(match >= index for match in self.match.values())
            # Section 5.4.2: an entry of an older term is committed only together with one of this term.
            if copies >= self.majority() and (self.naive or self.log.term_at(index) == self.log.term):
                self.advance(index)
                return

    def advance(self, commit):
        self.commit = max(self.commit, commit)
        while self.applied < self.commit:
            self.applied += 1
            entry = self.log.entries[self.applied - 1]
            result = self.apply(entry["op"])
            term, future = self.writes.pop(self.applied, (None, None))
            if future is not None:
                # Another entry at this place says nothing of the one that the client waits for.
                answer(future, result if term == entry["term"] else {"ok": False, "error": "unknown"})

    def apply(self, op):
        if op["f"] == "cas" and self.store.get(op["key"]) != op["from"]:
            return {"ok": False, "error": "cas-mismatch"}
        self.store[op["key"]] = op["to"] if op["f"] == "cas" else op["value"]
        return {"ok": True}

    # --- clients (section 8)

    def ask(self, op):
        """The future of an answer."""
        future = asyncio.get_running_loop().create_future()
        if self.role != "leader":
            answer(future, {"ok": False, "error": "not-leader", "leader": self.leader})
        elif op["f"] == "get":
            self.reads.append((self.round + 1, op["key"], future))
            self.heartbeat()
            self.answer_reads()
        else:
            self.log.put(self.log.last() + 1, [{"term": self.log.term, "op": op}])
            self.writes[self.log.last()] = (self.log.term, future)
            for peer in self.peers:
                if self.next[peer] == self.log.last():
                    self.replicate(peer)
            self.try_advance_commit()
        return future

    def answer_reads(self):
        """A read is answered when a majority has followed since it came, and this term has committed something."""
        if self.log.last() and self.log.term_at(self.commit) != self.log.term:
            return  # what earlier terms have committed is not known yet
        rounds = sorted([self.round, *self.acked.values()], reverse=True)
        confirmed = rounds[self.majority() - 1]
        waiting, self.reads = self.reads, []
        for since, key, future in waiting:
            if since <= confirmed:
                answer(future, {"ok": True, "value": self.store.get(key)})
            else:
                self.reads.append((since, key, future))

    def status(self):
        last = self.log.last()
        first = max(1, last - TAIL + 1)
        digest = lambda entry: hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]
        return {
            "role": self.role,
            "term": self.log.term,
            "leader": self.leader,
            "commit": self.commit,
            "applied": self.applied,
            "last": {"index": last, "term": self.log.term_at(last)},
            "denied": self.denied,
            "match": self.match if self.role == "leader" else None,
            "tail": [
                {"index": at, "term": self.log.term_at(at), "hash": digest(self.log.entries[at - 1])}
                for at in range(first, last + 1)
            ],
        }

    def hear(self, message):
        if message["term"] > self.log.term:
            self.follow(message["term"], None)
        {"vote": self.on_vote, "voted": self.on_voted, "append": self.on_append, "appended": self.on_appended}[
            message["type"]
        ](message)

    async def tick(self):
        while True:
            await asyncio.sleep(HEARTBEAT / 2)
            now = asyncio.get_running_loop().time()
            if self.role == "leader":
                if now >= self.deadline:
                    self.deadline = now + HEARTBEAT
                    self.heartbeat()
            elif now >= self.deadline:
                self.campaign()


def answer(future, result):
    if not future.done():
        future.set_result(result)


class Peer:
    """What is sent to another node: over one connection, made anew when it is lost; what cannot be sent is left out."""

    def __init__(self, address):
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.queue = asyncio.Queue(64)

    def send(self, message):
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(message)

    async def run(self):
        while True:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(self.host, self.port), 0.3)
                try:
                    while True:
                        message = await self.queue.get()
                        writer.write(json.dumps(message).encode() + b"\n")
                        await asyncio.wait_for(writer.drain(), 1)
                finally:
                    writer.close()
            except (OSError, asyncio.TimeoutError):
                await asyncio.sleep(0.02)


async def hear(node, reader, writer):
    try:
        while line := await reader.readline():
            node.hear(json.loads(line))
    except (OSError, ValueError):
        pass  # a connection that was cut in the middle of a line
    finally:
        writer.close()


async def serve(node, reader, writer):
    """HTTP: POST /op, GET /status."""
    try:
        while request := await reader.readline():
            length = 0
            while (header := await reader.readline()).strip():
                name, value = header.decode().split(":", 1)
                if name.lower() == "content-length":
                    length = int(value)
            body = await reader.readexactly(length)
            if b"/status" in request:
                result = node.status()
            else:
                try:
                    result = await asyncio.wait_for(node.ask(json.loads(body)), PATIENCE)
                except asyncio.TimeoutError:
                    result = {"ok": False, "error": "unknown"}
            text = json.dumps(result).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client has gone
    finally:
        writer.close()


async def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--id", required=True)
    words.add_argument("--data", required=True, help="the folder of its log")
    words.add_argument("--clients", required=True, help="where it serves them: HOST:PORT")
    words.add_argument("--peers", required=True, help="where it hears its peers: HOST:PORT")
    words.add_argument("--peer", action="append", default=[], help="another node: NAME=HOST:PORT")
    words.add_argument("--naive", action="store_true", help="commit by counting copies of entries of any term")
    words = words.parse_args()
    node = Node(words.id, dict(peer.split("=", 1) for peer in words.peer), words.data, words.naive)
    listen = lambda handle, at: asyncio.start_server(
        lambda reader, writer: handle(node, reader, writer), *at.rsplit(":", 1), limit=1 << 24
    )
    servers = [await listen(hear, words.peers), await listen(serve, words.clients)]
    await asyncio.gather(node.tick(), *(peer.run() for peer in node.peers.values()), *(s.serve_forever() for s in servers))


if __name__ == "__main__":
    asyncio.run(main())

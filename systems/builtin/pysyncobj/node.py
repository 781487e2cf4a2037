"""A key-value node around PySyncObj, for Python's standard library alone: POST /get, /put, /cas, /append, /status."""

import argparse
import hashlib
import json
import os
import queue
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pysyncobj import FAIL_REASON, SyncObj, SyncObjConf, journal, replicated

REASONS = {number: name.lower().replace("_", "-") for name, number in vars(FAIL_REASON).items() if name.isupper()}
ROLES = ["follower", "candidate", "leader"]  # syncobj.py _RAFT_STATE
LEADER = 2
# So many last entries are told, as by cluster-node.
TAIL = 48
# Clients give up sooner; a thread should not wait for ever.
PATIENCE_SECONDS = 10
# The journal of 0.3.11 fails on a record that is longer than its file, which it doubles once: begin with enough.
journal.ResizableFile.__init__.__defaults__ = (1 << 22, 2.0, None)


class Store(SyncObj):
    """What is replicated. Every command says (whether it happened, the value)."""

    values = {}

    @replicated
    def put(self, key, value):
        self.values[key] = value
        return True, None

    @replicated
    def cas(self, key, expected, value):
        if self.values.get(key) != expected:
            return False, None
        self.values[key] = value
        return True, None

    @replicated
    def append(self, key, value):
        self.values[key] = self.values.get(key, []) + [value]
        return True, None

    @replicated
    def get(self, key):
        # A read goes through the log: a leader that was deposed does not know it, and would answer from the past.
        return True, self.values.get(key)


class Glance:
    """What a node tells of itself (docs/cluster-node.md): taken between two steps of Raft, so that it is of one moment."""

    def __init__(self, store, names):
        self.store, self.names, self.hashes = store, names, {}
        self.waiting = queue.SimpleQueue()

    def ask(self):
        answer = queue.SimpleQueue()
        self.waiting.put(answer)
        return answer.get(timeout=PATIENCE_SECONDS)

    def serve(self):
        """In the thread of Raft."""
        while not self.waiting.empty():
            self.waiting.get().put(self.take())

    def take(self):
        known = self.store.getStatus()
        log = self.store._SyncObj__raftLog
        tail = [log[at] for at in range(max(0, len(log) - TAIL), len(log))]
        role = ROLES[known["state"]]
        told = {"role": role, "term": known["raft_term"], "leader": self.name(known["leader"]),
                "commit": known["commit_idx"], "applied": known["last_applied"],
                "last": {"index": tail[-1][1], "term": tail[-1][2]},
                "tail": [{"index": index, "term": term, "hash": self.hash(command)}
                         for command, index, term in tail]}
        if role == "leader":
            matches = ((node, known.get("match_idx_server_" + node)) for node in self.names)
            told["match"] = {self.names[node]: index for node, index in matches if index is not None}
        return told

    def name(self, node):
        return node and self.names.get(node.id)

    def hash(self, command):
        # One may be long, and stands there at every look.
        if len(self.hashes) > 4 * TAIL:
            self.hashes.clear()
        if command not in self.hashes:
            self.hashes[command] = hashlib.sha1(command).hexdigest()[:16]
        return self.hashes[command]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment an answer

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        status, answer = self.answer(self.path.strip("/"), asked)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, what, asked):
        if what == "status":
            return 200, self.server.glance.ask()
        store, known = self.server.store, self.server.store.getStatus()
        leader = self.server.glance.name(known["leader"])
        if what == "get" and self.server.local_reads:
            return 200, {"value": store.values.get(asked["key"])}
        if known["state"] != LEADER:
            return 503, {"error": "not-leader", "leader": leader}
        return self.replicate(what, asked)

    def replicate(self, what, asked):
        if what not in ("get", "put", "cas", "append"):
            return 404, {"error": "no-such-operation"}
        done, outcome = threading.Event(), []
        getattr(self.server.store, what)(**asked, callback=lambda *came: (outcome.extend(came), done.set()))
        if not done.wait(PATIENCE_SECONDS):
            return 504, {"error": "timeout"}
        result, reason = outcome
        if reason != FAIL_REASON.SUCCESS:
            return 503, {"error": REASONS.get(reason, str(reason))}
        happened, value = result
        return (200, {"value": value}) if happened else (409, {"error": "cas-mismatch"})

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        # HTTPServer's own asks DNS for its name, which a network of its own does not answer.
        socketserver.TCPServer.server_bind(self)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--name", "--http", "--raft", "--data"):
        parser.add_argument(name, required=True)
    parser.add_argument("--peer", action="append", default=[], help="NAME=ADDRESS:PORT")
    parser.add_argument("--local-reads", action="store_true")
    args = parser.parse_args()
    names = {address: name for name, address in (peer.split("=") for peer in args.peer)}
    store = Store(args.raft, list(names), conf=SyncObjConf(
        bindAddress=args.raft,  # without it, everywhere
        autoTick=False, journalFile=os.path.join(args.data, "journal"), connectionRetryTime=0.3,
        appendEntriesPeriod=0.005, leaderFallbackTimeout=2.0, commandsWaitLeader=False,
        # Without a dump, what is compacted away would be gone at the next start.
        logCompactionMinEntries=1 << 40, logCompactionMinTime=1 << 40))
    host, port = args.http.split(":")
    server = Server((host, int(port)), Handler)
    server.store, server.local_reads = store, args.local_reads
    server.glance = glance = Glance(store, {args.raft: args.name, **names})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # In the main thread: if an assertion of the library fails, the process ends and does not hang.
    while True:
        store.doTick(0.005)
        glance.serve()


main()

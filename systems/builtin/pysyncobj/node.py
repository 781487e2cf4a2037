"""A key-value node around PySyncObj, for Python's standard library alone: POST /get, /put, /cas, /append, /status."""

import argparse
import json
import os
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pysyncobj import FAIL_REASON, SyncObj, SyncObjConf, journal, replicated

REASONS = {number: name.lower().replace("_", "-") for name, number in vars(FAIL_REASON).items() if name.isupper()}
LEADER = 2  # syncobj.py _RAFT_STATE
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
        store, known = self.server.store, self.server.store.getStatus()
        leader = known["leader"] and known["leader"].id.split(":")[0]
        if what == "status":
            return 200, {"role": "leader" if known["state"] == LEADER else "other", "leader": leader,
                         "term": known["raft_term"], "commit": known["commit_idx"],
                         "applied": known["last_applied"], "log": known["log_len"]}
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
    for name in ("--http", "--raft", "--data"):
        parser.add_argument(name, required=True)
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--local-reads", action="store_true")
    args = parser.parse_args()
    store = Store(args.raft, args.peer, conf=SyncObjConf(
        bindAddress=args.raft,  # without it, everywhere
        autoTick=False, journalFile=os.path.join(args.data, "journal"), connectionRetryTime=0.3,
        appendEntriesPeriod=0.03, leaderFallbackTimeout=2.0, commandsWaitLeader=False,
        # Without a dump, what is compacted away would be gone at the next start.
        logCompactionMinEntries=1 << 40, logCompactionMinTime=1 << 40))
    host, port = args.http.split(":")
    server = Server((host, int(port)), Handler)
    server.store, server.local_reads = store, args.local_reads
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # In the main thread: if an assertion of the library fails, the process ends and does not hang.
    while True:
        store.doTick(0.01)


main()

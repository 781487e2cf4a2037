#!/usr/bin/env python3
"""A node for the smaller of Maelstrom's workloads: WORKLOAD=echo, unique-ids, broadcast, g-set, g-counter, pn-counter or kafka.

What it knows it tells its neighbours until they say that they know it, so it stands messages that are lost, late, repeated or
out of order. Logs are kept by n1 alone; the others hand on what they are asked.
MISTAKE=1 has each node do one thing in twenty wrong."""

import json
import os
import sys
import threading
import time

WORKLOAD = os.environ.get("WORKLOAD", "broadcast")
MISTAKE = bool(os.environ.get("MISTAKE"))
TICK = 0.05

lock = threading.Lock()
me, nodes, number, done = None, [], 0, 0


def send(dest, body):
    global number
    number += 1
    print(json.dumps({"src": me, "dest": dest, "body": {"msg_id": number, **body}}), flush=True)
    return number


def others():
    return [node for node in nodes if node != me]


def slips():
    """Whether this is one of those that go wrong."""
    global done
    done += 1
    return MISTAKE and done % 20 == 0


class Echo:
    before = "nothing"

    def echo(self, src, body):
        said = self.before if slips() else body["echo"]
        self.before = body["echo"]
        return {"type": "echo_ok", "echo": said}


class Ids:
    def __init__(self):
        self.given = 0

    def generate(self, src, body):
        self.given += 1
        return {"type": "generate_ok", "id": self.given if slips() else f"{me}-{self.given}"}


class Elements:
    """broadcast and g-set. A mistaken node keeps some elements to itself."""

    def __init__(self):
        self.known, self.neighbours = set(), None
        # What each neighbour has not said yet that it knows.
        self.lacks = {}

    def topology(self, src, body):
        self.neighbours = body["topology"][me]
        return {"type": "topology_ok"}

    def learn(self, elements, by=None):
        for element in set(elements) - self.known:
            self.known.add(element)
            if not slips():
                for node in others() if self.neighbours is None else self.neighbours:
                    if node != by:
                        self.lacks.setdefault(node, set()).add(element)

    def broadcast(self, src, body):
        self.learn([body["message"]])
        return {"type": "broadcast_ok"}

    def add(self, src, body):
        self.learn([body["element"]])
        return {"type": "add_ok"}

    def read(self, src, body):
        known = sorted(self.known)
        return {"type": "read_ok", "messages": known, "value": known}

    def gossip(self, src, body):
        self.learn(body["elements"], src)
        return {"type": "gossip_ok", "elements": body["elements"]}

    def gossip_ok(self, src, body):
        self.lacks.get(src, set()).difference_update(body["elements"])

    def tick(self):
        for node, elements in self.lacks.items():
            if elements:
                send(node, {"type": "gossip", "elements": list(elements)})


class Counter:
    """g-counter and pn-counter: what each node was told to add and to subtract. A mistaken node forgets some of it."""

    def __init__(self):
        self.sums = {}

    def add(self, src, body):
        up, down = self.sums.get(me, (0, 0))
        delta = body["delta"]
        # Only additions: with subtractions beside them what is forgotten could come to nothing.
        if delta > 0 and slips():
            delta = 0
        self.sums[me] = (up + max(delta, 0), down - min(delta, 0))
        return {"type": "add_ok"}

    def read(self, src, body):
        return {"type": "read_ok", "value": sum(up - down for up, down in self.sums.values())}

    def merge(self, src, body):
        for node, sums in body["sums"].items():
            self.sums[node] = tuple(map(max, sums, self.sums.get(node, (0, 0))))

    def tick(self):
        for node in others():
            send(node, {"type": "merge", "sums": self.sums})


class Logs:
    """kafka. A mistaken n1 gives some messages an offset, and loses them."""

    def __init__(self):
        self.logs, self.looked_at = {}, {}
        # Whom to answer when n1 does: our number -> (client, its number).
        self.asked = {}

    def hand_on(self, src, body):
        if me == nodes[0]:
            return False
        self.asked[send(nodes[0], {**body, "msg_id": number + 1})] = (src, body["msg_id"])
        return True

    def answered(self, src, body):
        client, msg_id = self.asked.pop(body["in_reply_to"], (None, None))
        if client:
            answer = {name: body[name] for name in body if name != "msg_id"}
            send(client, {**answer, "in_reply_to": msg_id})

    send_ok = poll_ok = commit_offsets_ok = list_committed_offsets_ok = answered

    def send(self, src, body):
        if not self.hand_on(src, body):
            log = self.logs.setdefault(body["key"], [])
            log.append(None if slips() else [len(log), body["msg"]])
            return {"type": "send_ok", "offset": len(log) - 1}

    def poll(self, src, body):
        if not self.hand_on(src, body):
            since = {key: self.logs.get(key, [])[offset:] for key, offset in body["offsets"].items()}
            return {"type": "poll_ok", "msgs": {key: [m for m in log if m][:100] for key, log in since.items()}}

    def commit_offsets(self, src, body):
        if not self.hand_on(src, body):
            for key, offset in body["offsets"].items():
                self.looked_at[key] = max(offset, self.looked_at.get(key, 0))
            return {"type": "commit_offsets_ok"}

    def list_committed_offsets(self, src, body):
        if not self.hand_on(src, body):
            known = {key: self.looked_at[key] for key in body["keys"] if key in self.looked_at}
            return {"type": "list_committed_offsets_ok", "offsets": known}


serves = {
    "echo": Echo,
    "unique-ids": Ids,
    "broadcast": Elements,
    "g-set": Elements,
    "g-counter": Counter,
    "pn-counter": Counter,
    "kafka": Logs,
}[WORKLOAD]()


def answer(src, body):
    global me, nodes
    kind = body["type"]
    if kind == "init":
        me, nodes = body["node_id"], body["node_ids"]
        return {"type": "init_ok"}
    if not hasattr(serves, kind):
        return {"type": "error", "code": 10, "text": f"there is no {kind} here"}
    return getattr(serves, kind)(src, body)


def tick():
    while True:
        time.sleep(TICK)
        with lock:
            if me:
                serves.tick()


if hasattr(serves, "tick"):
    threading.Thread(target=tick, daemon=True).start()
for line in sys.stdin:
    message = json.loads(line)
    src, body = message["src"], message["body"]
    with lock:
        reply = answer(src, body)
        if reply:
            send(src, {**reply, "in_reply_to": body["msg_id"]})

#!/usr/bin/env python3
"""The Raft of ../your-raft/raft.py in Maelstrom's words (lin-kv), with its log in the folder that it works in. It answers `status`, so
guided schedules can lead it. NAIVE=1 has its leader take for committed whatever stands on a majority, of whichever term."""

import asyncio
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "your-raft"))
import raft


class Peer:
    """What is sent to another node: the harness is the network."""

    def __init__(self, name):
        self.name = name

    def send(self, message):
        say(self.name, message)


def say(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def answer(src, body, reply):
    say(src, {**reply, "in_reply_to": body["msg_id"]})


def error(code, text):
    return {"type": "error", "code": code, "text": text}


def op(body):
    kind, key = body["type"], str(body["key"])
    if kind == "read":
        return {"f": "get", "key": key}
    if kind == "write":
        return {"f": "put", "key": key, "value": body["value"]}
    return {"f": "cas", "key": key, "from": body["from"], "to": body["to"]}


def reply(kind, result):
    if result["ok"] and kind == "read":
        found = result["value"]
        return error(20, "there is no such key") if found is None else {"type": "read_ok", "value": found}
    if result["ok"]:
        return {"type": kind + "_ok"}
    code = {"not-leader": 11, "cas-mismatch": 22}.get(result["error"], 13)
    return error(code, result["error"])


async def client(src, body):
    try:
        result = await asyncio.wait_for(node.ask(op(body)), raft.PATIENCE)
    except asyncio.TimeoutError:
        result = {"ok": False, "error": "unknown"}
    answer(src, body, reply(body["type"], result))


def keep(work):
    """A task of which nobody has hold may vanish."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def hear(src, body):
    global me, node
    kind = body["type"]
    if kind == "init":
        me = body["node_id"]
        others = [name for name in body["node_ids"] if name != me]
        node = raft.Node(me, {}, "data", bool(os.environ.get("NAIVE")))
        node.peers = {name: Peer(name) for name in others}
        keep(node.tick())
        answer(src, body, {"type": "init_ok"})
    elif kind == "status":
        answer(src, body, {"type": "status_ok", **node.status()})
    elif kind in ("read", "write", "cas"):
        keep(client(src, body))
    elif "from" in body and src.startswith("n"):
        node.hear(body)
    elif "msg_id" in body:
        answer(src, body, error(10, f"there is no {kind} here"))


async def main():
    lines = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        message = json.loads(line)
        hear(message["src"], message["body"])


me, node, tasks = None, None, set()
asyncio.run(main())

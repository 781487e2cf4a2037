#!/usr/bin/env python3
"""A store in Maelstrom's words (lin-kv, txn-list-append, txn-rw-register): n1 has the values, the others hand every request on to it.

SERVICE=lin-kv (or seq-kv, lww-kv) has all of them hand on to that service of Maelstrom's instead.
MISTAKE=local-reads has the others answer reads by themselves, from what n1 last told them.
MISTAKE=forgets has n1 answer one request of fifty and forget what it did."""

import json
import os
import sys

SERVICE = os.environ.get("SERVICE")
LOCAL_READS = os.environ.get("MISTAKE") == "local-reads"
FORGETS = os.environ.get("MISTAKE") == "forgets"

me, nodes, values = None, [], {}
# Whom to answer when n1 does: our number -> (client, its number).
asked = {}
number = 0


def send(dest, body):
    global number
    number += 1
    print(json.dumps({"src": me, "dest": dest, "body": {"msg_id": number, **body}}), flush=True)
    return number


def transact(micros):
    """All of them at once; lists are never changed in place, since an answer may still show them."""
    done = []
    for f, key, value in micros:
        found = values.get(str(key))
        if f == "append":
            values[str(key)] = (found or []) + [value]
        elif f == "w":
            values[str(key)] = value
        done.append([f, key, found if f == "r" else value])
    return {"type": "txn_ok", "txn": done}


def looks(body):
    return body["type"] == "read" or (body["type"] == "txn" and all(f == "r" for f, _, _ in body["txn"]))


def decide(body):
    """What a request comes to; JSON's keys are texts, so the key is one."""
    if body["type"] == "txn":
        return transact(body["txn"])
    key = str(body["key"])
    if body["type"] == "write":
        values[key] = body["value"]
        return {"type": "write_ok"}
    if key not in values and not body.get("create_if_not_exists"):
        return {"type": "error", "code": 20, "text": "there is no such key"}
    if body["type"] == "read":
        return {"type": "read_ok", "value": values[key]}
    if key in values and values[key] != body["from"]:
        return {"type": "error", "code": 22, "text": f"it is {values[key]}"}
    values[key] = body["to"]
    return {"type": "cas_ok"}


def serve(src, body):
    global values
    before = dict(values) if FORGETS and number % 50 == 0 else None
    reply = decide(body)
    send(src, {**reply, "in_reply_to": body["msg_id"]})
    values = values if before is None else before
    if LOCAL_READS and not looks(body):
        for other in nodes:
            if other != me:
                send(other, {"type": "copy", "values": values})


def hear(src, body):
    global me, nodes, values
    kind = body["type"]
    if kind == "init":
        me, nodes = body["node_id"], body["node_ids"]
        send(src, {"type": "init_ok", "in_reply_to": body["msg_id"]})
    elif kind == "copy":
        values = body["values"]
    elif body.get("in_reply_to") in asked:
        client, msg_id = asked.pop(body["in_reply_to"])
        answer = {name: body[name] for name in body if name != "msg_id"}
        send(client, {**answer, "in_reply_to": msg_id})
    elif kind not in ("read", "write", "cas", "txn"):
        if src.startswith("c"):
            text = f"there is no {kind} here"
            send(src, {"type": "error", "code": 10, "text": text, "in_reply_to": body["msg_id"]})
    elif not SERVICE and me == nodes[0] or (LOCAL_READS and looks(body)):
        serve(src, body)
    else:
        asked[send(SERVICE or nodes[0], {**body, "msg_id": number + 1})] = (src, body["msg_id"])


for line in sys.stdin:
    message = json.loads(line)
    hear(message["src"], message["body"])

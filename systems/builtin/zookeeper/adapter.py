"""An adapter around kazoo (docs/adapter.md of the harness): a session a node, nothing is asked twice that may have happened."""

import argparse
import json
import logging
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from kazoo import exceptions
from kazoo.client import KazooClient

SESSION_SECONDS = 4
STATUS_SECONDS = 0.4
# What the server answers where it certainly did nothing (ZooKeeper's KeeperException.Code): the node is not there, -101; no
# permission, -102; another version, -103; it is there, -110; not empty, -111; a server that only reads, -119. Everything else of
# a change is unknown: a lost connection (-4), a time-out (-7), a session that expired with requests outstanding (-112).
CERTAIN = (exceptions.NoNodeError, exceptions.NoAuthError, exceptions.BadVersionError, exceptions.NodeExistsError,
           exceptions.NotEmptyError, exceptions.NotReadOnlyCallError)
# Maelstrom's numbers, which the harness knows.
ELSEWHERE, MISMATCH = 11, 22


class Failed(Exception):
    """It certainly did not happen."""

    def __init__(self, why, code=None):
        super().__init__(why)
        self.code = code


class Nodes:
    """A session with each node, which reaches that node alone."""

    def __init__(self):
        self.lock, self.clients = threading.Lock(), {}

    def client(self, address, timeout):
        with self.lock:
            known = self.clients.get(address)
            if known is None:
                # It dials again for ever; a request is handed to it once.
                again = {"max_tries": -1, "delay": 0.1, "backoff": 1, "max_jitter": 0.1}
                known = KazooClient(hosts=address, timeout=SESSION_SECONDS, connection_retry=again)
                self.clients[address] = known
                first = known.start_async()
            else:
                first = None
        if first:
            first.wait(timeout)
        if not known.connected:
            raise Failed("no session; nothing was sent", ELSEWHERE)
        return known


class Operation:
    """One request to a node, which ends in time."""

    def __init__(self, client, asked):
        self.client, self.asked = client, asked
        self.path = "/" + str(asked["key"])
        self.end = time.monotonic() + asked["timeout_ms"] / 1000

    def wait(self, result):
        return result.get(timeout=max(self.end - time.monotonic(), 0.001))

    def found(self):
        """The value and its version; none where nothing is there."""
        try:
            data, stat = self.wait(self.client.get_async(self.path))
            return json.loads(data), stat.version
        except exceptions.NoNodeError:
            return None, None
        except Exception as error:
            raise Failed(f"the read: {error!r}") from error

    def put(self, value, version):
        """Put a value where this version stands (-1: any; none: nothing)."""
        data = json.dumps(value).encode()
        if version is None:
            self.wait(self.client.create_async(self.path, data))
        else:
            self.wait(self.client.set_async(self.path, data, version))

    def until_it_fits(self, attempt):
        """Try, and again where another change came first: then nothing has happened."""
        while True:
            try:
                return attempt()
            except (exceptions.NoNodeError, exceptions.NodeExistsError, exceptions.BadVersionError) as error:
                if time.monotonic() > self.end:
                    raise Failed(f"another change came first, again and again: {error!r}") from error

    def read(self, profile):
        # The requests of a session are carried out in their order, so what comes first need not be waited for.
        before = {"default": self.through_the_log, "sync": lambda: self.client.sync_async(self.path),
                  "local-reads": lambda: None}[profile]()
        value, _ = self.found()
        if before:
            told = self.wait(before)
            if isinstance(told, list) and any(isinstance(one, Exception) for one in told):
                raise Failed(f"what goes through the log before the read: {told}")
        return {"value": value}

    def through_the_log(self):
        """What is true of every version: it changes nothing, and is proposed to a majority as a change is."""
        change = self.client.transaction()
        change.check("/", -1)
        return change.commit_async()

    def write(self):
        def attempt():
            try:
                self.put(self.asked["value"], -1)
            except exceptions.NoNodeError:
                self.put(self.asked["value"], None)

        self.until_it_fits(attempt)
        return {}

    def cas(self):
        value, version = self.found()
        # As JSON, for to Python 1 is True.
        if json.dumps(value) != json.dumps(self.asked["from"]):
            raise Failed(f"{value} was found", MISMATCH)
        try:
            self.put(self.asked["to"], version)
        except (exceptions.BadVersionError, exceptions.NodeExistsError) as error:
            raise Failed(f"another change came first: {error!r}", MISMATCH) from error
        return {}

    def append(self):
        def attempt():
            value, version = self.found()
            self.put((value or []) + [self.asked["value"]], version)

        self.until_it_fits(attempt)
        return {}


def status(address):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=STATUS_SECONDS) as stream:
        stream.sendall(b"srvr")
        told = b"".join(iter(lambda: stream.recv(4096), b"")).decode()
    lines = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    if "Mode" not in lines:
        raise Failed(told.strip())
    return {"leads": lines["Mode"] in ("leader", "standalone"), "epoch": int(lines["Zxid"], 16) >> 32}


def outcome(nodes, asked, profile):
    try:
        if asked["f"] == "status":
            return {"type": "ok", **status(asked["address"])}
        operation = Operation(nodes.client(asked["address"], asked["timeout_ms"] / 1000), asked)
        perform = {"read": lambda: operation.read(profile), "write": operation.write, "cas": operation.cas,
                   "append": operation.append}
        return {"type": "ok", **perform[asked["f"]]()}
    except Failed as error:
        return {"type": "fail", "text": str(error), **({} if error.code is None else {"code": error.code})}
    except CERTAIN as error:
        return {"type": "fail", "text": repr(error)}
    except Exception as error:  # whatever it is, nobody knows what became of it
        return {"type": "fail" if asked["f"] in ("read", "status") else "info", "text": repr(error)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", choices=["default", "sync", "local-reads"], required=True)
    profile = parser.parse_args().profile
    logging.basicConfig(level=logging.CRITICAL)
    nodes, printing = Nodes(), threading.Lock()

    def answer(asked):
        line = json.dumps({"id": asked["id"], **outcome(nodes, asked, profile)})
        with printing:
            print(line, flush=True)

    with ThreadPoolExecutor(max_workers=64) as pool:
        for line in sys.stdin:
            pool.submit(answer, json.loads(line))


main()

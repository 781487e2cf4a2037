"""A store of one node behind a guard: a bearer token, a header, or a user with a password. It repeats what it was told, in errors, in some
answers, and in its log: a careless store."""

import base64, http.server, json, os, ssl, sys, threading

ready, words = sys.argv[1], sys.argv[2:]
token, password = os.environ["TOKEN"], os.environ["PASSWORD"]
basic = "Basic " + base64.b64encode(("me:" + password).encode()).decode()
kept, lock, count = {}, threading.Lock(), [0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        said = [self.headers.get(name) for name in ("authorization", "x-token")]
        self.log_message("told %s", said)
        if not any(one in ("Bearer " + token, basic, token) for one in said):
            return self.answer(401, {"error": "who is %s?" % said})
        count[0] += 1
        if count[0] % 40 == 0:
            return self.answer(500, {"error": "tired of %s and %s" % (said, [token, password])})
        op = json.loads(body)
        with lock:
            found = kept.get(op["key"])
            if op["f"] == "cas":
                if found != op["from"]:
                    return self.answer(200, {"ok": False})
                kept[op["key"]] = op["to"]
            elif op["f"] == "put":
                kept[op["key"]] = op["value"]
        self.answer(200, {"ok": True, "value": found})

    def answer(self, status, said):
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if words[:1] == ["--certificates"]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(words[1] + "/server.pem", words[1] + "/server-key.pem")
    context.load_verify_locations(words[1] + "/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(ready + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(ready + ".new", ready)
server.serve_forever()

"""A rotation function such as a user may have: AWS's contract, PostgreSQL, one user, Python's standard library only.

It is served as AWS's emulator of the Lambda runtime serves one: POST /2015-03-31/functions/function/invocations. It prints the port
that it listens on, and ends when its standard input does. Its errors are as careless as errors are: they carry whole secrets.
"""
import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ALTERNATING = os.environ.get("ALTERNATING") == "1"
# How slow this call is to be, in seconds, by a header of the tests' own.
call = threading.local()


def handler(event):
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    described = ask("DescribeSecret", SecretId=arn)
    if described.get("RotationEnabled") is False:
        raise ValueError(f"Secret {arn} is not enabled for rotation")
    stages = described["VersionIdsToStages"].get(token)
    if stages is None:
        raise ValueError(f"Version {token} has no stage for rotation of {arn}")
    if "AWSCURRENT" in stages:
        return
    if "AWSPENDING" not in stages:
        raise ValueError(f"Version {token} is not AWSPENDING for rotation of {arn}")
    STEPS[step](arn, token)


def create_secret(arn, token):
    time.sleep(call.seconds)
    current = read(arn, "AWSCURRENT")
    if read(arn, "AWSPENDING", token, default=None) is None:
        value = json.dumps({**current, "password": secrets.token_hex(16)})
        ask("PutSecretValue", SecretId=arn, ClientRequestToken=token, SecretString=value, VersionStages=["AWSPENDING"])


def set_secret(arn, token):
    pending = read(arn, "AWSPENDING", token)
    if signs_in(pending):
        return
    current = read(arn, "AWSCURRENT")
    if ALTERNATING and pending["username"] != alternate(current["username"]):
        raise ValueError(f"Attempting to modify {pending} other than the current user's clone")
    for known in (current, read(arn, "AWSPREVIOUS", default=None)):
        if known is None or not signs_in(known):
            continue
        if (known["username"], known["host"]) != (pending["username"], pending["host"]):
            raise ValueError(f"Attempting to modify another user or host: {pending}")
        with Connection(known) as connection:
            time.sleep(call.seconds)
            connection.set_password(pending["username"], pending["password"])
        return
    raise ValueError(f"Unable to log into the database with {pending} or {current}")


def test_secret(arn, token):
    pending = read(arn, "AWSPENDING", token)
    if not signs_in(pending):
        raise ValueError(f"Unable to log into the database with {pending}")


def finish_secret(arn, token):
    stages = ask("DescribeSecret", SecretId=arn)["VersionIdsToStages"]
    current = next(version for version, held in stages.items() if "AWSCURRENT" in held)
    ask(
        "UpdateSecretVersionStage",
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current,
    )


STEPS = {
    "createSecret": create_secret,
    "setSecret": set_secret,
    "testSecret": test_secret,
    "finishSecret": finish_secret,
}
REQUIRED = object()


def alternate(username):
    return username[: -len("_clone")] if username.endswith("_clone") else username + "_clone"


def read(arn, stage, token=None, default=REQUIRED):
    version = {"VersionId": token} if token else {}
    try:
        return json.loads(ask("GetSecretValue", SecretId=arn, VersionStage=stage, **version)["SecretString"])
    except NotFound:
        if default is REQUIRED:
            raise
        return default


class NotFound(Exception):
    pass


def ask(operation, **body):
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"secretsmanager.{operation}",
        "authorization": "AWS4-HMAC-SHA256 Credential=FOREIGN/20260101/us-east-1/secretsmanager/aws4_request, Signature=0",
    }
    data = json.dumps({"ClientRequestToken": secrets.token_hex(16), **body}).encode()
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], data, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"{}")
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        raise NotFound(text) if "ResourceNotFoundException" in text else RuntimeError(text)


def signs_in(login):
    try:
        with Connection(login):
            return True
    except Refused:
        return False


class Refused(Exception):
    pass


class Connection:
    """PostgreSQL's protocol 3, as far as SCRAM-SHA-256 and one statement at a time need it."""

    def __init__(self, login):
        self.socket = socket.create_connection((login["host"], int(login["port"])), timeout=5)
        self.stream = self.socket.makefile("rb")
        self.sign_in(login)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def sign_in(self, login):
        try:
            names = ["user", login["username"], "database", login.get("dbname", "postgres")]
            startup = struct.pack("!I", 196608) + b"".join(name.encode() + b"\0" for name in names) + b"\0"
            self.socket.sendall(struct.pack("!I", len(startup) + 4) + startup)
            self.receive(b"R")
            nonce = base64.b64encode(secrets.token_bytes(18)).decode()
            first = f"n=,r={nonce}"
            self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first) + 3) + b"n,," + first.encode())
            challenge = self.receive(b"R")[4:].decode()
            told = dict(part.split("=", 1) for part in challenge.split(","))
            salted = salt(login["password"], base64.b64decode(told["s"]), int(told["i"]))
            key = digest(salted, b"Client Key")
            bare = f"c=biws,r={told['r']}"
            proof = digest(hashlib.sha256(key).digest(), f"{first},{challenge},{bare}".encode())
            answer = base64.b64encode(bytes(a ^ b for a, b in zip(key, proof))).decode()
            self.send(b"p", f"{bare},p={answer}".encode())
            self.receive(b"Z")
        except BaseException:
            self.__exit__()
            raise

    def set_password(self, username, password):
        """By a verifier that is computed here: the password itself would be in the database's log if this failed."""
        salted_with = secrets.token_bytes(16)
        salted = salt(password, salted_with, 4096)
        stored = hashlib.sha256(digest(salted, b"Client Key")).digest()
        one, two, three = (base64.b64encode(x).decode() for x in (salted_with, stored, digest(salted, b"Server Key")))
        user = username.replace('"', '""')
        self.send(b"Q", f"ALTER ROLE \"{user}\" PASSWORD 'SCRAM-SHA-256$4096:{one}${two}:{three}'\0".encode())
        self.receive(b"Z")

    def send(self, kind, body):
        self.socket.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def receive(self, wanted):
        while True:
            kind = self.stream.read(1)
            if not kind:
                raise ConnectionError("the server has closed the connection")
            body = self.stream.read(struct.unpack("!I", self.stream.read(4))[0] - 4)
            if kind == b"E":
                fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
                raise Refused(fields) if fields[b"C"] in ("28P01", "28000") else RuntimeError(fields)
            if kind == wanted:
                return body


def salt(password, salted_with, iterations):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salted_with, iterations)


def digest(key, text):
    return hmac.new(key, text, "sha256").digest()


class Runtime(BaseHTTPRequestHandler):
    def do_POST(self):
        call.seconds = float(self.headers.get("x-slow-ms", 0)) / 1000
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            reply = handler(event)
        except Exception as error:
            reply = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": [repr(event)]}
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()

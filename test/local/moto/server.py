"""A moto server of its own on a free port of 127.0.0.1: says where it listens, and ends when its standard input does.

It has a Lambda function "rotate", which answers every call and does nothing.
"""

import io
import json
import logging
import sys
import zipfile
from urllib.request import Request, urlopen

import boto3
from moto.server import ThreadedMotoServer


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://%s:%d" % server.get_host_and_port()
    create_function(endpoint)
    print(endpoint, flush=True)
    sys.stdin.read()


def create_function(endpoint):
    # Functions that answer without being run: no Docker.
    config = json.dumps({"lambda": {"use_docker": False}}).encode()
    urlopen(Request(f"{endpoint}/moto-api/config", config, {"content-type": "application/json"}))
    assume = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam", endpoint_url=endpoint).create_role(RoleName="rotate", AssumeRolePolicyDocument=assume)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "")
    boto3.client("lambda", endpoint_url=endpoint).create_function(
        FunctionName="rotate",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code.getvalue()},
    )


main()

"""Makes AWS calls against a moto server of its own, which ends with it, and says what was answered.

Standard input: [[service, operation, parameters], ...], as boto3 spells them.
Standard output, for each: {"answer": ...}, or {"refused": why}.
"""

import json
import logging
import sys
from urllib.request import Request, urlopen

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from moto.server import ThreadedMotoServer


def main():
    endpoint = start_server()
    clients = {}

    def answer(service, operation, parameters):
        if service not in clients:
            clients[service] = boto3.client(service, endpoint_url=endpoint)
        try:
            return {"answer": getattr(clients[service], operation)(**parameters)}
        except (BotoCoreError, ClientError) as error:
            return {"refused": str(error)}

    json.dump([answer(*call) for call in json.load(sys.stdin)], sys.stdout, default=str)


def start_server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://%s:%d" % server.get_host_and_port()
    # Only the part of moto that runs state machines reads their definitions.
    config = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
    urlopen(Request(f"{endpoint}/moto-api/config", config, {"content-type": "application/json"}))
    return endpoint


main()

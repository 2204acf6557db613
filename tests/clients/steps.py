"""What the scripts of this folder share: where the gateway is, and steps that end the run when they fail.

Reads GATEWAY_URL, GATEWAY_TOKEN (of an organisation's administrator), GATEWAY_USER and GATEWAY_PASSWORD (of the
server's), PROMETHEUS_URL, PROMETHEUS_USER and PROMETHEUS_PASSWORD. A script prints each step, ends at the first
that fails, with what was expected and a status other than 0, and says so when it has taken all.
"""

import os
import sys
import time

URL = os.environ["GATEWAY_URL"]
TOKEN = os.environ["GATEWAY_TOKEN"]
ADMIN = (os.environ["GATEWAY_USER"], os.environ["GATEWAY_PASSWORD"])
SECRET = os.environ["PROMETHEUS_PASSWORD"]

# How long a revoked credential may live on, with room for a busy machine.
REVOKED_AFTER = 10


def expect(what, expected, found):
    """Ends the run unless both are equal."""
    if expected != found:
        print(f"FAILED {what}: expected {expected!r}, found {found!r}", flush=True)
        sys.exit(1)
    print(f"ok {what}", flush=True)


def expect_soon(what, expected, find):
    """Ends the run unless both are equal within the time that a revocation may take."""
    end = time.monotonic() + REVOKED_AFTER
    while (found := find()) != expected and time.monotonic() < end:
        time.sleep(0.2)
    expect(what, expected, found)


def keeps_secret(what, answer):
    """Ends the run if the upstream's password is in an answer."""
    expect(f"{what} keeps the password", False, SECRET in repr(answer))


def prometheus(uid, **changes):
    """What is registered: a Prometheus behind basic authentication."""
    return {
        "uid": uid,
        "name": f"Prometheus of {uid}",
        "type": "prometheus",
        "access": "proxy",
        "url": os.environ["PROMETHEUS_URL"],
        "basicAuth": True,
        "basicAuthUser": os.environ["PROMETHEUS_USER"],
        "jsonData": {"httpMethod": "POST", "timeInterval": "1s"},
        "secureJsonData": {"basicAuthPassword": SECRET},
        **changes,
    }


def end():
    """Says that every step was taken: a script that stops early with status 0 has not passed."""
    print("every step passed", flush=True)

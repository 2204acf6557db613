"""Drives Perses' own command line against a gateway: login, apply twice, get, describe, delete, and a query by what was applied.

Also reads PERCLI, the path of the program.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from steps import ADMIN, SECRET, TOKEN, URL, end, expect, keeps_secret

FOLDER = Path(tempfile.mkdtemp())
CONFIG = FOLDER / "config.json"


def percli(*arguments, fails=False):
    """Runs it; gives what it printed, which no secret may be in."""
    command = [os.environ["PERCLI"], "--percliconfig", CONFIG, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if (done.returncode != 0) != fails:
        print(f"FAILED percli {arguments}: {done.stdout}{done.stderr}", flush=True)
        sys.exit(1)
    keeps_secret(f"percli {' '.join(map(str, arguments[:2]))}", done.stdout + done.stderr)
    return done.stdout + done.stderr


def names(*arguments):
    """The names that a list has."""
    listed = json.loads(percli("get", *arguments, "-o", "json"))
    # Of nothing it writes null.
    return [one["metadata"]["name"] for one in listed or []]


def source(kind, name, project=None):
    """A Prometheus behind basic authentication."""
    proxy = {"url": os.environ["PROMETHEUS_URL"], "secret": "reader"}
    plugin = {"kind": "PrometheusDatasource", "spec": {"proxy": {"kind": "HTTPProxy", "spec": proxy}}}
    metadata = {"name": name, **({"project": project} if project else {})}
    return {"kind": kind, "metadata": metadata, "spec": {"default": True, "plugin": plugin}}


def secret(kind, project=None):
    """What authenticates it."""
    metadata = {"name": "reader", **({"project": project} if project else {})}
    basic = {"username": os.environ["PROMETHEUS_USER"], "password": SECRET}
    return {"kind": kind, "metadata": metadata, "spec": {"basicAuth": basic}}


def query(path):
    """Asks through a data source that was applied."""
    request = urllib.request.Request(f"{URL}{path}/api/v1/query?query=vector(1)")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["status"]


percli("login", URL, "--token", TOKEN)
expect("who it is", True, "User used:" in percli("whoami"))

documents = [
    {"kind": "Project", "metadata": {"name": "metrics"}, "spec": {"display": {"name": "Metrics"}}},
    # A data source may come before its secret.
    source("GlobalDatasource", "Everywhere"),
    secret("GlobalSecret"),
    source("Datasource", "Local", "metrics"),
    secret("Secret", "metrics"),
]
files = FOLDER / "documents"
files.mkdir()
for number, document in enumerate(documents):
    (files / f"{number}.json").write_text(json.dumps(document))
for turn in ("first", "second"):
    applied = percli("apply", "-d", files)
    expect(f"applied a {turn} time", len(documents), applied.count("has been applied"))

expect("global data sources", ["everywhere"], names("globaldatasources"))
expect("those whose names begin so", [], names("globaldatasources", "x"))
expect("data sources of all projects", ["local"], names("datasources", "-a"))
expect("secrets of a project", ["reader"], names("secrets", "--project", "metrics"))
expect("projects", ["metrics"], names("projects"))
described = json.loads(percli("describe", "globaldatasource", "everywhere", "-o", "json"))
expect("the version after two turns", 1, described["metadata"]["version"])
expect("what was applied", documents[1]["spec"], described["spec"])

expect("a query by a global data source", "success", query("/proxy/globaldatasources/everywhere"))
expect("a query by a project's", "success", query("/proxy/projects/metrics/datasources/local"))

sound = percli("lint", "-f", files / "1.json", "--online")
expect("what is sound is so for the server too", True, "your resources look good" in sound)
broken = source("GlobalDatasource", "broken")
broken["spec"]["plugin"]["spec"]["proxy"]["spec"]["url"] = ""
(FOLDER / "broken.json").write_text(json.dumps(broken))
refused = percli("lint", "-f", FOLDER / "broken.json", "--online", fails=True)
expect("what is broken is so for the server too", True, "url cannot be empty" in refused)

for kind, name in (("globaldatasource", "everywhere"), ("globalsecret", "reader"), ("project", "metrics")):
    expect(f"{kind} deleted", True, "has been deleted" in percli("delete", kind, name))
    expect(f"{kind} absent", True, "is not found" in percli("delete", kind, name))
expect("nothing is left", ([], []), (names("globaldatasources"), names("projects")))

# With a login: users, roles, and what these let somebody do who has nothing else.
percli("login", URL, "-u", ADMIN[0], "-p", ADMIN[1])
expect("who logged in", True, f"User used: {ADMIN[0]}" in percli("whoami"))
expect("refreshed", True, "token has been refreshed" in percli("refresh"))
people = FOLDER / "people"
people.mkdir()
password = "correct horse battery"
bob = {"kind": "User", "metadata": {"name": "bob"}, "spec": {"nativeProvider": {"password": password}}}
given = [{"actions": ["read", "create"], "scopes": ["Datasource", "Project"]}]
# Who has a data source name a secret must be allowed to see it, as by Perses.
given += [{"actions": ["read"], "scopes": ["Secret"]}]
role = {"kind": "Role", "metadata": {"name": "maker", "project": "metrics"}, "spec": {"permissions": given}}
spec = {"role": "maker", "subjects": [{"kind": "User", "name": "bob"}]}
binding = {"kind": "RoleBinding", "metadata": {"name": "makers", "project": "metrics"}, "spec": spec}
for number, document in enumerate([documents[0], bob, role, binding]):
    (people / f"{number}.json").write_text(json.dumps(document))
expect("applied people", 4, percli("apply", "-d", people).count("has been applied"))
expect("roles", ["maker"], names("roles", "--project", "metrics"))
expect("bindings", ["makers"], names("rolebindings", "--project", "metrics"))

percli("login", URL, "-u", "bob", "-p", "wrong", fails=True)
percli("login", URL, "-u", "bob", "-p", password)
expect("who logged in then", True, "User used: bob" in percli("whoami"))
percli("apply", "-f", files / "3.json")
expect("what he made", ["local"], names("datasources", "--project", "metrics"))
expect("projects that he sees", ["metrics"], names("projects"))
percli("apply", "-f", files / "4.json", fails=True)
percli("delete", "project", "metrics", fails=True)
percli("login", URL, "--token", TOKEN)
percli("delete", "project", "metrics")
end()

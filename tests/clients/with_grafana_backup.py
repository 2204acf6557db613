"""Runs grafana-backup against a gateway: saves data sources, organisations and users, loses them, restores them.

It is a program and no library, so the gateway is asked with requests, which it brings along.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from steps import ADMIN, SECRET, TOKEN, URL, end, expect, prometheus

UIDS = ["grafana-backup-1", "grafana-backup-2"]
ORG = "Org of grafana-backup"
LOGIN = "grafana-backup"


def call(method, path, body=None, auth=ADMIN):
    """Asks the gateway; gives the status and the parsed answer."""
    answer = requests.request(method, URL + path, json=body, auth=auth, timeout=30)
    return answer.status_code, answer.json()


def run(folder, *arguments, token=TOKEN):
    """Runs grafana-backup in a folder; gives its status, which is seldom other than 0, and what it printed."""
    program = os.path.join(os.path.dirname(sys.executable), "grafana-backup")
    environment = {
        "HOME": folder,
        "GRAFANA_URL": URL,
        "GRAFANA_TOKEN": token,
        "GRAFANA_ADMIN_ACCOUNT": ADMIN[0],
        "GRAFANA_ADMIN_PASSWORD": ADMIN[1],
        "DEFAULT_USER_PASSWORD": "after the restore",
        "BACKUP_DIR": "saved",
        "DEBUG": "false",
    }
    command = [program, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def listed():
    """The data sources as listed, without what a new one gets anew."""
    return [{key: item[key] for key in item if key != "id"} for item in call("GET", "/api/datasources")[1]]


def members(org):
    """Who is in an organisation."""
    return sorted(user["login"] for user in call("GET", f"/api/orgs/{org}/users")[1])


def fill():
    """Registers what is to be saved; returns the organisation's id."""
    for uid in UIDS:
        expect(f"{uid} is registered", 200, call("POST", "/api/datasources", prometheus(uid))[0])
    org = call("POST", "/api/orgs", {"name": ORG})[1]["orgId"]
    user = {"name": "One", "login": LOGIN, "email": "one@example.com", "password": "before it", "OrgId": org}
    expect("a user is made", 200, call("POST", "/api/admin/users", user)[0])
    return org


def check_datasources(folder, archive):
    """Loses both data sources, one by name, and restores them."""
    saved = listed()
    for uid in UIDS:
        expect(f"{uid} is lost", 200, call("DELETE", f"/api/datasources/uid/{uid}")[0])
    status, said = run(folder, "restore", "--components=datasources", archive)
    expect("the restore ends well", (0, len(UIDS)), (status, said.count("status: 200")))
    expect("the data sources are as they were", saved, listed())
    status, said = run(folder, "restore", "--components=datasources", archive)
    expect("a second one finds them there", (0, len(UIDS)), (status, said.count("status: 409")))


def check_organisations(folder, archive, org):
    """Loses the user and his organisation, and restores both."""
    user = call("GET", f"/api/users/lookup?loginOrEmail={LOGIN}")[1]["id"]
    expect("the user is lost", 200, call("DELETE", f"/api/admin/users/{user}")[0])
    status, said = run(folder, "restore", "--components=users", archive)
    expect(
        "a restore brings him back",
        (0, True),
        (status, f'create user "{LOGIN}" response status: 200' in said),
    )
    expect("into his organisation", sorted([ADMIN[0], LOGIN]), members(org))
    again = call("GET", "/api/user", auth=(LOGIN, "after the restore"))
    expect("with the password he is given", (200, LOGIN), (again[0], again[1].get("login")))
    expect("the organisation is lost", 200, call("DELETE", f"/api/orgs/{org}")[0])
    status, said = run(folder, "restore", "--components=organizations", archive)
    expect(
        "a restore brings it back", (0, True), (status, f'create org "{ORG}" response status: 200' in said)
    )
    expect("by its name", 200, call("GET", f"/api/orgs/name/{ORG}")[0])


def main():
    """Runs all steps."""
    org = fill()
    with tempfile.TemporaryDirectory() as folder:
        status, said = run(folder, "save", "--components=datasources,organizations,users")
        expect("it saves", 0, status)
        expect("no secret", False, SECRET in said)
        archive = next(Path(folder, "saved").glob("*.tar.gz"))
        check_datasources(folder, archive)
        check_organisations(folder, archive, org)
        refused = run(folder, "save", "--components=datasources", token="glsa_wrong")
        expect("a wrong token saves nothing", True, refused[0] != 0)
    end()


main()

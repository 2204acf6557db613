"""Runs grafana-wtf against a gateway: lists the data sources, finds what is in them, and finds no secret."""

import json
import os
import subprocess
import sys
import tempfile

from grafana_client import GrafanaApi

from steps import SECRET, TOKEN, URL, end, expect, prometheus

UID = "grafana-wtf"


def run(*arguments, token=TOKEN):
    """Runs grafana-wtf; gives what it prints, and the errors in its log."""
    program = os.path.join(os.path.dirname(sys.executable), "grafana-wtf")
    # It caches answers in the home folder.
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "GRAFANA_URL": URL, "GRAFANA_TOKEN": token}
        command = [program, "--format=json", "--cache-ttl=0", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout, [line for line in done.stderr.splitlines() if " ERROR " in line]


def ask(*arguments):
    """What grafana-wtf answers, parsed; it must meet no error."""
    printed, errors = run(*arguments)
    expect(f"{' '.join(arguments)} meets no error".replace(SECRET, "…"), [], errors)
    return json.loads(printed)


def main():
    """Runs all steps."""
    sent = prometheus(UID)
    registered = GrafanaApi.from_url(URL, TOKEN).datasource
    registered.create_datasource(sent)
    # It would count dashboards, folders and alerts too, and does without.
    expect("info", {"version": "13.0.0", "url": URL}, json.loads(run("info")[0])["grafana"])

    unused = [item["datasource"] for item in ask("explore", "datasources")["unused"]]
    mine = {key: sent[key] for key in ("uid", "name", "type", "url")}
    expect("explore datasources", [mine], [item for item in unused if item["uid"] == UID])
    expect("explore datasources finds all", len(registered.list_datasources()), len(unused))

    found = [item["Name"] for item in ask("find", sent["name"])["datasources"]]
    expect("find by name", [sent["name"]], found)
    expect("find no secret", [], ask("find", SECRET)["datasources"])

    registered.delete_datasource_by_uid(UID)
    expect("find nothing", [], ask("find", sent["name"])["datasources"])
    refused = run("explore", "datasources", token="glsa_wrong")[1]
    expect("a wrong token is refused", True, "Unauthorized" in str(refused))
    end()


main()

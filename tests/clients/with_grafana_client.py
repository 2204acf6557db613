"""Drives a gateway as grafana-client does: register, read, list, update, query, delete.

Reads GATEWAY_URL, GATEWAY_TOKEN, PROMETHEUS_URL, PROMETHEUS_USER and PROMETHEUS_PASSWORD. Prints
each step and ends at the first that fails, with what was expected and a status other than 0.
"""

import os
import sys
import time

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError
from grafana_client.model import DatasourceIdentifier

UID = "grafana-client"
PASSWORD = os.environ["PROMETHEUS_PASSWORD"]


def expect(what, expected, found):
    """Ends the run unless both are equal."""
    if expected != found:
        sys.exit(f"FAILED {what}: expected {expected!r}, found {found!r}")
    print(f"ok {what}", flush=True)


def keeps_secret(what, answer):
    """Ends the run if the password is in an answer."""
    expect(f"{what} keeps the password", False, PASSWORD in repr(answer))


def refused(call):
    """The status of a call that must fail, and the message with it."""
    try:
        return call()
    except GrafanaClientError as error:
        return error.status_code, (error.response or {}).get("message")


def source(**changes):
    """What is registered."""
    return {
        "uid": UID,
        "name": "Prometheus of grafana-client",
        "type": "prometheus",
        "access": "proxy",
        "url": os.environ["PROMETHEUS_URL"],
        "basicAuth": True,
        "basicAuthUser": os.environ["PROMETHEUS_USER"],
        "jsonData": {"httpMethod": "POST", "timeInterval": "1s"},
        "secureJsonData": {"basicAuthPassword": PASSWORD},
        **changes,
    }


def check_registry(datasources):
    """Creates, reads, lists and updates; returns the numeric id."""
    created = datasources.create_datasource(source())
    expect("create says so", "Datasource added", created["message"])
    expect("create keeps the uid", UID, created["datasource"]["uid"])
    keeps_secret("create", created)

    by_uid = datasources.get(DatasourceIdentifier(uid=UID))
    # Only a read knows the logo.
    expect("read by uid", created["datasource"] | {"typeLogoUrl": by_uid["typeLogoUrl"]}, by_uid)
    expect("read by id", by_uid, datasources.get(DatasourceIdentifier(id=created["id"])))
    expect("jsonData is as sent", source()["jsonData"], by_uid["jsonData"])
    expect("the secret is known by name", {"basicAuthPassword": True}, by_uid["secureJsonFields"])
    keeps_secret("read", by_uid)

    listed = datasources.list_datasources()
    expect("list", [created["id"]], [item["id"] for item in listed if item["uid"] == UID])
    keeps_secret("list", listed)
    taken = refused(lambda: datasources.create_datasource(source(uid="another")))
    expect("a name is taken once", 409, taken[0])

    renamed = source(name="Renamed", version=by_uid["version"])
    del renamed["secureJsonData"]
    updated = datasources.update_datasource_by_uid(UID, renamed)
    expect("update says so", "Datasource updated", updated["message"])
    expect("update renames", "Renamed", datasources.get_datasource_by_uid(UID)["name"])
    expect("update counts", by_uid["version"] + 1, updated["datasource"]["version"])
    return created["id"]


def check_proxy(datasources, number):
    """Queries Prometheus by uid and by id, with the secret that the update left alone."""
    now = time.time()
    for name, place in (("uid", {"datasource_uid": UID}), ("id", {"datasource_id": number})):
        answer = datasources.query(query="up", timestamp=now, **place)
        expect(f"query by {name}", "success", answer["status"])
        values = [series["value"][1] for series in answer["data"]["result"]]
        expect(f"query by {name} finds data", ["1"], values)
        answer = datasources.query_range(query="up", start=now - 60, end=now, step=1, **place)
        expect(f"query_range by {name}", "matrix", answer["data"]["resultType"])
        answer = datasources.series(match="up", start=now - 60, end=now, **place)
        expect(f"series by {name}", ["up"], [series["__name__"] for series in answer["data"]])


def main():
    """Runs all steps."""
    grafana = GrafanaApi.from_url(os.environ["GATEWAY_URL"], os.environ["GATEWAY_TOKEN"])
    grafana.connect()
    expect("version", "13.0.0", grafana.version)
    datasources = grafana.datasource
    number = check_registry(datasources)
    check_proxy(datasources, number)

    deleted = datasources.delete_datasource_by_uid(UID)
    expect("delete says so", "Data source deleted", deleted["message"])
    absent = (404, "Data source not found")
    expect("then it is absent", absent, refused(lambda: datasources.get_datasource_by_uid(UID)))
    stranger = GrafanaApi.from_url(os.environ["GATEWAY_URL"], "glsa_wrong")
    expect("a wrong token is refused", 401, refused(stranger.datasource.list_datasources)[0])


main()

"""Manages a gateway's data sources with grafana-client and a token: register, read, list, update, query, delete."""

import time

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError
from grafana_client.model import DatasourceIdentifier

from steps import TOKEN, URL, end, expect, keeps_secret, prometheus

UID = "grafana-client"
ABSENT = (404, "Data source not found")


def refused(call):
    """The status of a call that must fail, and the message with it."""
    try:
        return call()
    except GrafanaClientError as error:
        return error.status_code, (error.response or {}).get("message")


def check_registry(datasources):
    """Creates, reads and lists; returns what was read."""
    sent = prometheus(UID)
    created = datasources.create_datasource(sent)
    expect("create says so", "Datasource added", created["message"])
    expect("create keeps the uid", UID, created["datasource"]["uid"])
    keeps_secret("create", created)

    found = datasources.get(DatasourceIdentifier(uid=UID))
    # Only a read knows the logo.
    expect("read by uid", created["datasource"] | {"typeLogoUrl": found["typeLogoUrl"]}, found)
    expect("read by id", found, datasources.get(DatasourceIdentifier(id=created["id"])))
    expect("read by name", found, datasources.get(DatasourceIdentifier(name=sent["name"])))
    expect("id by name", {"id": created["id"]}, datasources.get_datasource_id_by_name(sent["name"]))
    expect("jsonData is as sent", sent["jsonData"], found["jsonData"])
    expect("the secret is known by name", {"basicAuthPassword": True}, found["secureJsonFields"])
    keeps_secret("read", found)

    listed = datasources.list_datasources()
    expect("list", [created["id"]], [item["id"] for item in listed if item["uid"] == UID])
    keeps_secret("list", listed)
    taken = refused(lambda: datasources.create_datasource(prometheus("another", name=sent["name"])))
    expect("a name is taken once", 409, taken[0])
    return found


def check_updates(datasources, found):
    """Renames, by uid and by id, and lets the secret be."""
    renamed = prometheus(UID, name="Renamed", version=found["version"])
    del renamed["secureJsonData"]
    updated = datasources.update_datasource_by_uid(UID, renamed)
    expect("update says so", "Datasource updated", updated["message"])
    expect("update renames", "Renamed", datasources.get_datasource_by_uid(UID)["name"])
    expect("update counts", found["version"] + 1, updated["datasource"]["version"])
    late = refused(lambda: datasources.update_datasource_by_uid(UID, renamed))
    expect("an update that comes late is refused", 409, late[0])

    del renamed["version"]
    updated = datasources.update_datasource(found["id"], renamed | {"name": "Once more"})
    expect("update by id says so", "Datasource updated", updated["message"])
    expect("update by id renames", found["id"], datasources.find_datasource("Once more")["id"])
    expect("the old name is gone", ABSENT, refused(lambda: datasources.find_datasource("Renamed")))


def check_proxy(datasources, number):
    """Queries Prometheus by uid and by id, with the secret that the updates left alone."""
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


def check_deletes(datasources):
    """Deletes by uid, by id and by name."""
    name = prometheus(UID)["name"]
    for way, delete in (
        ("uid", lambda _: datasources.delete_datasource_by_uid(UID)),
        ("id", datasources.delete_datasource_by_id),
        ("name", lambda _: datasources.delete_datasource_by_name(name)),
    ):
        if way != "uid":
            datasources.create_datasource(prometheus(UID))
        number = datasources.get_datasource_by_uid(UID)["id"]
        expect(f"delete by {way} says so", "Data source deleted", delete(number)["message"])
        expect(f"absent by {way}", ABSENT, refused(lambda: datasources.get_datasource_by_uid(UID)))
        expect(f"delete by {way} again", ABSENT, refused(lambda: delete(number)))


def main():
    """Runs all steps."""
    grafana = GrafanaApi.from_url(URL, TOKEN)
    grafana.connect()
    expect("version", "13.0.0", grafana.version)
    datasources = grafana.datasource
    found = check_registry(datasources)
    check_updates(datasources, found)
    check_proxy(datasources, found["id"])
    check_deletes(datasources)
    stranger = GrafanaApi.from_url(URL, "glsa_wrong")
    expect("a wrong token is refused", 401, refused(stranger.datasource.list_datasources)[0])
    end()


main()

"""Manages a gateway's data sources as an agent does, with the tools of mcp-grafana.

They cannot set secrets, so the password goes in by another client, as they tell their users.
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import mcp_grafana
from grafana_client import GrafanaApi
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from steps import ADMIN, SECRET, TOKEN, URL, end, expect, keeps_secret, prometheus

UID = "mcp-grafana"
ORG = "Org of mcp-grafana"
BINARY = str(Path(mcp_grafana.__file__).parent / "bin" / "mcp-grafana")


@asynccontextmanager
async def tools(**credential):
    """What calls a tool by its name and gives what it says, parsed if it is JSON."""
    environment = {"GRAFANA_URL": URL, "GRAFANA_USAGE_STATS": "disabled", "DO_NOT_TRACK": "1", **credential}
    chosen = ["--log-level=error", "--enabled-tools=datasource,user,admin,api"]
    os.chmod(BINARY, 0o755)
    server = StdioServerParameters(command=BINARY, args=chosen, env=environment)
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()

        async def call(tool, /, **arguments):
            said = (await session.call_tool(tool, arguments)).content[0].text
            keeps_secret(tool, said)
            try:
                return json.loads(said)
            except ValueError:
                return said

        yield call


async def check_registry(call):
    """Creates, reads, lists and updates."""
    fields = {"uid": UID, "url": prometheus(UID)["url"], "httpMethod": "POST"}
    new = {"type": "prometheus", "name": "Made by tool", "schemaReviewed": True, "basicAuth": True}
    created = await call("create_datasource", fields=fields, **new)
    expect("create", ("Datasource added", UID), (created["message"], created["uid"]))
    again = await call("create_datasource", fields=fields, **new)
    expect("create again", True, "already exists" in str(again))
    found = await call("get_datasource", uid=UID)
    expect("read by uid", ("prometheus", {"httpMethod": "POST"}), (found["type"], found["jsonData"]))
    expect("read by name", found, await call("get_datasource", name="Made by tool"))
    listed = await call("list_datasources", name="made by")
    expect("list", [UID], [item["uid"] for item in listed["datasources"]])
    changes = {"name": "Changed by tool", "fields": {"httpMethod": "GET"}}
    updated = await call("update_datasource", uid=UID, schemaReviewed=True, **changes)
    expect("update", "Datasource updated", updated["message"])
    found = await call("get_datasource", uid=UID)
    expect("updated", ("Changed by tool", 2), (found["name"], found["version"]))
    expect("with its settings", {"httpMethod": "GET"}, found["jsonData"])


async def check_query(call):
    """Queries through the proxy once the password is there, and keeps it over an update."""
    sent = prometheus(UID, name="Changed by tool")
    GrafanaApi.from_url(URL, TOKEN).datasource.update_datasource_by_uid(UID, sent)
    await call("update_datasource", uid=UID, schemaReviewed=True, name="Changed again")
    endpoint = f"/api/datasources/proxy/uid/{UID}/api/v1/query?query=up"
    answer = await call("grafana_api_request", endpoint=endpoint)
    values = [series["value"][1] for series in answer["data"]["data"]["result"]]
    expect("query", ["1"], values)


async def check_delete(call):
    """Deletes, and finds it gone."""
    endpoint = f"/api/datasources/uid/{UID}"
    deleted = await call("grafana_api_request", endpoint=endpoint, method="DELETE")
    expect("delete", "Data source deleted", deleted["data"]["message"])
    expect("deleted", True, "not found" in await call("get_datasource", uid=UID))


async def check_organisation():
    """Looks at another organisation, with the administrator's password."""
    grafana = GrafanaApi.from_url(URL, ADMIN)
    org = grafana.organization.create_organization(ORG)["orgId"]
    login = {"GRAFANA_USERNAME": ADMIN[0], "GRAFANA_PASSWORD": ADMIN[1], "GRAFANA_ORG_ID": str(org)}
    async with tools(**login) as call:
        expect("it has no data sources", 0, (await call("list_datasources"))["total"])
        user = await call("user_info")
        expect("the administrator", (ADMIN[0], org), (user["login"], user["currentOrgId"]))
        expect("in his organisations", True, org in [item["orgId"] for item in user["orgs"]])
        users = await call("list_users_by_org")
        expect("who is its only member", [ADMIN[0]], [item["login"] for item in users["orgUsers"]])
    grafana.organizations.delete_organization(org)


async def main():
    """Runs all steps."""
    async with tools(GRAFANA_SERVICE_ACCOUNT_TOKEN=TOKEN) as call:
        await check_registry(call)
        await check_query(call)
        await check_delete(call)
    await check_organisation()
    async with tools(GRAFANA_SERVICE_ACCOUNT_TOKEN="glsa_wrong") as call:
        # Its list would be empty, without a word.
        answer = await call("grafana_api_request", endpoint="/api/datasources")
        expect("a wrong token is refused", 401, answer["status"])
    end()


try:
    asyncio.run(main())
except* SystemExit:
    # Out of the groups of tasks, which would print where it was.
    sys.exit(1)

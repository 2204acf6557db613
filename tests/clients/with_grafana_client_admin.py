"""Manages a gateway's organisations, users and service accounts with grafana-client and a password."""

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError

from steps import ADMIN, URL, end, expect, expect_soon, prometheus

ORG = "Org of grafana-client"
LOGIN, EMAIL = "grafana-client", "grafana-client@example.com"
WORDS = ["first password", "second password", "third password"]


def connect(credential, org=None):
    """A client of one credential, in one organisation."""
    grafana = GrafanaApi.from_url(URL, credential)
    if org:
        grafana.client.s.headers["X-Grafana-Org-Id"] = str(org)
    return grafana


def status(call):
    """The status that a call ends in."""
    try:
        call()
        return 200
    except GrafanaClientError as error:
        return error.status_code


def reads(credential, org=None):
    """The status that a credential gets for the list of data sources."""
    return status(connect(credential, org).datasource.list_datasources)


def named(items, key="login"):
    """The names in a list of objects."""
    return sorted(item[key] for item in items)


def check_organisation(grafana):
    """Makes one, finds and renames it; returns its id."""
    user = grafana.user.get_actual_user()
    expect("the administrator", (ADMIN[0], True), (user["login"], user["isGrafanaAdmin"]))
    created = grafana.organization.create_organization("To be renamed")
    expect("an organisation is made", "Organization created", created["message"])
    number = created["orgId"]
    again = status(lambda: grafana.organization.create_organization("To be renamed"))
    expect("its name is taken once", 409, again)
    renamed = grafana.organizations.update_organization(number, {"name": ORG})
    expect("it is renamed", "Organization updated", renamed["message"])
    found = grafana.organization.find_organization(ORG)
    expect("it is found by name", (number, ORG), (found["id"], found["name"]))
    gone = status(lambda: grafana.organization.find_organization("To be renamed"))
    expect("its old name is gone", 404, gone)
    listed = grafana.organizations.list_organization()
    expect("it is listed", [ORG], [org["name"] for org in listed if org["id"] == number])
    members = grafana.organizations.organization_user_list(number)
    expect("its maker is in it", [ADMIN[0]], named(members))

    inside = connect(ADMIN, number)
    expect("it is current", ORG, inside.organization.get_current_organization()["name"])
    renamed = inside.organization.update_current_organization({"name": ORG})
    expect("it keeps its own name", "Organization updated", renamed["message"])
    return number


def check_user(grafana, org):
    """Makes a user in the organisation, finds and changes him; returns his id."""
    form = {"name": "One", "login": LOGIN, "email": EMAIL, "password": WORDS[0], "OrgId": org}
    created = grafana.admin.create_user(form)
    expect("a user is made", "User created", created["message"])
    number = created["id"]
    expect("his login is taken once", 412, status(lambda: grafana.admin.create_user(form)))
    for what in (LOGIN, EMAIL):
        expect(f"he is found by {what}", number, grafana.users.find_user(what)["id"])
    expect("no other is", 404, status(lambda: grafana.users.find_user("nobody@example.com")))
    listed = grafana.users.search_users(perpage=1)
    mine = [user["id"] for user in listed if user["login"] == LOGIN]
    expect("he is listed once, over pages", [number], mine)
    form = {"name": "Two", "login": LOGIN, "email": EMAIL}
    expect("he is renamed", "User updated", grafana.users.update_user(number, form)["message"])
    expect("he has the name", "Two", grafana.users.get_user(number)["name"])
    orgs = grafana.users.get_user_organisations(number)
    expect("he is in the organisation", [(org, "Viewer")], [(o["orgId"], o["role"]) for o in orgs])
    return number


def check_membership(grafana, org, number):
    """Gives him roles, shows what each may, and lets him into the main organisation for a while."""
    him = (LOGIN, WORDS[0])
    connect(ADMIN, org).datasource.create_datasource(prometheus("in-org"))
    main = named(grafana.datasource.list_datasources(), "uid")
    expect("data sources are of one organisation", False, "in-org" in main)
    seen = named(connect(him).datasource.list_datasources(), "uid")
    expect("he sees those of his", ["in-org"], seen)
    create = lambda: connect(him).datasource.create_datasource(prometheus("his"))
    expect("a viewer makes none", 403, status(create))
    changed = grafana.organizations.organization_user_update(org, number, "Admin")
    expect("he becomes its administrator", "Organization user updated", changed["message"])
    expect_soon("who makes some", 200, lambda: status(create))
    connect(him).datasource.delete_datasource_by_uid("his")
    expect("but no organisations", 403, status(lambda: connect(him).organization.create_organization("his")))

    expect("the main one is closed to him", 401, reads(him, 1))
    switch = lambda: connect(him).user.switch_actual_user_organisation(1)
    expect("and he cannot switch to it", 401, status(switch))
    form = {"loginOrEmail": EMAIL, "role": "Viewer"}
    added = grafana.organizations.organization_user_add(1, form)
    expect("until he is added", ("User added to organization", number), (added["message"], added["userId"]))
    again = status(lambda: grafana.organizations.organization_user_add(1, form))
    expect("which is done once", 409, again)
    expect_soon("then he may switch", 200, lambda: status(switch))
    expect_soon("and is there", 1, lambda: connect(him).organization.get_current_organization()["id"])
    his = connect(him).user.get_actual_user_organisations()
    roles = sorted((o["orgId"], o["role"]) for o in his)
    expect("with a role in each", [(1, "Viewer"), (org, "Admin")], roles)
    members = grafana.organization.get_current_organization_users()
    expect("the main one lists him", True, LOGIN in named(members))
    removed = grafana.organization.delete_user_current_organization(number)
    expect("he is removed", "User removed from organization", removed["message"])
    expect_soon("and it is closed again", 401, lambda: reads(him, 1))


def check_passwords(grafana, number):
    """Changes his password twice, his permissions, and shuts him out for a while."""
    changed = connect((LOGIN, WORDS[0])).user.change_actual_user_password(WORDS[0], WORDS[1])
    expect("he changes his password", "User password changed", changed["message"])
    expect("the new one works", 200, reads((LOGIN, WORDS[1])))
    expect_soon("the old one does not", 401, lambda: reads((LOGIN, WORDS[0])))
    changed = grafana.admin.change_user_password(number, WORDS[2])
    expect("so does the administrator", "User password updated", changed["message"])
    expect("that one works", 200, reads((LOGIN, WORDS[2])))
    expect_soon("the one before does not", 401, lambda: reads((LOGIN, WORDS[1])))
    for flag in (True, False):
        changed = grafana.admin.change_user_permissions(number, flag)
        expect(f"administrator of the server: {flag}", "User permissions updated", changed["message"])
        expect("it is shown", flag, grafana.users.get_user(number)["isGrafanaAdmin"])
    grafana.admin.set_user_enabled(number, False)
    expect_soon("disabled, he is refused", 401, lambda: reads((LOGIN, WORDS[2])))
    grafana.admin.set_user_enabled(number, True)
    expect_soon("enabled, he is back", 200, lambda: reads((LOGIN, WORDS[2])))


def check_service_account(org):
    """Makes one with a token, uses the token and revokes it; returns the token of another that stays."""
    accounts = connect(ADMIN, org).serviceaccount
    made = accounts.create({"name": "robot", "role": "Viewer"})
    number = made["id"]
    expect("a service account is made", ("robot", "Viewer", org), (made["name"], made["role"], made["orgId"]))
    expect("it is found", number, accounts.search_one("robot")["id"])
    expect("it is listed", ["robot"], named(accounts.search_all(), "name"))
    expect("no other is found", 0, accounts.search(query="nobody", page=1)[0]["totalCount"])
    accounts.update(number, {"name": "android", "role": "Editor"})
    found = accounts.get(number)
    expect("it is changed", ("android", "Editor"), (found["name"], found["role"]))
    expect("it has no tokens", [], accounts.get_tokens(number))
    token = accounts.create_token(number, {"name": "first", "secondsToLive": 3600})
    stays = accounts.create_token(number, {"name": "second"})
    listed = accounts.get_tokens(number)
    expect("then two", ["first", "second"], named(listed, "name"))
    expect("whose text is not shown again", False, token["key"] in repr(listed))
    ends = {item["name"]: item["expiration"] is not None for item in listed}
    expect("one of which ends", {"first": True, "second": False}, ends)
    seen = named(connect(token["key"]).datasource.list_datasources(), "uid")
    expect("a token sees its organisation", ["in-org"], seen)
    expect("and no other", 401, reads(token["key"], 1))
    create = lambda: connect(token["key"]).datasource.create_datasource(prometheus("its"))
    expect("an editor makes none", 403, status(create))
    gone = accounts.delete_token(number, token["id"])
    expect("a token is revoked", "Service account token deleted", gone["message"])
    expect_soon("and dead", 401, lambda: reads(token["key"]))
    expect("the other lives", 200, reads(stays["key"]))
    return number, stays["key"]


def check_deletes(grafana, org, user, account, token):
    """Deletes all of it: what was in it is gone too."""
    gone = connect(ADMIN, org).serviceaccount.delete(account)
    expect("the service account is deleted", "Service account deleted", gone["message"])
    expect_soon("with its token", 401, lambda: reads(token))
    expect("the user is deleted", "User deleted", grafana.admin.delete_user(user)["message"])
    expect("and absent", 404, status(lambda: grafana.users.get_user(user)))
    expect_soon("and refused", 401, lambda: reads((LOGIN, WORDS[2])))
    gone = grafana.organizations.delete_organization(org)
    expect("the organisation is deleted", "Organization deleted", gone["message"])
    expect("and absent", 404, status(lambda: grafana.organization.find_organization(ORG)))
    expect_soon("and closed", 401, lambda: reads(ADMIN, org))


def main():
    """Runs all steps."""
    grafana = connect(ADMIN)
    org = check_organisation(grafana)
    user = check_user(grafana, org)
    check_membership(grafana, org, user)
    check_passwords(grafana, user)
    account, token = check_service_account(org)
    check_deletes(grafana, org, user, account, token)
    expect("a wrong password is refused", 401, reads((ADMIN[0], "wrong")))
    end()


main()

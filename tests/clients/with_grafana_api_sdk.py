"""Drives a gateway as grafana-api-sdk does: every call that the gateway serves, once.

The SDK compares the gateway's messages and raises when one differs. Only its log says what it got, so it is shown.
"""

import logging
import sys

from grafana_api.admin import Admin
from grafana_api.authentication import Authentication
from grafana_api.datasource import Datasource
from grafana_api.model import APIModel, GlobalUser, UserObject
from grafana_api.organisation import Organisation, OrganisationAdmin
from grafana_api.service_account import ServiceAccount
from grafana_api.user import CurrentUser, User

from steps import ADMIN, TOKEN, URL, end, expect, expect_soon, keeps_secret, prometheus

logging.basicConfig(level=logging.ERROR, stream=sys.stdout)
UID = "grafana-api-sdk"
LOGIN, EMAIL = "grafana-api-sdk", "grafana-api-sdk@example.com"
ORG = "Org of grafana-api-sdk"


def by_token(token):
    """How the SDK is told a token."""
    return APIModel(host=URL, token=token, retries=0)


def by_password(login, password):
    """How the SDK is told a password."""
    return APIModel(host=URL, username=login, password=password, retries=0)


def fails(call):
    """Whether a call raises; the SDK's log of it is left out."""
    logging.disable()
    try:
        call()
        return False
    except Exception:  # The SDK raises nothing more exact.
        return True
    finally:
        logging.disable(logging.NOTSET)


def check_datasources(datasources):
    """Creates, reads and updates by each key, deletes by each key."""
    sent = prometheus(UID)
    datasources.create_datasource(sent)
    found = datasources.get_datasource_by_uid(UID)
    number = found["id"]
    expect("read by id", found, datasources.get_datasource_by_id(number))
    expect("read by name", found, datasources.get_datasource_by_name(sent["name"]))
    expect("id by name", number, datasources.get_datasource_id_by_name(sent["name"]))
    keeps_secret("read", found)
    listed = datasources.get_all_datasources()
    expect("list", [number], [item["id"] for item in listed if item["uid"] == UID])
    keeps_secret("list", listed)
    expect("a name is taken once", True, fails(lambda: datasources.create_datasource(sent)))
    datasources.update_datasource(sent | {"name": "By uid"}, datasource_uid=UID)
    expect("update by uid", number, datasources.get_datasource_id_by_name("By uid"))
    datasources.update_datasource(sent | {"name": "By id"}, datasource_id=number)
    expect("update by id", number, datasources.get_datasource_id_by_name("By id"))
    datasources.delete_datasource_by_id(number)
    for delete, key in (
        (datasources.delete_datasource_by_uid, UID),
        (datasources.delete_datasource_by_name, sent["name"]),
    ):
        datasources.create_datasource(sent)
        delete(key)
    expect("deleted", True, fails(lambda: datasources.get_datasource_by_uid(UID)))
    expect("deleted once", True, fails(lambda: datasources.delete_datasource_by_uid(UID)))


def check_users(model):
    """Makes, finds and changes a user; returns his id."""
    admin, users = Admin(model), User(model)
    form = GlobalUser(name="One", email=EMAIL, login=LOGIN, password="first password", org_id=1)
    number = admin.create_global_user(form)
    expect("a user is made", LOGIN, users.get_user_by_id(number)["login"])
    expect("once", True, fails(lambda: admin.create_global_user(form)))
    expect("found by login", number, users.get_user_by_username_or_email(LOGIN)["id"])
    expect("listed", [number], [u["id"] for u in users.search_users(sort="login-asc") if u["login"] == LOGIN])
    paged = users.search_users_with_paging(query=LOGIN)
    expect("searched for in pages", (1, [number]), (paged["totalCount"], [u["id"] for u in paged["users"]]))
    users.update_user(number, UserObject(name="Two", email=EMAIL, login=LOGIN, theme="light"))
    expect("renamed", "Two", users.get_user_by_id(number)["name"])
    expect("in an organisation", [1], [org["orgId"] for org in users.get_user_organizations(number)])
    expect("in no team", [], users.get_user_teams(number))
    admin.update_user_permissions(number, True)
    expect("an administrator", True, users.get_user_by_id(number)["isGrafanaAdmin"])
    admin.update_user_permissions(number, False)

    admin.update_user_password(number, "second password")
    CurrentUser(by_password(LOGIN, "second password")).update_password(
        "second password", "third password", "third password"
    )
    him = CurrentUser(by_password(LOGIN, "third password"))
    expect("himself", (number, LOGIN), (him.get_user()["id"], him.get_user()["login"]))
    expect("his organisations", [1], [org["orgId"] for org in him.get_user_organizations()])
    expect("his teams", [], him.get_user_teams())
    him.switch_current_user_context(1)
    users.switch_specific_user_context(number, 1)
    return number


def check_organisations(model, user):
    """Makes, finds and renames one, lets the user in and out, deletes it."""
    organisations = OrganisationAdmin(model)
    number = organisations.create_organization("To be renamed")
    expect(
        "an organisation's name is taken once",
        True,
        fails(lambda: organisations.create_organization("To be renamed")),
    )
    organisations.update_organization(number, ORG)
    expect("found by id", ORG, organisations.get_organization_by_id(number)["name"])
    expect("found by name", number, organisations.get_organization_by_name(ORG)["id"])
    listed = organisations.get_organizations()
    expect("listed", [ORG], [org["name"] for org in listed if org["id"] == number])
    expect("the user is added", user, organisations.add_organization_user(number, LOGIN, "Viewer"))
    organisations.update_organization_user(number, user, "Editor")
    members = organisations.get_organization_users(number)
    expect("with a role", ["Editor"], [m["role"] for m in members if m["userId"] == user])
    organisations.delete_organization_user(number, user)
    organisations.delete_organization(number)
    expect("deleted", True, fails(lambda: organisations.get_organization_by_id(number)))

    current = Organisation(model)
    name = current.get_current_organization()["name"]
    current.update_current_organization(name)
    current.update_organization_user_role_by_user_id(user, "Editor")
    members = current.get_all_users_by_the_current_organization()
    expect("the current one's users", ["Editor"], [m["role"] for m in members if m["userId"] == user])
    listed = current.get_all_users_by_the_current_organization_lookup()
    expect("looked up", [LOGIN], [m["login"] for m in listed if m["userId"] == user])
    current.delete_organization_user_by_user_id(user)
    expect("added again", user, current.add_new_user_to_current_organization(LOGIN, "Viewer"))


def check_service_accounts(accounts):
    """Makes one with a token, uses the token, revokes it."""
    number = accounts.create_service_account(UID, "Viewer")["id"]
    expect("a service account is found", 1, accounts.search_service_account(query=UID)["totalCount"])
    accounts.update_service_account(number, UID, "Admin")
    expect("changed", "Admin", accounts.get_service_account_by_id(number)["role"])
    expect("without tokens", [], accounts.get_service_account_tokens_by_id(number))
    token = accounts.create_service_account_token_by_id(number, "first", "Admin")
    listed = accounts.get_service_account_tokens_by_id(number)
    expect("then with one", [token["id"]], [item["id"] for item in listed])
    its = Datasource(by_token(token["key"]))
    its.create_datasource(prometheus(UID))
    expect("which works", UID, its.get_datasource_by_uid(UID)["uid"])
    accounts.delete_service_account_token_by_id(number, token["id"])
    expect_soon("until it is revoked", True, lambda: fails(lambda: its.get_datasource_by_uid(UID)))
    Datasource(by_token(TOKEN)).delete_datasource_by_uid(UID)
    accounts.delete_service_account(number)
    expect("deleted", True, fails(lambda: accounts.get_service_account_by_id(number)))


def main():
    """Runs all steps."""
    check_datasources(Datasource(by_token(TOKEN)))
    admin = by_password(*ADMIN)
    check_datasources(Datasource(admin))
    user = check_users(admin)
    check_organisations(admin, user)
    check_service_accounts(ServiceAccount(admin))
    expect("no old keys", [], Authentication(admin).get_api_tokens())
    Admin(admin).delete_global_user(user)
    expect("the user is deleted", True, fails(lambda: User(admin).get_user_by_id(user)))
    stranger = Datasource(by_token("glsa_wrong"))
    expect("a wrong token is refused", True, fails(lambda: stranger.create_datasource(prometheus(UID))))
    end()


main()

// Drives a gateway through grafana-openapi-client-go, in the order of the Terraform provider, which is written on it: data sources,
// organisations, users and service accounts. The client takes only the statuses that Grafana documents, and decodes every answer.
//
// Reads what ../steps.py names from the environment, and ends at the first step that fails with a status other than 0.
package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/grafana/grafana-openapi-client-go/client"
	"github.com/grafana/grafana-openapi-client-go/client/orgs"
	"github.com/grafana/grafana-openapi-client-go/client/service_accounts"
	"github.com/grafana/grafana-openapi-client-go/client/users"
	"github.com/grafana/grafana-openapi-client-go/models"
)

type api = *client.GrafanaHTTPAPI

const uid, login, orgName = "openapi-client", "openapi-client", "Org of openapi-client"

// As many as anyone may have here; a list that never ends is a failure.
const pages = 20

// How long a revoked token may live on, with room for a busy machine.
const revokedAfter = 10 * time.Second

func connect(change func(*client.TransportConfig)) api {
	address, err := url.Parse(os.Getenv("GATEWAY_URL"))
	done("the gateway's url", err)
	config := client.DefaultTransportConfig().WithHost(address.Host).WithSchemes([]string{address.Scheme})
	change(config)
	return client.NewHTTPClientWithConfig(strfmt.Default, config)
}

func byToken(token string) api {
	return connect(func(config *client.TransportConfig) { config.APIKey = token })
}

func byPassword(login, password string, org int64) api {
	return connect(func(config *client.TransportConfig) {
		config.BasicAuth, config.OrgID = url.UserPassword(login, password), org
	})
}

// Ends the run if a step failed.
func done(what string, err error) {
	if err != nil {
		fail(what, "no error", err)
	}
	fmt.Println("ok", what)
}

// Ends the run unless both are equal.
func expect(what string, expected, found any) {
	if !reflect.DeepEqual(expected, found) {
		fail(what, expected, found)
	}
	fmt.Println("ok", what)
}

// Ends the run unless a step failed with the status; the client knows some as types and others as numbers.
func refused(what string, status int, err error) {
	if typed, known := err.(interface{ IsCode(int) bool }); !known || !typed.IsCode(status) {
		fail(what, status, err)
	}
	fmt.Println("ok", what)
}

func fail(what string, expected, found any) {
	fmt.Printf("FAILED %s: expected %v, found %v\n", what, expected, found)
	os.Exit(1)
}

func checkDataSources(grafana api) {
	settings := map[string]any{"httpMethod": "POST", "timeInterval": "1s"}
	secrets := map[string]string{"basicAuthPassword": os.Getenv("PROMETHEUS_PASSWORD")}
	created, err := grafana.Datasources.AddDataSource(&models.AddDataSourceCommand{
		UID: uid, Name: "Of Go / ü", Type: "prometheus", Access: "proxy", URL: os.Getenv("PROMETHEUS_URL"),
		BasicAuth: true, BasicAuthUser: os.Getenv("PROMETHEUS_USER"), JSONData: settings, SecureJSONData: secrets,
	})
	done("create", err)
	expect("with the uid", uid, created.Payload.Datasource.UID)
	_, err = grafana.Datasources.AddDataSource(&models.AddDataSourceCommand{Name: "Of Go / ü", Type: "prometheus", Access: "proxy"})
	refused("create again", http.StatusConflict, err)
	found, err := grafana.Datasources.GetDataSourceByUID(uid)
	done("read by uid", err)
	expect("its settings", any(settings), any(found.Payload.JSONData))
	expect("its secrets", map[string]bool{"basicAuthPassword": true}, found.Payload.SecureJSONFields)
	named, err := grafana.Datasources.GetDataSourceByName("Of Go / ü")
	done("read by name", err)
	expect("the same", found.Payload, named.Payload)
	number, err := grafana.Datasources.GetDataSourceIDByName("Of Go / ü")
	done("id by name", err)
	expect("its id", found.Payload.ID, *number.Payload.ID)
	// As the provider does: what is zero is not sent, and means zero.
	_, err = grafana.Datasources.UpdateDataSourceByUID(uid, &models.UpdateDataSourceCommand{
		UID: uid, Name: "Renamed", Type: "prometheus", Access: "proxy", URL: os.Getenv("PROMETHEUS_URL"), JSONData: map[string]any{},
	})
	done("update", err)
	found, err = grafana.Datasources.GetDataSourceByUID(uid)
	done("read again", err)
	expect("renamed, without authentication", []any{"Renamed", false, ""}, []any{found.Payload.Name, found.Payload.BasicAuth, found.Payload.BasicAuthUser})
	expect("its settings are an object", any(map[string]any{}), any(found.Payload.JSONData))
	_, err = grafana.Datasources.DeleteDataSourceByUID(uid)
	done("delete", err)
	_, err = grafana.Datasources.DeleteDataSourceByUID(uid)
	refused("delete again", http.StatusNotFound, err)
	_, err = grafana.Datasources.GetDataSourceByUID(uid)
	refused("deleted", http.StatusNotFound, err)
}

func checkOrganisation(grafana api) int64 {
	created, err := grafana.Orgs.CreateOrg(&models.CreateOrgCommand{Name: "To be renamed"})
	done("an organisation", err)
	org := *created.Payload.OrgID
	_, err = grafana.Orgs.CreateOrg(&models.CreateOrgCommand{Name: "To be renamed"})
	refused("once", http.StatusConflict, err)
	_, err = grafana.Orgs.UpdateOrg(org, &models.UpdateOrgForm{Name: orgName})
	done("renamed", err)
	found, err := grafana.Orgs.GetOrgByID(org)
	done("read by id", err)
	expect("its name", orgName, found.Payload.Name)
	named, err := grafana.Orgs.GetOrgByName(orgName)
	done("read by name", err)
	expect("its id", org, named.Payload.ID)

	// The provider asks for page after page, from 0, until one is empty.
	seen := 0
	for page := int64(0); ; page++ {
		listed, err := grafana.Orgs.SearchOrgs(orgs.NewSearchOrgsParams().WithPage(&page))
		done(fmt.Sprintf("page %d of organisations", page), err)
		if len(listed.Payload) == 0 {
			break
		}
		expect("pages end", true, page < pages)
		for _, item := range listed.Payload {
			if item.ID == org {
				seen++
			}
		}
	}
	// Page 0 is page 1, for Grafana too.
	expect("it is listed", true, seen > 0)
	return org
}

func checkUser(grafana api) int64 {
	form := models.AdminCreateUserForm{Name: "One", Login: login, Email: "go@example.com", Password: "first password"}
	created, err := grafana.AdminUsers.AdminCreateUser(&form)
	done("a user", err)
	user := created.Payload.ID
	_, err = grafana.AdminUsers.AdminCreateUser(&form)
	refused("once", http.StatusPreconditionFailed, err)
	found, err := grafana.Users.GetUserByLoginOrEmail("go@example.com")
	done("found by email", err)
	expect("his id", user, found.Payload.ID)
	_, err = grafana.Users.UpdateUser(user, &models.UpdateUserCommand{Name: "Two", Login: login, Email: "go@example.com"})
	done("renamed", err)
	_, err = grafana.AdminUsers.AdminUpdateUserPassword(user, &models.AdminUpdateUserPasswordForm{Password: "second password"})
	done("his password", err)
	_, err = grafana.AdminUsers.AdminUpdateUserPermissions(user, &models.AdminUpdateUserPermissionsForm{IsGrafanaAdmin: true})
	done("his permissions", err)
	his, err := grafana.Users.GetUserByID(user)
	done("read by id", err)
	expect("what he is", []any{"Two", true}, []any{his.Payload.Name, his.Payload.IsGrafanaAdmin})
	seen := 0
	for page := int64(1); ; page++ {
		listed, err := grafana.Users.SearchUsers(users.NewSearchUsersParams().WithPage(&page))
		done(fmt.Sprintf("page %d of users", page), err)
		if len(listed.Payload) == 0 {
			break
		}
		expect("pages end", true, page < pages)
		for _, item := range listed.Payload {
			if item.Email == "go@example.com" {
				seen++
			}
		}
	}
	expect("he is listed", 1, seen)
	return user
}

func checkMembership(grafana api, org, user int64) {
	member := models.AddOrgUserCommand{LoginOrEmail: "go@example.com", Role: "Viewer"}
	_, err := grafana.Orgs.AddOrgUser(org, &member)
	done("he joins the organisation", err)
	_, err = grafana.Orgs.AddOrgUser(org, &member)
	refused("once", http.StatusConflict, err)
	change := orgs.NewUpdateOrgUserParams().WithOrgID(org).WithUserID(user)
	_, err = grafana.Orgs.UpdateOrgUser(change.WithBody(&models.UpdateOrgUserCommand{Role: "Editor"}))
	done("another role", err)
	members, err := grafana.Orgs.GetOrgUsers(org)
	done("its users", err)
	roles := map[string]string{}
	for _, item := range members.Payload {
		roles[item.Login] = item.Role
	}
	expect("their roles", map[string]string{os.Getenv("GATEWAY_USER"): "Admin", login: "Editor"}, roles)
	_, err = byPassword(login, "second password", org).Datasources.GetDataSources()
	done("he sees its data sources", err)
	_, err = grafana.Orgs.RemoveOrgUser(user, org)
	done("he leaves it", err)
}

func checkServiceAccount(grafana api, org int64) {
	accounts := grafana.ServiceAccounts
	disabled := false
	form := models.CreateServiceAccountForm{Name: "robot", Role: "Admin", IsDisabled: disabled}
	created, err := accounts.CreateServiceAccount(service_accounts.NewCreateServiceAccountParams().WithBody(&form))
	done("a service account", err)
	number := created.Payload.ID
	update := models.UpdateServiceAccountForm{Name: "android", Role: "Editor", IsDisabled: &disabled}
	params := service_accounts.NewUpdateServiceAccountParams().WithServiceAccountID(number)
	_, err = accounts.UpdateServiceAccount(params.WithBody(&update))
	done("changed", err)
	found, err := accounts.RetrieveServiceAccount(number)
	done("read", err)
	expect("what it is", []any{"android", "Editor", org}, []any{found.Payload.Name, found.Payload.Role, found.Payload.OrgID})
	query := "android"
	search := service_accounts.NewSearchOrgServiceAccountsWithPagingParams().WithQuery(&query)
	listed, err := accounts.SearchOrgServiceAccountsWithPaging(search)
	done("searched for", err)
	expect("found", int64(1), listed.Payload.TotalCount)
	key := models.AddServiceAccountTokenCommand{Name: "key", SecondsToLive: 3600}
	token, err := accounts.CreateToken(service_accounts.NewCreateTokenParams().WithServiceAccountID(number).WithBody(&key))
	done("a token", err)
	tokens, err := accounts.ListTokens(number)
	done("its tokens", err)
	expect("just that", []any{1, token.Payload.ID}, []any{len(tokens.Payload), tokens.Payload[0].ID})
	its := byToken(token.Payload.Key).Datasources
	_, err = its.GetDataSources()
	done("it is known", err)
	_, err = accounts.DeleteToken(token.Payload.ID, number)
	done("revoked", err)
	for end := time.Now().Add(revokedAfter); err == nil && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		_, err = its.GetDataSources()
	}
	refused("dead", http.StatusUnauthorized, err)
	_, err = accounts.DeleteServiceAccount(number)
	done("deleted", err)
	_, err = accounts.RetrieveServiceAccount(number)
	refused("gone", http.StatusNotFound, err)
}

func main() {
	name, password := os.Getenv("GATEWAY_USER"), os.Getenv("GATEWAY_PASSWORD")
	checkDataSources(byToken(os.Getenv("GATEWAY_TOKEN")))
	grafana := byPassword(name, password, 0)
	org := checkOrganisation(grafana)
	user := checkUser(grafana)
	checkMembership(grafana, org, user)
	inside := byPassword(name, password, org)
	checkDataSources(inside)
	checkServiceAccount(inside, org)
	_, err := grafana.AdminUsers.AdminDeleteUser(user)
	done("the user is deleted", err)
	_, err = grafana.Users.GetUserByID(user)
	refused("and gone", http.StatusNotFound, err)
	_, err = grafana.Orgs.DeleteOrgByID(org)
	done("the organisation is deleted", err)
	_, err = grafana.Orgs.GetOrgByID(org)
	refused("and gone", http.StatusNotFound, err)
	_, err = byToken("glsa_wrong").Datasources.GetDataSources()
	refused("a wrong token", http.StatusUnauthorized, err)
	fmt.Println("every step passed")
}

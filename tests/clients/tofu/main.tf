# An organisation with a user, a service account and a data source, and a data source of the main organisation; each is found again
# by name and uid. `with_opentofu.py` applies this, changes the variables, and destroys it.
terraform {
  required_providers {
    grafana = { source = "grafana/grafana" }
  }
}

variable "url" { type = string }
variable "login" { sensitive = true }
variable "token" { sensitive = true }
variable "secret" { sensitive = true }
variable "upstream" { type = string }
variable "suffix" { default = "" }
variable "editors" {
  type    = list(string)
  default = []
}
variable "role" { default = "Viewer" }

provider "grafana" {
  url  = var.url
  auth = var.login
}

provider "grafana" {
  alias = "token"
  url   = var.url
  auth  = var.token
}

resource "grafana_data_source" "main" {
  provider                 = grafana.token
  uid                      = "tofu-main"
  name                     = "Of OpenTofu / main${var.suffix}"
  type                     = "prometheus"
  url                      = var.upstream
  basic_auth_enabled       = true
  basic_auth_username      = "reader"
  is_default               = true
  json_data_encoded        = jsonencode({ httpMethod = "POST", timeInterval = "1s" })
  secure_json_data_encoded = jsonencode({ basicAuthPassword = var.secret })
  http_headers             = { "X-Tenant" = "one" }
}

resource "grafana_user" "reader" {
  email    = "tofu@example.com"
  login    = "tofu"
  name     = "Reader${var.suffix}"
  password = "password of tofu${var.suffix}"
}

resource "grafana_organization" "team" {
  name         = "Org of OpenTofu${var.suffix}"
  admin_user   = split(":", var.login)[0]
  create_users = true
  viewers      = length(var.editors) > 0 ? [] : [grafana_user.reader.email]
  editors      = var.editors
}

resource "grafana_data_source" "team" {
  org_id            = grafana_organization.team.id
  uid               = "tofu-team"
  name              = "Of the team${var.suffix}"
  type              = "prometheus"
  url               = var.upstream
  json_data_encoded = jsonencode({ httpMethod = "GET" })
}

resource "grafana_service_account" "robot" {
  org_id = grafana_organization.team.id
  name   = "robot${var.suffix}"
  role   = var.role
}

resource "grafana_service_account_token" "robot" {
  name               = "key"
  service_account_id = grafana_service_account.robot.id
}

data "grafana_data_source" "by_uid" {
  provider = grafana.token
  uid      = grafana_data_source.main.uid
}

data "grafana_data_source" "by_name" {
  org_id = grafana_organization.team.id
  name   = grafana_data_source.team.name
}

data "grafana_organization" "by_name" {
  name = grafana_organization.team.name
}

data "grafana_user" "by_email" {
  email = grafana_user.reader.email
}

output "found" {
  value = {
    main    = data.grafana_data_source.by_uid.name
    team    = data.grafana_data_source.by_name.uid
    viewers = data.grafana_organization.by_name.viewers
    editors = data.grafana_organization.by_name.editors
    user    = data.grafana_user.by_email.login
  }
}

output "key" {
  value     = grafana_service_account_token.robot.key
  sensitive = true
}

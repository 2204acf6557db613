# The parameters of template.yaml, under the names that Terraform is used to.

variable "deployment" {
  description = "Names this deployment; sealed secrets and wrapped keys are bound to it for ever"
  type        = string

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]{0,30})$", var.deployment))
    error_message = "It does not match [a-z][a-z0-9-]{0,30}."
  }
}

variable "jwt_issuer" {
  description = "The OpenID Connect issuer whose JWTs are accepted; empty to accept none"
  type        = string
  default     = ""
}

variable "jwt_audience" {
  description = "What the aud of a JWT must name one of, with commas between"
  type        = string
  default     = ""
}

variable "jwt_rules" {
  description = "Which claims make which role where, such as [{\"claim\":\"groups\",\"value\":\"ops\",\"org\":1,\"role\":\"Admin\"}]"
  type        = string
  default     = ""
}

variable "jwt_login_claim" {
  description = "The claim that callers are called by; sub if empty"
  type        = string
  default     = ""
}

variable "jwt_jwks_url" {
  description = "Where the issuer's keys are; if empty, its discovery document says it"
  type        = string
  default     = ""
}

variable "grafana_compat" {
  description = "Whose answers clients get, Grafana 13's, Grafana 9's or Amazon Managed Grafana's"
  type        = string
  default     = "13"

  validation {
    condition     = contains(["13", "9", "amg"], var.grafana_compat)
    error_message = "It is one of 13, 9, amg."
  }
}

variable "datasource_limit" {
  description = "How many data sources a list holds at most"
  type        = number
  default     = 5000

  validation {
    condition     = var.datasource_limit >= 1
    error_message = "It is at least 1."
  }
}

variable "sql_format" {
  description = "How answers to SQL statements are written where the caller's Accept leaves it open, CSV, or JSON as by Perses"
  type        = string
  default     = "csv"

  validation {
    condition     = contains(["csv", "json"], var.sql_format)
    error_message = "It is csv or json."
  }
}

variable "rds_iam" {
  description = "Which organisation may log in to which RDS database with a token, such as [{\"org\":1,\"host\":\"db.abc123.eu-west-1.rds.amazonaws.com\",\"user\":\"reader\"}]"
  type        = string
  default     = ""
}

variable "rds_user_arns" {
  description = "The ARNs of those database users, such as arn:aws:rds-db:eu-west-1:123456789012:dbuser:db-ABCDEFGHIJKL/reader"
  type        = list(string)
  default     = []
}

variable "egress_allow" {
  description = "Private networks that data sources may be in, in CIDR notation with commas between; empty for public addresses alone"
  type        = string
  default     = ""
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables that are backed up"
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "How long the log is kept"
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "It is one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "alarm_topic" {
  description = "The ARN of the SNS topic that alarms are told to; empty to tell nobody"
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^((arn:aws[a-z-]*:sns:.+)?)$", var.alarm_topic))
    error_message = "It does not match (arn:aws[a-z-]*:sns:.+)?."
  }
}

variable "otlp_endpoint" {
  description = "The OpenTelemetry collector that spans of requests are sent to, by OTLP over HTTP; empty for none"
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^((https?://.+)?)$", var.otlp_endpoint))
    error_message = "It does not match (https?://.+)?."
  }
}

variable "vpc_id" {
  description = "The VPC that data sources are reached in; empty for none. It needs a NAT gateway for public ones"
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^((vpc-[0-9a-f]+)?)$", var.vpc_id))
    error_message = "It does not match (vpc-[0-9a-f]+)?."
  }
}

variable "subnet_ids" {
  description = "Private subnets of it, two or more"
  type        = list(string)
  default     = []
}

variable "route_table_ids" {
  description = "The route tables of those subnets"
  type        = list(string)
  default     = []
}

variable "zips" {
  description = "The folder with the functions' archives, as `make zips` leaves it: NAME/bootstrap.zip"
  type        = string
}

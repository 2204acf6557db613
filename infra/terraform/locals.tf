data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name = "sourcegate-${var.deployment}"

  # What `template.yaml` calls by these names.
  refs = {
    Access              = aws_dynamodb_table.access.name
    Registry            = aws_dynamodb_table.registry.name
    Scratch             = aws_dynamodb_table.scratch.name
    Deployment          = var.deployment
    JwtIssuer           = var.jwt_issuer
    JwtAudience         = var.jwt_audience
    JwtRules            = var.jwt_rules
    JwtLoginClaim       = var.jwt_login_claim
    JwtJwksUrl          = var.jwt_jwks_url
    GrafanaCompat       = var.grafana_compat
    DatasourceLimit     = tostring(var.datasource_limit)
    SqlFormat           = var.sql_format
    RdsIam              = var.rds_iam
    EgressAllow         = var.egress_allow
    OtlpEndpoint        = var.otlp_endpoint
    LogGroup            = aws_cloudwatch_log_group.log.name
    ApiName             = local.name
    AccessFunction      = "${local.name}-access"
    DatasourcesFunction = "${local.name}-datasources"
    HttpProxyFunction   = "${local.name}-http-proxy"
    PersesApiFunction   = "${local.name}-perses-api"
    SqlProxyFunction    = "${local.name}-sql-proxy"
  }

  aws = {
    region    = data.aws_region.current.name
    partition = data.aws_partition.current.partition
    account   = data.aws_caller_identity.current.account_id
  }

  # Spelled out, since they must be known before anything is made.
  table = "arn:${local.aws.partition}:dynamodb:${local.aws.region}:${local.aws.account}:table"

  # What stands for the key's ARN until there is a key.
  key = "@key@"

  # Derived from `template.yaml`; a test holds it to that.
  stack = jsondecode(templatefile("${path.module}/stack.json.tftpl", {
    name = local.name
    aws  = local.aws
    refs = local.refs
    arns = {
      Access   = "${local.table}/${aws_dynamodb_table.access.name}"
      Registry = "${local.table}/${aws_dynamodb_table.registry.name}"
      Scratch  = "${local.table}/${aws_dynamodb_table.scratch.name}"
      Key      = local.key
    }
  }))

  has_vpc   = var.vpc_id != ""
  has_topic = var.alarm_topic != ""
}

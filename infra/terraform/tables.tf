# Who may do what.
resource "aws_dynamodb_table" "access" {
  name                        = "${local.name}-access"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Data sources and their sealed secrets.
resource "aws_dynamodb_table" "registry" {
  name                        = "${local.name}-registry"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

# What expires: upstream tokens, leases, counters, audit records.
resource "aws_dynamodb_table" "scratch" {
  name         = "${local.name}-scratch"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }
}

# Wraps the private key of each organisation. Without it no secret opens again.
resource "aws_kms_key" "key" {
  description         = "Sourcegate ${var.deployment}: wraps the organisations' private keys"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RightsAreGivenByPoliciesOfThisAccount"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.aws.partition}:iam::${local.aws.account}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "log" {
  name              = "/sourcegate/${local.name}"
  retention_in_days = var.log_retention_days
}

# The way from private subnets to the tables and the key.

# Out to data sources and to both endpoints, and nothing in.
resource "aws_security_group" "function" {
  count = local.has_vpc ? 1 : 0

  name_prefix = "${local.name}-function-"
  description = "What Sourcegate sends requests to data sources with"
  vpc_id      = var.vpc_id

  egress {
    description = "Data sources"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "endpoint" {
  count = local.has_vpc ? 1 : 0

  name_prefix = "${local.name}-endpoint-"
  description = "The endpoint of KMS for Sourcegate"
  vpc_id      = var.vpc_id

  ingress {
    description     = "The function of Sourcegate"
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    security_groups = [aws_security_group.function[0].id]
  }
}

# Both let through what the function needs and nothing else, whoever may reach them.
resource "aws_vpc_endpoint" "dynamodb" {
  count = local.has_vpc ? 1 : 0

  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${local.aws.region}.dynamodb"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "dynamodb:*"
      Resource  = [aws_dynamodb_table.access.arn, aws_dynamodb_table.registry.arn, aws_dynamodb_table.scratch.arn]
      Condition = { StringEquals = { "aws:PrincipalAccount" = local.aws.account } }
    }]
  })
}

resource "aws_vpc_endpoint" "kms" {
  count = local.has_vpc ? 1 : 0

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${local.aws.region}.kms"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoint[0].id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "kms:Decrypt"
      Resource  = aws_kms_key.key.arn
      Condition = { StringEquals = { "aws:PrincipalAccount" = local.aws.account } }
    }]
  })
}

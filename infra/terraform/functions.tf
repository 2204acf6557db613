resource "aws_iam_role" "function" {
  for_each = local.stack.functions

  name = "${local.name}-${each.key}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.stack.functions

  name = "own"
  role = aws_iam_role.function[each.key].id

  policy = replace(jsonencode({
    Version   = "2012-10-17"
    Statement = each.value.statements
  }), local.key, aws_kms_key.key.arn)
}

# Databases that take a token of this function's role for a password.
resource "aws_iam_role_policy" "rds_logins" {
  count = length(var.rds_user_arns) > 0 ? 1 : 0

  name = "rds-logins"
  role = aws_iam_role.function["sql-proxy"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "LogInToDatabases"
      Effect   = "Allow"
      Action   = "rds-db:connect"
      Resource = var.rds_user_arns
    }]
  })
}

resource "aws_iam_role_policy_attachment" "function" {
  for_each = merge([
    for name, function in local.stack.functions : {
      for policy in function.managed_policies : "${name}-${policy}" => { name = name, policy = policy }
    }
  ]...)

  role       = aws_iam_role.function[each.value.name].name
  policy_arn = "arn:${local.aws.partition}:iam::aws:policy/service-role/${each.value.policy}"
}

resource "aws_lambda_function" "function" {
  for_each = local.stack.functions

  function_name    = "${local.name}-${each.key}"
  role             = aws_iam_role.function[each.key].arn
  filename         = "${var.zips}/${each.key}/bootstrap.zip"
  source_code_hash = filebase64sha256("${var.zips}/${each.key}/bootstrap.zip")
  runtime          = each.value.runtime
  handler          = each.value.handler
  architectures    = each.value.architectures
  memory_size      = each.value.memory
  timeout          = each.value.timeout

  environment {
    variables = {
      for name, value in each.value.environment : name => replace(value, local.key, aws_kms_key.key.arn)
    }
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.log.name
    log_format            = each.value.logging.LogFormat
    application_log_level = each.value.logging.ApplicationLogLevel
    system_log_level      = each.value.logging.SystemLogLevel
  }

  dynamic "vpc_config" {
    for_each = each.value.in_vpc && local.has_vpc ? [1] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = [aws_security_group.function[0].id]
    }
  }

  # Without them it could not write its log, nor, in a VPC, be given a network interface.
  depends_on = [
    aws_iam_role_policy.function, aws_iam_role_policy.rds_logins, aws_iam_role_policy_attachment.function,
  ]
}

resource "aws_lambda_permission" "api" {
  for_each = local.stack.functions

  function_name = aws_lambda_function.function[each.key].function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.api.execution_arn}/*/*"
}

locals {
  # Derived from `template.yaml`; a test holds it to that.
  api = templatefile("${path.module}/api.json.tftpl", {
    name = local.name
    aws  = local.aws
    arns = {
      AccessFunction = aws_lambda_function.function["access"].arn
      Datasources    = aws_lambda_function.function["datasources"].arn
      HttpProxy      = aws_lambda_function.function["http-proxy"].arn
      PersesApi      = aws_lambda_function.function["perses-api"].arn
      SqlProxy       = aws_lambda_function.function["sql-proxy"].arn
    }
  })
}

resource "aws_api_gateway_rest_api" "api" {
  name = local.name
  body = local.api

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_deployment" "api" {
  rest_api_id = aws_api_gateway_rest_api.api.id

  triggers = {
    body = sha256(local.api)
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id   = aws_api_gateway_rest_api.api.id
  deployment_id = aws_api_gateway_deployment.api.id
  stage_name    = "live"
}

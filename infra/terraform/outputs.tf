output "url" {
  description = "What clients take for the url of their Grafana"
  value       = aws_api_gateway_stage.live.invoke_url
}

output "function_security_group" {
  description = "What data sources in the VPC let in"
  value       = one(aws_security_group.function[*].id)
}

output "dashboard" {
  description = "How it goes, in CloudWatch"
  value       = "https://${local.aws.region}.console.aws.amazon.com/cloudwatch/home?region=${local.aws.region}#dashboards:name=${local.name}"
}

output "access_table" {
  value = aws_dynamodb_table.access.name
}

output "registry_table" {
  value = aws_dynamodb_table.registry.name
}

output "scratch_table" {
  value = aws_dynamodb_table.scratch.name
}

output "key" {
  value = aws_kms_key.key.arn
}

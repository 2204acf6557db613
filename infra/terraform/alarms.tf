resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = local.stack.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.AlarmDescription
  namespace           = each.value.Namespace
  metric_name         = each.value.MetricName
  dimensions          = { for dimension in each.value.Dimensions : dimension.Name => dimension.Value }
  statistic           = try(each.value.Statistic, null)
  extended_statistic  = try(each.value.ExtendedStatistic, null)
  period              = each.value.Period
  evaluation_periods  = each.value.EvaluationPeriods
  threshold           = each.value.Threshold
  comparison_operator = each.value.ComparisonOperator
  treat_missing_data  = each.value.TreatMissingData
  alarm_actions       = local.has_topic ? [var.alarm_topic] : []
  ok_actions          = local.has_topic ? [var.alarm_topic] : []
}

resource "aws_cloudwatch_dashboard" "dashboard" {
  dashboard_name = local.name
  dashboard_body = local.stack.dashboard
}

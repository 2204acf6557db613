//! What Grafana's own plugins say of themselves. Source: their `plugin.json` files.

use super::Plugin;

/// What is known of a type.
pub(super) struct Row {
    pub(super) plugin: Plugin,
    pub(super) id: &'static str,
    pub(super) alias: Option<&'static str>,
    pub(super) name: &'static str,
    pub(super) logo: &'static str,
    pub(super) needs_url: bool,
}

/// The logo of types that have none of their own.
const COMMON_LOGO: &str = "public/img/icn-datasource.svg";

const fn row(plugin: Plugin, id: &'static str, name: &'static str, logo: &'static str) -> Row {
    Row { plugin, id, alias: None, name, logo, needs_url: true }
}

const fn built_in(plugin: Plugin, id: &'static str, name: &'static str) -> Row {
    Row { needs_url: false, ..row(plugin, id, name, COMMON_LOGO) }
}

pub(super) const TABLE: &[Row] = &[
    row(
        Plugin::Prometheus,
        "prometheus",
        "Prometheus",
        "public/app/plugins/datasource/prometheus/img/prometheus_logo.svg",
    ),
    Row {
        needs_url: false,
        ..row(
            Plugin::AmazonPrometheus,
            "grafana-amazonprometheus-datasource",
            "Amazon Managed Service for Prometheus",
            "public/plugins/grafana-amazonprometheus-datasource/img/logo.svg",
        )
    },
    Row {
        needs_url: false,
        ..row(
            Plugin::AzurePrometheus,
            "grafana-azureprometheus-datasource",
            "Azure Monitor Managed Service for Prometheus",
            "public/plugins/grafana-azureprometheus-datasource/img/logo.svg",
        )
    },
    row(Plugin::Loki, "loki", "Loki", "public/app/plugins/datasource/loki/img/loki_icon.svg"),
    row(
        Plugin::Alertmanager,
        "alertmanager",
        "Alertmanager",
        "public/app/plugins/datasource/alertmanager/img/logo.svg",
    ),
    row(
        Plugin::Graphite,
        "graphite",
        "Graphite",
        "public/app/plugins/datasource/graphite/img/graphite_logo.png",
    ),
    row(
        Plugin::Influxdb,
        "influxdb",
        "InfluxDB",
        "public/app/plugins/datasource/influxdb/img/influxdb_logo.svg",
    ),
    row(
        Plugin::Elasticsearch,
        "elasticsearch",
        "Elasticsearch",
        "public/app/plugins/datasource/elasticsearch/img/elasticsearch.svg",
    ),
    row(
        Plugin::Opentsdb,
        "opentsdb",
        "OpenTSDB",
        "public/app/plugins/datasource/opentsdb/img/opentsdb_logo.png",
    ),
    row(
        Plugin::Jaeger,
        "jaeger",
        "Jaeger",
        "public/app/plugins/datasource/jaeger/img/jaeger_logo.svg",
    ),
    row(Plugin::Tempo, "tempo", "Tempo", "public/app/plugins/datasource/tempo/img/tempo_logo.svg"),
    row(
        Plugin::Zipkin,
        "zipkin",
        "Zipkin",
        "public/app/plugins/datasource/zipkin/img/zipkin-logo.svg",
    ),
    Row {
        alias: Some("postgres"),
        ..row(
            Plugin::Postgres,
            "grafana-postgresql-datasource",
            "PostgreSQL",
            "public/app/plugins/datasource/grafana-postgresql-datasource/img/postgresql_logo.svg",
        )
    },
    row(Plugin::Mysql, "mysql", "MySQL", "public/app/plugins/datasource/mysql/img/mysql_logo.svg"),
    row(
        Plugin::Mssql,
        "mssql",
        "Microsoft SQL Server",
        "public/app/plugins/datasource/mssql/img/sql_server_logo.svg",
    ),
    Row {
        needs_url: false,
        ..row(
            Plugin::Cloudwatch,
            "cloudwatch",
            "CloudWatch",
            "public/app/plugins/datasource/cloudwatch/img/amazon-web-services.png",
        )
    },
    Row {
        needs_url: false,
        alias: Some("testdata"),
        ..row(
            Plugin::Testdata,
            "grafana-testdata-datasource",
            "TestData",
            "public/app/plugins/datasource/grafana-testdata-datasource/img/testdata.svg",
        )
    },
    Row {
        needs_url: false,
        ..row(
            Plugin::AzureMonitor,
            "grafana-azure-monitor-datasource",
            "Azure Monitor",
            "public/app/plugins/datasource/azuremonitor/img/logo.jpg",
        )
    },
    Row {
        needs_url: false,
        ..row(
            Plugin::Stackdriver,
            "stackdriver",
            "Google Cloud Monitoring",
            "public/app/plugins/datasource/cloud-monitoring/img/cloud_monitoring_logo.svg",
        )
    },
    Row {
        needs_url: false,
        ..row(
            Plugin::Parca,
            "parca",
            "Parca",
            "public/app/plugins/datasource/parca/img/logo-small.svg",
        )
    },
    Row {
        needs_url: false,
        alias: Some("phlare"),
        ..row(
            Plugin::Pyroscope,
            "grafana-pyroscope-datasource",
            "Grafana Pyroscope",
            "public/app/plugins/datasource/grafana-pyroscope-datasource/img/grafana_pyroscope_icon.svg",
        )
    },
    built_in(Plugin::Grafana, "grafana", "-- Grafana --"),
    built_in(Plugin::Dashboard, "dashboard", "-- Dashboard --"),
    built_in(Plugin::Mixed, "mixed", "Mixed datasource"),
];

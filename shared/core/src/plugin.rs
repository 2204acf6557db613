//! The types of data sources that are known, with their spellings; every other type is kept and proxied as plain HTTP.

/// The type of a data source.
///
/// One row of a table per known type; [`Plugin::Other`] for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// `prometheus`
    Prometheus,
    /// `grafana-amazonprometheus-datasource`
    AmazonPrometheus,
    /// `grafana-azureprometheus-datasource`
    AzurePrometheus,
    /// `loki`
    Loki,
    /// `alertmanager`
    Alertmanager,
    /// `graphite`
    Graphite,
    /// `influxdb`
    Influxdb,
    /// `elasticsearch`
    Elasticsearch,
    /// `opentsdb`
    Opentsdb,
    /// `jaeger`
    Jaeger,
    /// `tempo`
    Tempo,
    /// `zipkin`
    Zipkin,
    /// `grafana-postgresql-datasource`, also `postgres`
    Postgres,
    /// `mysql`
    Mysql,
    /// `mssql`
    Mssql,
    /// `cloudwatch`
    Cloudwatch,
    /// `grafana-testdata-datasource`, also `testdata`
    Testdata,
    /// A type that is not in the table.
    Other,
}

/// What is known of a type. Source: the plugins' own `plugin.json` files.
struct Row {
    plugin: Plugin,
    id: &'static str,
    alias: Option<&'static str>,
    name: &'static str,
    logo: &'static str,
    needs_url: bool,
}

const fn row(plugin: Plugin, id: &'static str, name: &'static str, logo: &'static str) -> Row {
    Row { plugin, id, alias: None, name, logo, needs_url: true }
}

/// `influxdb_08` needs a url too, but is otherwise unknown here.
const OTHERS_THAT_NEED_A_URL: &[&str] = &["influxdb_08"];

const TABLE: &[Row] = &[
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
];

impl Plugin {
    /// Finds the type that a text names, by id or by alias.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        TABLE
            .iter()
            .find(|row| row.id == text || row.alias == Some(text))
            .map_or(Self::Other, |row| row.plugin)
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.plugin == self)
    }

    /// Gives the plugin's own id; none for [`Plugin::Other`].
    #[must_use]
    pub fn id(self) -> Option<&'static str> {
        self.row().map(|row| row.id)
    }

    /// Gives the name that lists show as `typeName`; none for [`Plugin::Other`].
    #[must_use]
    pub fn display_name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// Gives the path that answers show as `typeLogoUrl`; none for [`Plugin::Other`].
    #[must_use]
    pub fn logo(self) -> Option<&'static str> {
        self.row().map(|row| row.logo)
    }

    /// Tells whether an update must name a url for this type (contract 1.7).
    #[must_use]
    pub fn needs_url(self, type_text: &str) -> bool {
        self.row().map_or(OTHERS_THAT_NEED_A_URL.contains(&type_text), |row| row.needs_url)
    }

    /// Tells whether this is Prometheus or one of its hosted forms, or Loki: types whose writing methods need a route.
    #[must_use]
    pub fn lists_its_writes(self) -> bool {
        matches!(
            self,
            Self::Prometheus | Self::AmazonPrometheus | Self::AzurePrometheus | Self::Loki
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_name_the_same_type() {
        assert_eq!(Plugin::parse("testdata"), Plugin::Testdata);
        assert_eq!(Plugin::parse("postgres").id(), Some("grafana-postgresql-datasource"));
        assert_eq!(Plugin::parse("no-such-plugin"), Plugin::Other);
        assert_eq!(Plugin::parse("Prometheus"), Plugin::Other);
    }

    #[test]
    fn ids_are_distinct() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(TABLE[at + 1..].iter().all(|other| other.id != row.id), "{}", row.id);
        }
    }

    #[test]
    fn types_of_contract_1_7_need_a_url() {
        for text in ["graphite", "influxdb_08", "mysql", "postgres", "loki", "zipkin"] {
            assert!(Plugin::parse(text).needs_url(text), "{text}");
        }
        for text in ["testdata", "cloudwatch", "no-such-plugin"] {
            assert!(!Plugin::parse(text).needs_url(text), "{text}");
        }
    }
}

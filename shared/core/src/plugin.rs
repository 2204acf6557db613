//! The types of data sources that are known, with their spellings; every other type is kept and proxied as plain HTTP.

mod table;

use table::{Row, TABLE};

/// `influxdb_08` needs a url too, but is otherwise unknown here.
const OTHERS_THAT_NEED_A_URL: &[&str] = &["influxdb_08"];

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
    /// `grafana-azure-monitor-datasource`
    AzureMonitor,
    /// `stackdriver`
    Stackdriver,
    /// `parca`
    Parca,
    /// `grafana-pyroscope-datasource`, also `phlare`
    Pyroscope,
    /// `grafana`, which Grafana itself answers for
    Grafana,
    /// `dashboard`, which takes what another panel has
    Dashboard,
    /// `mixed`, which asks several others
    Mixed,
    /// A type that is not in the table.
    Other,
}

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

    /// Tells whether this is a database that speaks a protocol of its own.
    #[must_use]
    pub fn is_database(self) -> bool {
        matches!(self, Self::Postgres | Self::Mysql | Self::Mssql)
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
    fn every_spelling_names_one_type_and_every_type_has_a_row() {
        let spellings = |row: &Row| [Some(row.id), row.alias].into_iter().flatten();
        for row in TABLE {
            assert!(spellings(row).all(|text| Plugin::parse(text) == row.plugin), "{}", row.id);
            assert_eq!((row.plugin.id(), row.plugin.logo()), (Some(row.id), Some(row.logo)));
            assert!(row.logo.starts_with("public/") && row.logo.contains("/img/"), "{}", row.logo);
        }
        assert_eq!(Plugin::Other.id(), None);
    }

    #[test]
    fn types_of_contract_1_7_need_a_url() {
        for text in ["graphite", "influxdb_08", "mysql", "postgres", "loki", "zipkin"] {
            assert!(Plugin::parse(text).needs_url(text), "{text}");
        }
        for text in ["testdata", "cloudwatch", "stackdriver", "parca", "mixed", "no-such-plugin"] {
            assert!(!Plugin::parse(text).needs_url(text), "{text}");
        }
    }
}

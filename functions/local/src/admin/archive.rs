//! The file that `export` writes: lines of JSON, encrypted as a whole in the format of age, to a passphrase.
//!
//! Nothing in it is readable without the passphrase, names and urls included: they tell what there is to attack. Its parts
//! are authenticated, the last one as the last, so that neither a changed nor a cut file is read to its end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use age::scrypt;
use anyhow::Context as _;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The version of the lines below; a later one is not read. The first one had no documents, the second one did not say what
/// they bind.
const VERSION: u32 = 3;
/// What the first line says that it is.
const FORMAT: &str = "sourcegate export";
/// How many bytes a line has at most: an item of the table and room for escapes.
const LONGEST_LINE: u64 = 8 << 20;
/// The work that a passphrase costs, as age's own program has it: 2^18 blocks of scrypt, about a second.
const WORK: u8 = 18;
/// The most that a file may cost to open.
const MOST_WORK: u8 = 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    format: String,
    version: u32,
    /// Where it was exported.
    pub(crate) deployment: String,
    /// When, in seconds since 1970.
    pub(crate) exported: u64,
    /// How many data sources follow.
    pub(crate) sources: usize,
    /// How many documents of the Perses dialect follow them.
    #[serde(default)]
    pub(crate) documents: usize,
}

impl Head {
    pub(crate) fn new(
        deployment: &str,
        exported: u64,
        (sources, documents): (usize, usize),
    ) -> Self {
        let (format, deployment) = (FORMAT.to_owned(), deployment.to_owned());
        Self { format, version: VERSION, deployment, exported, sources, documents }
    }
}

/// A line of a data source. Holds secrets: no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    /// The number of its organisation.
    pub(crate) org: i64,
    pub(crate) is_default: bool,
    /// Who may do what with it; none leaves it to the roles.
    pub(crate) permissions: Option<Vec<Permission>>,
    /// What POST would carry.
    pub(crate) source: Box<RawValue>,
}

/// A line of a document of the Perses dialect; each comes after those that it may name. Holds secrets: no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentLine {
    /// The number of its organisation.
    pub(crate) org: i64,
    /// The login of who owns a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    /// Which secrets may go where because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) bound: Vec<Bound>,
    /// What POST would carry.
    pub(crate) document: Box<RawValue>,
}

/// A secret that a document binds, of its project or of the organisation as the document is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bound {
    /// The secret's name.
    pub(crate) secret: String,
    /// The canonical text of the destination.
    pub(crate) destination: String,
}

/// A permission. Accounts stand under their names, since numbers are others elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Permission {
    #[serde(flatten)]
    pub(crate) to: Assigned,
    pub(crate) level: String,
}

/// Who has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Assigned {
    /// A role of Grafana's.
    Role(String),
    /// A user's login.
    User(String),
    /// A service account's name.
    ServiceAccount(String),
}

/// A file that is being written. It gets its name when it is whole.
pub(crate) struct Writer {
    output: age::stream::StreamWriter<File>,
    part: PathBuf,
    file: PathBuf,
}

impl Writer {
    /// Begins a file, mode 0600.
    pub(crate) fn create(
        file: &Path,
        passphrase: &SecretString,
        replace: bool,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(
            replace || !file.exists(),
            "{} is there already; give --force to replace it, or another name",
            file.display()
        );
        let mut part = file.to_owned().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut options = std::fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&part);
        let opened = opened.with_context(|| format!("cannot write {}", part.display()))?;
        let mut recipient = scrypt::Recipient::new(passphrase.clone());
        recipient.set_work_factor(WORK);
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        let output = age::Encryptor::with_recipients(recipients)?.wrap_output(opened)?;
        Ok(Self { output, part, file: file.to_owned() })
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut line = Zeroizing::new(serde_json::to_vec(value)?);
        // What is kept as it was sent may have line breaks, which JSON has between its tokens alone.
        line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        line.push(b'\n');
        Ok(self.output.write_all(&line)?)
    }

    /// Ends the file and gives it its name.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.output.finish()?.sync_all()?;
        std::fs::rename(&self.part, &self.file)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// A file that is being read.
pub(crate) struct Reader {
    input: BufReader<age::stream::StreamReader<BufReader<File>>>,
}

impl Reader {
    /// Opens a file and reads its first line.
    pub(crate) fn open(file: &Path, passphrase: SecretString) -> anyhow::Result<(Self, Head)> {
        let shown = || file.display();
        let opened = File::open(file).with_context(|| format!("cannot read {}", shown()))?;
        let decryptor = age::Decryptor::new_buffered(BufReader::new(opened))
            .with_context(|| format!("{} is no file that `export` wrote", shown()))?;
        let mut identity = scrypt::Identity::new(passphrase);
        identity.set_max_work_factor(MOST_WORK);
        let identities = std::iter::once(&identity as &dyn age::Identity);
        let input = decryptor.decrypt(identities).map_err(|error| match error {
            age::DecryptError::DecryptionFailed | age::DecryptError::NoMatchingKeys => {
                anyhow::anyhow!(
                    "{} does not open: the passphrase is wrong, or the file is damaged",
                    shown()
                )
            }
            other => anyhow::Error::new(other).context(format!("{} does not open", shown())),
        })?;
        let mut reader = Self { input: BufReader::new(input) };
        let head: Option<Head> = reader.line()?;
        let head = head.filter(|head| head.format == FORMAT);
        let head = head.with_context(|| format!("{} is no file that `export` wrote", shown()))?;
        anyhow::ensure!(
            (1..=VERSION).contains(&head.version),
            "{} is of version {}; this program reads versions up to {VERSION}",
            shown(),
            head.version
        );
        Ok((reader, head))
    }

    /// Reads the next line; none at the end.
    pub(crate) fn line<T: for<'de> Deserialize<'de>>(&mut self) -> anyhow::Result<Option<T>> {
        let mut line = Zeroizing::new(String::new());
        let read = (&mut self.input).take(LONGEST_LINE).read_line(&mut line);
        match read.context("the file is damaged or cut")? {
            0 => Ok(None),
            // serde's own texts quote what they found.
            _ => match serde_json::from_str(&line) {
                Ok(value) => Ok(Some(value)),
                Err(_) => anyhow::bail!("the file holds a line that is none of an export"),
            },
        }
    }
}

/// Writes what POST would carry, secrets included.
pub(crate) fn body(
    source: &sourcegate_core::Datasource,
    secrets: &sourcegate_core::Secrets,
) -> anyhow::Result<Box<RawValue>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        uid: &'a str,
        name: &'a str,
        r#type: &'a str,
        access: &'a str,
        url: &'a str,
        user: &'a str,
        database: &'a str,
        basic_auth: bool,
        basic_auth_user: &'a str,
        with_credentials: bool,
        json_data: &'a RawValue,
        secure_json_data: std::collections::BTreeMap<&'a str, &'a str>,
        api_version: &'a str,
    }
    let settings = &source.settings;
    let body = Body {
        uid: source.uid.as_str(),
        name: settings.name.as_str(),
        r#type: &settings.type_text,
        access: &settings.access,
        url: &settings.url,
        user: &settings.user,
        database: &settings.database,
        basic_auth: settings.basic_auth,
        basic_auth_user: &settings.basic_auth_user,
        with_credentials: settings.with_credentials,
        json_data: serde_json::from_str(settings.json_data.as_str())?,
        secure_json_data: secrets.iter().map(|(name, text)| (name, text.expose_secret())).collect(),
        api_version: &settings.api_version,
    };
    Ok(serde_json::value::to_raw_value(&body)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Writes a file with a head of a version, and reads its head.
    fn opened(version: u32, more: &str) -> anyhow::Result<Head> {
        let folder = tempfile::tempdir()?;
        let (file, passphrase) = (folder.path().join("x.age"), SecretString::from("x".repeat(10)));
        let mut head = json!({
            "format": FORMAT, "version": version, "deployment": "local", "exported": 1, "sources": 2,
        });
        if !more.is_empty() {
            head[more] = 3.into();
        }
        let mut writer = Writer::create(&file, &passphrase, false)?;
        writer.line(&head)?;
        writer.finish()?;
        Ok(Reader::open(&file, passphrase)?.1)
    }

    #[test]
    fn files_of_earlier_versions_are_read_and_later_ones_are_refused() {
        let first = opened(1, "").unwrap();
        assert_eq!((first.sources, first.documents), (2, 0));
        assert_eq!(opened(2, "documents").unwrap().documents, 3);
        let line = r#"{"org": 1, "document": {}}"#;
        assert!(serde_json::from_str::<DocumentLine>(line).unwrap().bound.is_empty());
        let now = opened(VERSION, "documents").unwrap();
        assert_eq!((now.sources, now.documents), (2, 3));
        let later = opened(VERSION + 1, "documents").unwrap_err().to_string();
        assert!(later.ends_with("is of version 4; this program reads versions up to 3"), "{later}");
    }

    #[test]
    fn a_line_is_one_line_whatever_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let (file, passphrase) = (folder.path().join("x.age"), SecretString::from("x".repeat(10)));
        let mut writer = Writer::create(&file, &passphrase, false).unwrap();
        writer.line(&Head::new("local", 1, (1, 0))).unwrap();
        let source = RawValue::from_string("{\r\n \"a\": \"b\\n\"\n}".to_owned()).unwrap();
        writer.line(&Line { org: 1, is_default: false, permissions: None, source }).unwrap();
        writer.finish().unwrap();
        let (mut reader, _) = Reader::open(&file, passphrase).unwrap();
        let line: Line = reader.line().unwrap().unwrap();
        assert_eq!(line.source.get(), r#"{   "a": "b\n" }"#);
        assert!(reader.line::<Line>().unwrap().is_none());
    }
}

//! Commands and their answers, but for rows.

use mysql_common::constants::{CapabilityFlags, Command, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    Column as Definition, CommonOkPacket, OkPacket, OkPacketDeserializer, OkPacketKind,
    OldEofPacket, StmtPacket,
};
use mysql_common::proto::MyDeserialize;

use super::refusal::Refused;
use super::wire::Channel;
use crate::Error;
use crate::error::BoxError;

/// Rows of an answer that only the engine reads, and their bytes.
const MOST_LINES: usize = 10_000;
const MOST_LINE_BYTES: usize = 256 << 10;

/// Columns of an answer, as many as any table may have.
const MOST_COLUMNS: usize = 4096;

/// Bytes of the definition of one column.
const MOST_DEFINITION_BYTES: usize = 16 << 10;

/// Why a command has no answer.
pub(super) enum Failed {
    /// The server refuses it, and is ready for another.
    Refused(Refused),
    /// The session is of no use any more.
    Broken(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// A statement that the server has parsed.
pub(super) struct Prepared {
    pub(super) id: u32,
    pub(super) params: usize,
    pub(super) columns: Vec<Definition>,
}

/// What stands behind rows, or in their place.
pub(super) enum End {
    Rows(StatusFlags),
    Refused(Refused),
}

/// Runs a statement that has no rows, and gives the state that it leaves.
pub(super) async fn run(channel: &mut Channel, text: &str) -> Result<StatusFlags, Failed> {
    channel.command(Command::COM_QUERY, text.as_bytes()).await?;
    done(channel).await
}

/// Waits for the end of a command that has no rows.
pub(super) async fn done(channel: &mut Channel) -> Result<StatusFlags, Failed> {
    let packet = channel.receive().await?;
    match packet.first() {
        Some(0xff) => Err(Failed::Refused(Refused::read(packet)?)),
        _ => Ok(state::<CommonOkPacket>(packet)?),
    }
}

/// Has the server parse a statement; nothing of it runs.
pub(super) async fn prepare(channel: &mut Channel, text: &str) -> Result<Prepared, Failed> {
    channel.command(Command::COM_STMT_PREPARE, text.as_bytes()).await?;
    let packet = channel.receive().await?;
    if packet.first() == Some(&0xff) {
        return Err(Failed::Refused(Refused::read(packet)?));
    }
    let prepared: StmtPacket = parse(packet, ())?;
    let params = usize::from(prepared.num_params());
    let columns = usize::from(prepared.num_columns());
    if columns > MOST_COLUMNS {
        return Err(protocol("a number of columns").into());
    }
    definitions(channel, params, false).await?;
    let columns = definitions(channel, columns, true).await?;
    Ok(Prepared { id: prepared.statement_id(), params, columns })
}

/// Waits for what comes before rows: what they consist of.
pub(super) async fn head(channel: &mut Channel) -> Result<Vec<Definition>, Failed> {
    let packet = channel.receive().await?;
    let count = match packet.first() {
        Some(0xff) => return Err(Failed::Refused(Refused::read(packet)?)),
        // No rows at all, or a wish for a file of ours.
        Some(0 | 0xfb) | None => return Err(protocol("no rows").into()),
        _ => ParseBuf(packet).checked_eat_lenenc_int().unwrap_or_default(),
    };
    match usize::try_from(count) {
        Ok(count @ 1..=MOST_COLUMNS) => Ok(definitions(channel, count, true).await?),
        _ => Err(protocol("a number of columns").into()),
    }
}

/// Asks something of the engine's own, and gives the first value of each row.
pub(super) async fn ask(channel: &mut Channel, text: &str) -> Result<Vec<String>, Failed> {
    channel.command(Command::COM_QUERY, text.as_bytes()).await?;
    head(channel).await?;
    let (mut lines, mut bytes) = (Vec::new(), 0);
    loop {
        let packet = channel.receive().await?;
        match end(packet)? {
            Some(End::Rows(_)) => return Ok(lines),
            Some(End::Refused(refused)) => return Err(Failed::Refused(refused)),
            None if lines.len() >= MOST_LINES => return Err(protocol("too many rows").into()),
            None => {
                let value = ParseBuf(packet).checked_eat_lenenc_str();
                let value = value.ok_or_else(|| protocol("a row"))?;
                bytes += value.len();
                if bytes > MOST_LINE_BYTES {
                    return Err(protocol("too many bytes of rows").into());
                }
                lines.push(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
}

/// Reads the end of rows; none where a packet is a row.
pub(super) fn end(packet: &[u8]) -> Result<Option<End>, Error> {
    match packet.first() {
        Some(0xff) => Ok(Some(End::Refused(Refused::read(packet)?))),
        // A row of texts may begin with this byte too, and is longer then.
        Some(0xfe) if packet.len() < 9 => Ok(Some(End::Rows(state::<OldEofPacket>(packet)?))),
        _ => Ok(None),
    }
}

/// Receives this many definitions and what ends them, and gives those that are to be kept; nothing where there are none.
async fn definitions(
    channel: &mut Channel,
    count: usize,
    keeps: bool,
) -> Result<Vec<Definition>, Error> {
    let mut found = Vec::new();
    if count == 0 {
        return Ok(found);
    }
    for _ in 0..count {
        let packet = channel.receive().await?;
        if packet.len() > MOST_DEFINITION_BYTES {
            return Err(protocol("the definition of a column"));
        }
        let definition = parse(packet, ())?;
        if keeps {
            found.push(definition);
        }
    }
    state::<OldEofPacket>(channel.receive().await?)?;
    Ok(found)
}

/// The state of the session that a packet tells.
fn state<Kind: OkPacketKind>(packet: &[u8]) -> Result<StatusFlags, Error> {
    let read: OkPacketDeserializer<'_, Kind> = parse(packet, CapabilityFlags::empty())?;
    Ok(OkPacket::from(read).status_flags())
}

pub(super) fn parse<'a, T: MyDeserialize<'a>>(packet: &'a [u8], how: T::Ctx) -> Result<T, Error> {
    ParseBuf(packet).parse(how).map_err(|error| Error::Protocol(error.into()))
}

pub(super) fn protocol(what: impl Into<BoxError>) -> Error {
    Error::Protocol(what.into())
}

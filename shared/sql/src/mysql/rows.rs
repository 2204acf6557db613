//! Rows as they come from the server.

use mysql_common::constants::{Command, StatusFlags};

use super::command::{End, Failed, end, head, protocol};
use super::value::{For, Kind, Row};
use super::wire::Channel;
use super::{Opened, Session, column};
use crate::Error;
use crate::sink::{Sink, Stop};

/// Runs a statement that was opened, and writes its rows.
pub(super) async fn stream(
    session: &mut Session,
    opened: Opened,
    sink: &mut Sink,
) -> Result<(), Stop> {
    let (clock, times) = (session.clock, session.times);
    let refused = |failed| match failed {
        Failed::Refused(refused) => refused.of_statement(clock),
        Failed::Broken(error) => error,
    };
    let channel = &mut session.channel;
    execute(channel, &opened).await?;
    let definitions = head(channel).await.map_err(refused)?;
    if definitions.len() != opened.columns && opened.columns > 0 {
        return Err(protocol("other columns than were announced").into());
    }
    // Types that depend on parameters are known only now.
    sink.begin_as(definitions.iter().map(|of| column::of(of, times)).collect());
    let what_for = For::of(sink.format());
    let kinds: Vec<_> = definitions.iter().map(|of| Kind::of(of, what_for)).collect();
    let mut row = Row::default();
    loop {
        let packet = sink.soon(channel.receive_row()).await??;
        match end(packet)? {
            None => row.read(packet, &kinds)?,
            Some(End::Refused(said)) => return Err(said.of_statement(clock).into()),
            Some(End::Rows(state)) => {
                check(state)?;
                return sink.flush().await;
            }
        }
        sink.row(|place| row.get(place))?;
    }
}

async fn execute(channel: &mut Channel, opened: &Opened) -> Result<(), Error> {
    // The command's own byte is written twice.
    channel.command(Command::COM_STMT_EXECUTE, &opened.params.executing(opened.id)[1..]).await
}

/// One answer, still in the transaction that cannot write; anything else was none of our doing.
fn check(state: StatusFlags) -> Result<(), Error> {
    if state.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
        return Err(protocol("several answers to one statement"));
    }
    if !state.contains(StatusFlags::SERVER_STATUS_IN_TRANS_READONLY) {
        return Err(protocol("a statement that has ended its transaction"));
    }
    Ok(())
}

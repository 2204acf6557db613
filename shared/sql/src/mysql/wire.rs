//! Packets over a stream of egress's: the library numbers and cuts them, and here is what of them is believed.

use bytes::BytesMut;
use egress::{Egress, Stream, Tls};
use futures_util::FutureExt;
use mysql_common::constants::Command;
use mysql_common::proto::codec::PacketCodec;
use mysql_common::proto::codec::error::PacketCodecError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroize;

use crate::Error;

/// The longest packet before the server has taken the client in: a greeting or a step of authentication.
const MOST_BEFORE: usize = 16 << 10;

/// How much room is kept between packets.
const ROOM: usize = 64 << 10;

/// A stream of packets in both directions.
pub(super) struct Channel {
    stream: Stream,
    codec: PacketCodec,
    incoming: BytesMut,
    /// The last packet that was received.
    packet: Vec<u8>,
    /// The longest packet that is received; a longer one is a row, if the server has taken the client in.
    most: usize,
    /// The longest row, once the server has taken the client in.
    most_row: Option<usize>,
}

impl Channel {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            codec: PacketCodec::default(),
            incoming: BytesMut::new(),
            packet: Vec::new(),
            most: MOST_BEFORE,
            most_row: None,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Goes on in TLS. What came before it unasked could have been put there by anybody.
    pub(super) async fn secure(self, egress: &Egress, tls: Tls, host: &str) -> Result<Self, Error> {
        match self.stream {
            Stream::Plain(plain) if self.incoming.is_empty() => {
                let stream = egress.secure(plain, tls, host).await.map_err(Error::Connect)?;
                Ok(Self { stream, ..self })
            }
            _ => Err(Error::Protocol("bytes before TLS".into())),
        }
    }

    /// Believes lengths from now on, up to a limit in bytes for rows; what is none of them may have as many as before.
    pub(super) fn take_in(&mut self, most_row: usize) {
        self.most = most_row.max(MOST_BEFORE);
        self.most_row = Some(most_row);
    }

    /// Receives the next packet, which is a row or what ends rows.
    pub(super) async fn receive_row(&mut self) -> Result<&[u8], Error> {
        let most = self.most_row.unwrap_or(self.most);
        match self.receive().await? {
            row if row.len() > most && row.first() != Some(&0xff) => Err(Error::RowTooLarge(most)),
            packet => Ok(packet),
        }
    }

    /// Receives the next packet.
    pub(super) async fn receive(&mut self) -> Result<&[u8], Error> {
        self.packet.clear();
        self.codec.max_allowed_packet = self.most;
        while !self.decode()? {
            let read = self.stream.read_buf(&mut self.incoming).await;
            if read.map_err(|error| Error::Closed(error.into()))? == 0 {
                return Err(Error::Closed("the stream has ended".into()));
            }
        }
        Ok(&self.packet)
    }

    fn decode(&mut self) -> Result<bool, Error> {
        self.codec.decode(&mut self.incoming, &mut self.packet).map_err(|error| match error {
            PacketCodecError::PacketTooLarge if self.most_row.is_some() => {
                Error::RowTooLarge(self.most_row.unwrap_or(self.most))
            }
            // A server says goodbye to an idle session in a packet that nothing has asked for.
            PacketCodecError::PacketsOutOfSync if self.most_row.is_some() => {
                Error::Closed(error.into())
            }
            _ => Error::Protocol(error.into()),
        })
    }

    /// Sends a packet in answer to the last one.
    pub(super) async fn answer(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.codec.max_allowed_packet = usize::MAX;
        let mut packet = BytesMut::with_capacity(payload.len() + 4);
        let encoded = self.codec.encode(&mut &*payload, &mut packet);
        encoded.map_err(|error| Error::Protocol(error.into()))?;
        let sent = async {
            self.stream.write_all(&packet).await?;
            self.stream.flush().await
        };
        let sent = sent.await.map_err(|error| Error::Closed(error.into()));
        // It may have been a password.
        packet.as_mut().zeroize();
        sent
    }

    /// Sends a command, which begins a new sequence.
    pub(super) async fn command(&mut self, command: Command, body: &[u8]) -> Result<(), Error> {
        self.codec.reset_seq_id();
        self.answer(&[&[command as u8], body].concat()).await
    }

    /// Says goodbye, if that can be done at once; else the server counts and logs an aborted connection.
    pub(super) fn leave(&mut self) {
        self.command(Command::COM_QUIT, &[]).now_or_never();
    }

    /// Waits until the server has ended the connection, whatever it says before.
    pub(super) async fn gone(&mut self) {
        let Self { stream, incoming, .. } = self;
        loop {
            incoming.clear();
            if !stream.read_buf(incoming).await.is_ok_and(|read| read > 0) {
                return;
            }
        }
    }

    /// Tells whether the server has ended the connection, or said something that nobody has asked for.
    pub(super) fn is_closed(&mut self) -> bool {
        let Self { stream, incoming, .. } = self;
        !incoming.is_empty() || stream.read_buf(incoming).now_or_never().is_some()
    }

    /// Gives room back that a large row has taken.
    pub(super) fn shrink(&mut self) {
        self.packet.clear();
        self.packet.shrink_to(ROOM);
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
    }
}

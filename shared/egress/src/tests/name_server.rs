//! A name server over UDP and TCP on loopback; answers are functions of the name, the type and the count.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::Dns;

pub(super) const A: u16 = 1;
const CNAME: u16 = 5;

pub(super) enum Answer {
    /// These addresses to a question for A, nothing to others.
    Addresses(Vec<Ipv4Addr>),
    Alias(String),
    NoSuchName,
    /// No answer at all.
    Silence,
}

/// Answers a name and a type; `nth` counts the questions of that pair from 0.
type Script = dyn Fn(&str, u16, usize) -> Answer + Send + Sync;

#[derive(Clone)]
pub(super) struct NameServer {
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    address: SocketAddr,
}

impl NameServer {
    pub(super) async fn start(
        script: impl Fn(&str, u16, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            // The port may be taken over TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let server = Self { script: Arc::new(script), asked: Arc::default(), address };
        tokio::spawn(server.clone().over_udp(udp));
        tokio::spawn(server.clone().over_tcp(tcp));
        server
    }

    /// Gives one set of addresses to every name.
    pub(super) async fn answering(addresses: &[Ipv4Addr]) -> Self {
        let addresses = addresses.to_vec();
        Self::start(move |_, _, _| Answer::Addresses(addresses.clone())).await
    }

    pub(super) fn dns(&self) -> Dns {
        Dns::Servers(vec![self.address])
    }

    /// The names that addresses of IPv4 were asked for, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(_, kind)| *kind == A).map(|(name, _)| name.clone()).collect()
    }

    async fn over_udp(self, socket: UdpSocket) {
        let mut buffer = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let Some(mut reply) = self.reply(&buffer[..length]) else { continue };
            if reply.len() > 512 {
                reply.truncate(question_end(&reply));
                reply[2] |= 2; // TC: ask again over TCP
                reply[6..8].fill(0);
            }
            socket.send_to(&reply, from).await.unwrap();
        }
    }

    async fn over_tcp(self, listener: TcpListener) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let server = self.clone();
            tokio::spawn(async move {
                while let Ok(length) = stream.read_u16().await {
                    let mut query = vec![0; length.into()];
                    stream.read_exact(&mut query).await.unwrap();
                    if let Some(reply) = server.reply(&query) {
                        stream.write_u16(reply.len().try_into().unwrap()).await.unwrap();
                        stream.write_all(&reply).await.unwrap();
                    }
                }
            });
        }
    }

    fn reply(&self, query: &[u8]) -> Option<Vec<u8>> {
        let end = question_end(query);
        let name = read_name(&query[12..end - 4]);
        let kind = u16::from_be_bytes([query[end - 4], query[end - 3]]);
        let nth = {
            let mut asked = self.asked.lock().unwrap();
            asked.push((name.clone(), kind));
            asked.iter().filter(|pair| **pair == (name.clone(), kind)).count() - 1
        };
        let (code, records): (u8, Vec<(u16, Vec<u8>)>) = match (self.script)(&name, kind, nth) {
            Answer::Silence => return None,
            Answer::NoSuchName => (3, Vec::new()),
            Answer::Alias(to) => (0, vec![(CNAME, write_name(&to))]),
            Answer::Addresses(found) if kind == A => {
                (0, found.iter().map(|ip| (A, ip.octets().to_vec())).collect())
            }
            Answer::Addresses(_) => (0, Vec::new()),
        };
        let mut reply = query[..2].to_vec();
        reply.extend([0x81, 0x80 | code, 0, 1]);
        reply.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
        reply.extend([0; 4]);
        reply.extend(&query[12..end]);
        for (kind, data) in records {
            reply.extend([0xc0, 12]); // the name of the question
            reply.extend(kind.to_be_bytes());
            reply.extend([0, 1, 0, 0, 0, 0]); // class IN, TTL 0
            reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            reply.extend(data);
        }
        Some(reply)
    }
}

fn question_end(message: &[u8]) -> usize {
    let mut at = 12;
    while message[at] != 0 {
        at += 1 + usize::from(message[at]);
    }
    at + 5
}

fn read_name(mut labels: &[u8]) -> String {
    let mut name = Vec::new();
    while let [length @ 1..=63, rest @ ..] = labels {
        let (label, rest) = rest.split_at((*length).into());
        name.push(String::from_utf8(label.to_vec()).unwrap());
        labels = rest;
    }
    name.join(".")
}

fn write_name(name: &str) -> Vec<u8> {
    let mut labels = Vec::new();
    for label in name.split('.') {
        labels.push(label.len().try_into().unwrap());
        labels.extend(label.as_bytes());
    }
    labels.push(0);
    labels
}

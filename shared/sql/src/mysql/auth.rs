//! How the password is proved, and what a server may ask for.

use mysql_common::auth::plugins::caching_sha2_password::scramble_sha256;
use mysql_common::auth::plugins::mysql_native_password::scramble_native;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::command::{parse, protocol};
use super::refusal::Refused;
use super::wire::Channel;
use crate::secure::Trust;
use crate::{Error, Policy};

/// How many packets a server may send until it has decided.
const MOST_STEPS: usize = 8;

/// Who connects, and to which database.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) database: String,
    pub(super) password: Option<SecretString>,
    /// Whether the password is a token, which is given as it is where a server asks for that.
    pub(super) is_token: bool,
    /// Whether MySQL's older proof may be given. It is MariaDB's usual one.
    pub(super) native: bool,
}

/// A proof that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Native,
    CachingSha2,
    /// The token itself.
    Clear,
}

impl Proof {
    /// The one to begin with, where the server greets with this as its usual one. Another account may have another.
    pub(super) fn first(greeted: Option<&AuthPlugin<'_>>, login: &Login) -> Self {
        match greeted {
            Some(AuthPlugin::CachingSha2Password) => Self::CachingSha2,
            _ if login.native => Self::Native,
            _ => Self::CachingSha2,
        }
    }

    /// The one that a server asks for.
    fn asked(plugin: &AuthPlugin<'_>, login: &Login) -> Result<Self, Policy> {
        match plugin {
            AuthPlugin::CachingSha2Password => Ok(Self::CachingSha2),
            AuthPlugin::MysqlNativePassword if login.native => Ok(Self::Native),
            AuthPlugin::MysqlNativePassword => Err(Policy::NativePassword),
            AuthPlugin::MysqlClearPassword if login.is_token => Ok(Self::Clear),
            _ => Err(Policy::OtherProof),
        }
    }

    pub(super) fn plugin(self) -> AuthPlugin<'static> {
        match self {
            Self::Native => AuthPlugin::MysqlNativePassword,
            Self::CachingSha2 => AuthPlugin::CachingSha2Password,
            Self::Clear => AuthPlugin::MysqlClearPassword,
        }
    }

    /// Proves the password by what the server has drawn. No password is proved by nothing.
    pub(super) fn of(
        self,
        login: &Login,
        drawn: &[u8],
        trust: Trust,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let drawn = <&[u8; 20]>::try_from(drawn).map_err(|_| protocol("a challenge"));
        let password = login.password().as_bytes();
        let proof = match self {
            Self::Native => scramble_native(drawn?, password).map(Vec::from),
            Self::CachingSha2 => scramble_sha256(drawn?, password).map(Vec::from),
            Self::Clear => return in_clear(login, trust).map_err(Error::Policy),
        };
        Ok(Zeroizing::new(proof.unwrap_or_default()))
    }
}

impl Login {
    fn password(&self) -> &str {
        self.password.as_ref().map_or("", ExposeSecret::expose_secret)
    }
}

/// Goes on from the first proof until the server has taken the client in.
pub(super) async fn prove(
    channel: &mut Channel,
    login: &Login,
    mut proof: Proof,
    trust: Trust,
) -> Result<(), Error> {
    let mut has_switched = false;
    for _ in 0..MOST_STEPS {
        let packet = channel.receive().await?;
        let answer = match packet {
            [0x00, ..] => return Ok(()),
            [0xff, ..] => return Err(Refused::read(packet)?.of_connection()),
            // The oldest proof of all is asked for without its name.
            [0xfe] => return Err(Error::Policy(Policy::OtherProof)),
            [0xfe, ..] if !has_switched => {
                has_switched = true;
                let asked: AuthSwitchRequest<'_> = parse(packet, ())?;
                proof = Proof::asked(&asked.auth_plugin(), login).map_err(Error::Policy)?;
                proof.of(login, asked.plugin_data(), trust)?
            }
            // The server knows the password's hash from before.
            [0x01, 0x03] if proof == Proof::CachingSha2 => continue,
            [0x01, 0x04] if proof == Proof::CachingSha2 => {
                in_clear(login, trust).map_err(Error::Policy)?
            }
            _ => return Err(protocol("a step of authentication")),
        };
        channel.answer(&answer).await?;
    }
    Err(protocol("authentication without an end"))
}

/// The password as it is: for a server that is known, and for nobody on the way. Without TLS the server would offer a key of
/// its own for it, which anybody on the way can replace.
fn in_clear(login: &Login, trust: Trust) -> Result<Zeroizing<Vec<u8>>, Policy> {
    match trust {
        Trust::Verified => Ok(Zeroizing::new([login.password().as_bytes(), &[0]].concat())),
        Trust::Plain | Trust::Encrypted => Err(Policy::ClearPassword),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(native: bool) -> Login {
        let password = Some(SecretString::from("canary-4711"));
        Login { user: "reader".into(), database: "shop".into(), password, is_token: false, native }
    }

    #[track_caller]
    fn check(asked: &[u8], native: bool, expected: Result<Proof, Policy>) {
        assert_eq!(Proof::asked(&AuthPlugin::from_bytes(asked), &login(native)), expected);
    }

    #[test]
    fn q43_only_proofs_that_hide_the_password_are_offered() {
        check(b"mysql_native_password", true, Ok(Proof::Native));
        check(b"mysql_native_password", false, Err(Policy::NativePassword));
        check(b"caching_sha2_password", false, Ok(Proof::CachingSha2));
        for other in ["mysql_clear_password", "mysql_old_password", "sha256_password", "dialog", ""]
        {
            check(other.as_bytes(), true, Err(Policy::OtherProof));
        }
    }

    #[test]
    fn q43_a_token_is_given_as_it_is_to_a_known_server_that_asks_for_it() {
        let login = Login { is_token: true, ..login(true) };
        let asked = |plugin: &str| Proof::asked(&AuthPlugin::from_bytes(plugin.as_bytes()), &login);
        assert_eq!(asked("mysql_clear_password"), Ok(Proof::Clear));
        assert_eq!(asked("mysql_native_password"), Ok(Proof::Native));
        for other in ["mysql_old_password", "sha256_password", "dialog"] {
            assert_eq!(asked(other), Err(Policy::OtherProof), "{other}");
        }
        // Nothing is drawn for it.
        let given = Proof::Clear.of(&login, b"", Trust::Verified).unwrap();
        assert_eq!(given.as_slice(), b"canary-4711\0");
        for trust in [Trust::Plain, Trust::Encrypted] {
            let refused = Proof::Clear.of(&login, b"", trust);
            assert!(matches!(refused, Err(Error::Policy(Policy::ClearPassword))), "{trust:?}");
        }
        // What is sent before the server has asked for anything hides it.
        for greeted in [None, Some(AuthPlugin::MysqlClearPassword)] {
            assert_eq!(Proof::first(greeted.as_ref(), &login), Proof::Native);
        }
    }

    #[test]
    fn q43_the_first_proof_is_the_servers_usual_one_if_that_may_be() {
        let first = |greeted: Option<AuthPlugin<'_>>, native| {
            Proof::first(greeted.as_ref(), &login(native))
        };
        assert_eq!(first(Some(AuthPlugin::CachingSha2Password), true), Proof::CachingSha2);
        assert_eq!(first(Some(AuthPlugin::MysqlNativePassword), true), Proof::Native);
        assert_eq!(first(Some(AuthPlugin::MysqlNativePassword), false), Proof::CachingSha2);
        assert_eq!(first(Some(AuthPlugin::MysqlClearPassword), true), Proof::Native);
        assert_eq!(first(None, false), Proof::CachingSha2);
    }

    #[test]
    fn q43_a_password_goes_as_it_is_only_to_a_server_that_is_known() {
        assert_eq!(in_clear(&login(true), Trust::Plain), Err(Policy::ClearPassword));
        assert_eq!(in_clear(&login(true), Trust::Encrypted), Err(Policy::ClearPassword));
        assert_eq!(in_clear(&login(true), Trust::Verified).unwrap().as_slice(), b"canary-4711\0");
    }

    #[test]
    fn a_challenge_of_another_length_is_not_answered() {
        for drawn in [&[][..], &[7; 19], &[7; 21]] {
            assert!(Proof::Native.of(&login(true), drawn, Trust::Verified).is_err());
        }
        let none = Login { password: None, ..login(true) };
        let proof = Proof::CachingSha2.of(&none, &[7; 20], Trust::Plain).unwrap();
        assert_eq!(proof.as_slice(), b"");
    }
}

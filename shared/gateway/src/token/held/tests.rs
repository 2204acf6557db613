use http::StatusCode;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A token that is used and lasts for so long from now.
fn held(fresh: Duration, lifetime: Duration) -> Held {
    let token = "t".to_owned().into();
    let bearer = Bearer::new(&token).unwrap();
    let (id, stamp, got) = (Rev::new(), Stamp::now(), Instant::now());
    Held {
        bearer,
        id,
        way: Way::Form,
        stamp,
        fresh,
        lifetime,
        got,
        is_own: true,
        is_exchange: false,
    }
}

fn failure() -> Result<Held, TokenError> {
    Err(TokenError::Status(StatusCode::BAD_GATEWAY))
}

fn refusal() -> Result<Held, TokenError> {
    Err(TokenError::Refused { status: StatusCode::UNAUTHORIZED, code: None })
}

/// What a request is told that comes now: a token, no token, or nothing.
fn told(state: &State) -> Option<bool> {
    state.known(Instant::now()).map(|known| known.is_ok())
}

#[test]
fn t07_a_token_is_used_until_shortly_before_its_end() {
    for (lifetime, expected) in [(3600, 45), (200, 45), (180, 45), (60, 15), (4, 1), (0, 0)] {
        assert_eq!(margin(Duration::from_secs(lifetime)), Duration::from_secs(expected));
    }
    for (fresh, expected) in [(HOUR, Some(true)), (Duration::ZERO, None)] {
        let mut state = State::default();
        assert_eq!(told(&state), None);
        drop(state.note(Ok(held(fresh, HOUR))));
        assert_eq!(told(&state), expected);
    }
}

#[test]
fn t09_who_waited_for_a_token_uses_it_however_short_it_lasts() {
    let (mut state, asked) = (State::default(), Instant::now());
    drop(state.note(Ok(held(Duration::ZERO, Duration::ZERO))));
    assert!(state.known(asked).unwrap().is_ok());
    assert_eq!(told(&state), None);
}

#[test]
fn t06_an_endpoint_that_fails_is_left_alone_for_a_while() {
    let mut state = State::default();
    assert!(state.note(failure()).is_err());
    assert_eq!(told(&state), Some(false));
    let pause =
        |times| Failed { error: Arc::new(TokenError::Answer("")), stamp: Stamp::now(), times };
    for (times, seconds) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (100, 30)] {
        assert_eq!(pause(times).pause(), Duration::from_secs(seconds), "{times}");
    }
    drop(state.note(Ok(held(HOUR, HOUR))));
    assert_eq!(told(&state), Some(true));
}

#[test]
fn t06_a_token_near_its_end_is_used_while_there_is_no_other() {
    let mut state = State::default();
    drop(state.note(Ok(held(Duration::ZERO, HOUR))));
    assert_eq!(told(&state), None);
    assert!(state.note(failure()).is_ok());
    assert_eq!(told(&state), Some(true));
    // Past its end it is not.
    drop(state.note(Ok(held(Duration::ZERO, Duration::ZERO))));
    assert!(state.note(failure()).is_err());
    assert_eq!(told(&state), Some(false));
}

#[test]
fn t08_a_refused_token_is_exchanged_and_its_successor_is_not() {
    let mut state = State::default();
    let first = state.note(Ok(held(HOUR, HOUR))).unwrap();
    assert!(state.refuse(&first, Instant::now()));
    assert_eq!(told(&state), None);
    let second = state.note(Ok(held(HOUR, HOUR))).unwrap();
    assert_eq!(told(&state), Some(true));
    // Who was refused with the first one finds the second one there.
    assert!(state.refuse(&first, Instant::now()));
    assert_eq!(told(&state), Some(true));
    assert!(!state.refuse(&second, Instant::now()));
    assert_eq!(told(&state), Some(true));
}

#[test]
fn t08_a_refused_token_is_not_used_again_while_there_is_no_other() {
    let mut state = State::default();
    let first = state.note(Ok(held(Duration::ZERO, HOUR))).unwrap();
    assert!(state.refuse(&first, Instant::now()));
    assert!(state.note(failure()).is_err());
    assert_eq!(told(&state), Some(false));
}

#[test]
fn t08_a_token_that_was_got_for_this_request_is_not_exchanged() {
    let (mut state, asked) = (State::default(), Instant::now());
    let first = state.note(Ok(held(HOUR, HOUR))).unwrap();
    assert!(!state.refuse(&first, asked));
    assert_eq!(told(&state), Some(true));
}

#[test]
fn perses_1_7_the_way_is_remembered_until_it_is_refused() {
    let mut state = State::default();
    drop(state.note(Ok(held(HOUR, HOUR))));
    drop(state.note(failure()));
    assert_eq!(state.way(), Some(Way::Form));
    drop(state.note(refusal()));
    assert_eq!(state.way(), None);
}

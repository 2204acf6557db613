//! Parameters of JSON as values of the protocol.

use mysql_common::value::Value as Sent;
use serde_json::Value;

use crate::statement::BadStatement;

/// Makes a value for each placeholder. The servers tell no types of them, and read each as the place asks for.
pub(super) fn sent(params: &[Value], wanted: usize) -> Result<Vec<Sent>, BadStatement> {
    if params.len() != wanted {
        return Err(BadStatement::ParamCount { wanted, given: params.len() });
    }
    let sent = params.iter().enumerate();
    sent.map(|(place, value)| one(value).ok_or(BadStatement::Param(place + 1))).collect()
}

/// None for what no type takes.
fn one(value: &Value) -> Option<Sent> {
    Some(match value {
        Value::Null => Sent::NULL,
        Value::Bool(truth) => Sent::Int((*truth).into()),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => Sent::Int(signed),
            (None, Some(unsigned)) => Sent::UInt(unsigned),
            (None, None) => Sent::Double(number.as_f64()?),
        },
        Value::String(text) => Sent::Bytes(text.clone().into_bytes()),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn q27_a_parameter_is_one_value_whatever_it_holds() {
        let given =
            [json!(null), json!(true), json!(-7), json!(u64::MAX), json!(1.5), json!("'--")];
        let expected = [
            Sent::NULL,
            Sent::Int(1),
            Sent::Int(-7),
            Sent::UInt(u64::MAX),
            Sent::Double(1.5),
            Sent::Bytes(b"'--".to_vec()),
        ];
        assert_eq!(sent(&given, 6).unwrap(), expected);
        assert_eq!(sent(&[json!(1), json!([1])], 2), Err(BadStatement::Param(2)));
        assert_eq!(sent(&[json!({})], 1), Err(BadStatement::Param(1)));
        let missing = BadStatement::ParamCount { wanted: 2, given: 1 };
        assert_eq!(sent(&[json!(1)], 2), Err(missing));
    }
}

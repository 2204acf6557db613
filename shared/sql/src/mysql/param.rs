//! Parameters of JSON as values of the protocol.

use mysql_common::constants::ColumnType;
use mysql_common::packets::ComStmtExecuteRequestBuilder;
use mysql_common::proto::MySerialize;
use mysql_common::value::Value;

use super::number::Number;
use crate::param::Param;
use crate::statement::BadStatement;

/// A value for each placeholder. The servers tell no types of them, and read each as the place asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Params {
    values: Vec<Value>,
    /// Which of them are decimal numbers, which go as texts.
    decimals: Vec<usize>,
}

impl Params {
    pub(super) fn of(params: &[Param], wanted: usize) -> Result<Self, BadStatement> {
        if params.len() != wanted {
            return Err(BadStatement::ParamCount { wanted, given: params.len() });
        }
        let mut all = Self { values: Vec::with_capacity(wanted), decimals: Vec::new() };
        for (place, param) in params.iter().enumerate() {
            all.values.push(match param {
                Param::Null => Value::NULL,
                Param::Bool(truth) => Value::Int((*truth).into()),
                Param::Text(text) => Value::Bytes(text.clone().into_bytes()),
                Param::Json(_) => return Err(BadStatement::Param(place + 1)),
                Param::Number(text) => match Number::read(text) {
                    Some(Number::Signed(signed)) => Value::Int(signed),
                    Some(Number::Unsigned(unsigned)) => Value::UInt(unsigned),
                    Some(Number::Double(double)) => Value::Double(double),
                    Some(Number::Decimal(digits)) => {
                        all.decimals.push(place);
                        Value::Bytes(digits.into_bytes())
                    }
                    None => return Err(BadStatement::Number(place + 1)),
                },
            });
        }
        Ok(all)
    }

    /// Writes what runs a statement, the command's own byte included.
    pub(super) fn executing(&self, statement: u32) -> Vec<u8> {
        let (request, _) = ComStmtExecuteRequestBuilder::new(statement).build(&self.values);
        let mut packet = Vec::new();
        request.serialize(&mut packet);
        // The library writes a text's type; two bytes of each stand behind a bit of each and a byte.
        let nulls = ComStmtExecuteRequestBuilder::NULL_BITMAP_OFFSET;
        let types = nulls + self.values.len().div_ceil(8) + 1;
        for place in &self.decimals {
            if let Some(of) = packet.get_mut(types + 2 * place) {
                *of = ColumnType::MYSQL_TYPE_NEWDECIMAL as u8;
            }
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::params;

    #[test]
    fn q27_a_parameter_is_one_value_whatever_it_holds() {
        let given = params(
            r#"[null, true, -7, 18446744073709551615, 1.5, "'--", 1e25, 1.0000000000000000001]"#,
        );
        let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        let values = vec![
            Value::NULL,
            Value::Int(1),
            Value::Int(-7),
            Value::UInt(u64::MAX),
            Value::Double(1.5),
            bytes("'--"),
            Value::Double(1e25),
            bytes("1.0000000000000000001"),
        ];
        assert_eq!(Params::of(&given, 8).unwrap(), Params { values, decimals: vec![7] });
        for (json, wanted, expected) in [
            ("[1, [1]]", 2, BadStatement::Param(2)),
            ("[{}]", 1, BadStatement::Param(1)),
            ("[1, 1e400]", 2, BadStatement::Number(2)),
            ("[1]", 2, BadStatement::ParamCount { wanted: 2, given: 1 }),
        ] {
            assert_eq!(Params::of(&params(json), wanted), Err(expected), "{json}");
        }
    }

    #[test]
    fn a_decimal_number_is_told_from_a_text() {
        let given = params(r#"["1.5", 18446744073709551616]"#);
        let packet = Params::of(&given, 2).unwrap().executing(7);
        let expected = [&[0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 253, 0, 246, 0, 3][..], b"1.5"];
        let expected = [&expected.concat()[..], &[20], b"18446744073709551616"].concat();
        assert_eq!(packet, expected);
    }
}

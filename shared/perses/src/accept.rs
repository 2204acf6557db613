//! In which form an answer to a statement is written: what the caller takes, else what the operator has set.

use gateway::Format;
use headers_accept::Accept;
use http::{HeaderMap, header};
use mediatype::MediaType;

use crate::Error;
use crate::settings::SqlFormat;

/// The forms, as media types. Of several that a caller takes as gladly the first counts.
const FORMS: [(&str, Format); 7] = [
    ("text/csv", Format::Csv),
    ("application/json", Format::Json),
    ("application/x-ndjson", Format::Ndjson),
    ("application/json;rows=arrays", Format::JsonArrays),
    // Whoever names the one encoding that there is means the same.
    ("text/csv;charset=utf-8", Format::Csv),
    ("application/json;charset=utf-8", Format::Json),
    ("application/x-ndjson;charset=utf-8", Format::Ndjson),
];

/// Picks the form.
///
/// # Errors
/// The caller takes none.
pub(crate) fn format(headers: &HeaderMap, otherwise: SqlFormat) -> Result<Format, Error> {
    let otherwise = Format::from(otherwise);
    let sent = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    // No type that is known here has a parameter whose case would matter.
    let sent = sent.collect::<Vec<_>>().join(",").to_ascii_lowercase();
    if sent.trim().is_empty() {
        return Ok(otherwise);
    }
    // What cannot be read says nothing.
    let Ok(accept) = sent.parse::<Accept>() else { return Ok(otherwise) };
    let mut forms = FORMS;
    forms.sort_by_key(|(_, format)| *format != otherwise);
    let forms = forms.map(|(text, format)| MediaType::parse(text).map(|known| (known, format)));
    let forms: Vec<_> = forms.into_iter().flatten().collect();
    let chosen = accept.negotiate(forms.iter().map(|(known, _)| known));
    let chosen = forms.iter().find(|(known, _)| Some(known) == chosen).map(|(_, format)| *format);
    chosen.ok_or_else(|| Error::NotAcceptable(sent.chars().take(200).collect()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn picked(accept: &str, otherwise: SqlFormat) -> Option<Format> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        format(&headers, otherwise).ok()
    }

    #[test]
    fn what_a_caller_takes_is_what_he_gets() {
        for (accept, expected) in [
            ("text/csv", Some(Format::Csv)),
            ("text/*", Some(Format::Csv)),
            ("TEXT/CSV; charset=UTF-8", Some(Format::Csv)),
            ("application/json", Some(Format::Json)),
            ("application/json; charset=utf-8", Some(Format::Json)),
            ("application/json, text/plain, */*", Some(Format::Json)),
            ("application/json;rows=arrays", Some(Format::JsonArrays)),
            ("application/x-ndjson", Some(Format::Ndjson)),
            ("text/csv;q=0.1, application/x-ndjson;q=0.2", Some(Format::Ndjson)),
            ("text/html", None),
            ("text/csv;q=0", None),
        ] {
            assert_eq!(picked(accept, SqlFormat::Csv), expected, "{accept}");
            assert_eq!(picked(accept, SqlFormat::Json), expected, "{accept}");
        }
    }

    #[test]
    fn where_he_leaves_it_open_the_setting_counts() {
        for accept in ["", "*/*", "text/html, */*;q=0.8", "garbage"] {
            assert_eq!(picked(accept, SqlFormat::Csv), Some(Format::Csv), "{accept}");
            assert_eq!(picked(accept, SqlFormat::Json), Some(Format::Json), "{accept}");
        }
    }
}

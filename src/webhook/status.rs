//! What upstream's client makes of an answer that is no success.
//! Source: apimachinery `pkg/api/errors` (NewGenericServerResponse).

/// Most characters of a body that are handed on.
const MOST_SAID: usize = 2048;

/// The text for a status code.
pub fn text(code: u16, body: &[u8]) -> String {
    match code {
        400 => "the server rejected our request for an unknown reason".into(),
        401 => "the server has asked for the client to provide credentials".into(),
        403 => said(body).unwrap_or_default(),
        404 => "the server could not find the requested resource".into(),
        405 => "the server does not allow this method on the requested resource".into(),
        406 => said(body).unwrap_or_else(|| {
            "the server was unable to respond with a content type that the client supports".into()
        }),
        409 => "the server reported a conflict".into(),
        410 => "the server has deleted the requested resource".into(),
        413 => match said(body) {
            Some(said) => format!("Request entity too large: {said}"),
            None => "Request entity too large: limit is 0".into(),
        },
        415 => said(body).unwrap_or_else(|| {
            "the body of the request was in an unknown format - accepted media types include: "
                .into()
        }),
        422 => "the server rejected our request due to an error in our request".into(),
        429 => {
            "the server has received too many requests and has asked us to try again later".into()
        }
        503 => "the server is currently unable to handle the request".into(),
        504 => "the server was unable to return a response in the time allotted, but may still be processing the request".into(),
        500.. => {
            let said = said(body).unwrap_or_else(|| "unknown".into());
            format!("an error on the server ({said:?}) has prevented the request from succeeding")
        }
        code => format!(
            "the server responded with the status code {code} but did not return more information"
        ),
    }
}

/// The beginning of a body that is a text.
fn said(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let text: String = text.chars().take(MOST_SAID).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_words() {
        let rows: [(u16, &str, &str); 4] = [
            (404, "404 page not found", "the server could not find the requested resource"),
            (
                500,
                "oh\n",
                r#"an error on the server ("oh") has prevented the request from succeeding"#,
            ),
            (
                502,
                "",
                r#"an error on the server ("unknown") has prevented the request from succeeding"#,
            ),
            (
                302,
                "",
                "the server responded with the status code 302 but did not return more information",
            ),
        ];
        for (code, body, expected) in rows {
            assert_eq!(text(code, body.as_bytes()), expected);
        }
    }
}

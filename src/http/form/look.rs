//! How an answer looks: its syntax, and whether it is indented for people.
//! Source: k8s.io/apiserver `pkg/endpoints/handlers/negotiation/negotiate.go`.

use super::{
    accept::{self, Syntax},
    binary,
};
use crate::http::parameters::Query;
use crate::object::{Value, write, yaml};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::StatusCode, http::header};

/// How a client wants its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// How it is written.
    pub syntax: Syntax,
    /// Indented JSON.
    pub pretty: bool,
}

/// What the user agents of people's tools begin with.
const PEOPLE: [&str; 3] = ["curl", "Wget", "Mozilla/5.0"];

impl Look {
    /// What a request asks for.
    pub fn of(request: &HttpRequest, query: &Query) -> Look {
        let header = |name: header::HeaderName| {
            request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
        };
        let agent = header(header::USER_AGENT);
        let pretty = match query.get("pretty") {
            None | Some("") => PEOPLE.iter().any(|tool| agent.starts_with(tool)),
            Some(_) => query.flag("pretty") == Some(true),
        };
        Look { syntax: accept::plain(header(header::ACCEPT)), pretty }
    }

    /// An object as a response.
    pub fn response(self, code: u16, object: &Value) -> HttpResponse {
        match self.syntax {
            Syntax::Yaml => {
                return builder(code).content_type("application/yaml").body(yaml::document(object));
            }
            Syntax::Protobuf => {
                if let Some(document) = binary::document(object) {
                    return self.binary(code, document);
                }
            }
            Syntax::Json => {}
        }
        self.json(builder(code).content_type("application/json"), write::text(object))
    }

    /// An enveloped message as a response.
    pub fn binary(self, code: u16, message: Vec<u8>) -> HttpResponse {
        builder(code).content_type(Syntax::Protobuf.media_type()).body(message)
    }

    /// JSON text as the body of a response: indented, or on one line that ends.
    pub fn json(self, response: &mut HttpResponseBuilder, mut compact: Vec<u8>) -> HttpResponse {
        if self.pretty {
            let mut out = Vec::with_capacity(compact.len() * 2);
            write::indent(&mut out, &compact, 0);
            return response.body(out);
        }
        compact.push(b'\n');
        response.body(compact)
    }
}

/// A response with a code.
pub fn builder(code: u16) -> HttpResponseBuilder {
    HttpResponse::build(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn people_get_it_indented() {
        let of = |agent: &str, accept: &str, query: &str| {
            let request = TestRequest::default()
                .insert_header(("user-agent", agent))
                .insert_header(("accept", accept))
                .to_http_request();
            Look::of(&request, &Query::parse(query))
        };
        let rows = [
            ("curl/8.0", "*/*", "", Syntax::Json, true),
            ("Wget/1", "*/*", "", Syntax::Json, true),
            ("Mozilla/5.0 (X)", "*/*", "", Syntax::Json, true),
            ("kubectl/1", "application/json", "", Syntax::Json, false),
            ("kubectl/1", "application/json", "pretty=true", Syntax::Json, true),
            ("curl/8", "application/yaml", "pretty=false", Syntax::Yaml, false),
            ("x", "application/json, application/yaml", "pretty=x", Syntax::Json, false),
        ];
        for (agent, accept, query, syntax, pretty) in rows {
            assert_eq!(
                of(agent, accept, query),
                Look { syntax, pretty },
                "{agent} {accept} {query}"
            );
        }
    }
}

//! The OAuth server on the wire.
use super::{Http, parameters::Query};
use actix_web::{HttpRequest, HttpResponse};
/// stub
pub async fn answer(_: &Http, _: &HttpRequest, _: &str, _: &Query, _: &[u8]) -> Option<HttpResponse> { None }

//! Lists that are read page by page (`n` and `last`, a `Link` to the next page).

use super::{ask::RegistryRequest, reply::Reply};
use crate::catalog::complaint::*;
use crate::object::{Map, Value, json};

/// Most entries of a page, and what a client gets that does not say.
const MOST: usize = 1000;

/// One page of `all` (sorted) as the list `key` of a document.
pub(super) fn answer<'a>(
    ask: &RegistryRequest,
    key: &str,
    name: Option<&str>,
    all: impl Iterator<Item = &'a str>,
) -> Result<Reply, DistributionError> {
    let count = match ask.query.get("n") {
        None => MOST,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| DistributionError::new(&PAGINATION_NUMBER_INVALID))?
            .min(MOST),
    };
    let last = ask.query.get("last").unwrap_or_default();
    let mut rest = all.filter(|entry| *entry > last);
    let page: Vec<&str> = rest.by_ref().take(count).collect();
    let mut document = Map::new();
    if let Some(name) = name {
        document.insert("name".into(), json!(name));
    }
    document.insert(key.into(), json!(page));
    let reply = Reply::json(200, &Value::Object(document));
    Ok(match (rest.next(), page.last()) {
        (Some(_), Some(last)) => {
            let next = format!("<{}?last={last}&n={count}>; rel=\"next\"", ask.path);
            reply.with("link", next)
        }
        _ => reply,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::Query, registry::reply::Body};

    fn page(query: &str) -> Result<(Value, String), DistributionError> {
        let ask = RegistryRequest {
            path: "/p".into(),
            query: Query::parse(query),
            ..RegistryRequest::default()
        };
        let reply = answer(&ask, "tags", Some("a/b"), ["1", "2", "3"].into_iter())?;
        let link = reply.headers.iter().find(|(n, _)| *n == "link");
        let link = link.map(|(_, v)| v.clone()).unwrap_or_default();
        let Body::Bytes(bytes) = reply.body else { unreachable!() };
        Ok((serde_json::from_slice(&bytes).unwrap(), link))
    }

    #[test]
    fn pages_follow_each_other() {
        assert_eq!(page("").unwrap().0, json!({"name": "a/b", "tags": ["1", "2", "3"]}));
        let (first, link) = page("n=2").unwrap();
        assert_eq!(first["tags"], json!(["1", "2"]));
        assert_eq!(link, "</p?last=2&n=2>; rel=\"next\"");
        assert_eq!(page("n=2&last=2").unwrap(), (json!({"name": "a/b", "tags": ["3"]}), "".into()));
        for bad in ["n=0", "n=-1", "n=x"] {
            assert_eq!(page(bad).unwrap_err().code, &PAGINATION_NUMBER_INVALID);
        }
    }
}

//! What the router says itself. The statuses and headers are those of haproxy and its error files.

use super::headers::Headers;
use crate::runtime::Fetched;

/// The page of hosts nobody answers for.
const UNAVAILABLE: &str = include_str!("unavailable.html");

fn page(status: u16, headers: &[(&str, &str)], body: &'static str) -> Fetched {
    let headers: Headers =
        headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Fetched { status, headers, body: body.into(), address: None }
}

/// Nobody answers for this host, or nobody is ready to.
pub fn unavailable() -> Fetched {
    let headers = [
        ("Pragma", "no-cache"),
        ("Connection", "close"),
        ("Cache-Control", "private, max-age=0, no-cache, no-store"),
        ("Content-Type", "text/html"),
    ];
    page(503, &headers, UNAVAILABLE)
}

const PLAIN: &[(&str, &str)] = &[("Cache-Control", "no-cache"), ("Content-Type", "text/html")];

/// The pod has hung up.
pub fn bad_gateway() -> Fetched {
    page(
        502,
        PLAIN,
        "<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\n",
    )
}

/// The pod has not answered in time.
pub fn too_late() -> Fetched {
    page(
        504,
        PLAIN,
        "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n",
    )
}

/// Come back with TLS.
pub fn redirect(to: String) -> Fetched {
    let mut page = page(302, &[("Cache-Control", "no-cache")], "");
    page.headers.push(("Location".into(), to));
    page
}

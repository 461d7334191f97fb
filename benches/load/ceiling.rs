//! What the parts below can do at best.

use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use pocketshift::tls;
use rusqlite::{Connection, params};
use std::time::{Duration, Instant};

/// Serves the same bytes from memory with the same framework and TLS; answers its port. The server
/// lives as long as the process.
pub async fn server(body: Vec<u8>) -> u16 {
    let now = jiff::Timestamp::from_second(1_800_000_000).expect("a time");
    let ca = tls::authority(now).expect("an authority");
    let pair = tls::serving(&ca, &["localhost".into()], now).expect("a certificate");
    let config = tls::config(&ca.cert, &pair).expect("a configuration");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let body = Bytes::from(body);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(body) }
        }))
    })
    .workers(2)
    .disable_signals()
    .listen_rustls_0_23(listener, config)
    .expect("a listener")
    .run();
    tokio::spawn(server);
    port
}

/// Objects per second bare SQLite writes, `batch` to a commit, with the schema, pragmas and sync of
/// the store; `None` for the folder keeps the database in memory.
pub fn sqlite(value: &str, batch: usize, span: Duration, folder: Option<&std::path::Path>) -> f64 {
    let mut db = match folder {
        Some(dir) => Connection::open(dir.join("ceiling.db")).expect("a database"),
        None => Connection::open_in_memory().expect("a database"),
    };
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").expect("pragmas");
    db.execute_batch(include_str!("../../migrations/0001_log.sql")).expect("tables");
    let (began, mut done) = (Instant::now(), 0i64);
    while began.elapsed() < span {
        let tx = db.transaction().expect("a transaction");
        for _ in 0..batch {
            done += 1;
            tx.prepare_cached("INSERT INTO log VALUES (?1, 'configmaps', ?2, 0, 0, ?3)")
                .and_then(|mut s| s.execute(params![done, format!("default/c-{done}"), value]))
                .expect("a row");
            tx.prepare_cached("INSERT INTO current VALUES ('configmaps', ?2, ?1)")
                .and_then(|mut s| s.execute(params![done, format!("default/c-{done}")]))
                .expect("a row");
        }
        tx.commit().expect("a commit");
    }
    done as f64 / began.elapsed().as_secs_f64()
}

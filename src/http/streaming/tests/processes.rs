//! Exec and attach.

use super::*;
use jiff::SignedDuration;
use upgrade::{Dialect, Version};

const V4: Dialect = Dialect { base64: false, status: true, closes: false };
const V5: Protocol = Protocol::Channels(Dialect { closes: true, ..V4 });
const OLD: Dialect = Dialect { status: false, ..V4 };
const SUCCESS: &str = "{\"metadata\":{},\"status\":\"Success\"}";

/// `printf 'some input\n' | kubectl exec -i POD -- cat`.
const WEBSOCKET: &[u8] = include_bytes!("../../../../tests/golden/streams/exec-websocket.bin");
const SPDY: &[u8] = include_bytes!("../../../../tests/golden/streams/exec-spdy.bin");
/// `kubectl exec -it` in a terminal of 90 columns and 30 rows.
const TTY_WEBSOCKET: &[u8] = include_bytes!("../../../../tests/golden/streams/tty-websocket.bin");
const TTY_SPDY: &[u8] = include_bytes!("../../../../tests/golden/streams/tty-spdy.bin");

#[actix_web::test]
async fn kubectl_exec_over_websocket() {
    let said = answer(process(&["cat"], ALL), V5, WEBSOCKET).await;
    let success = format!("3:{SUCCESS}");
    assert_eq!(messages(&said), ["1:", "1:some input\n", &success, "close 1000"]);
}

#[actix_web::test]
async fn kubectl_exec_over_spdy() {
    let said = answer(process(&["cat"], ALL), Protocol::Spdy(Version::V4), SPDY).await;
    let said = streams(&said);
    let expected = [(1, SUCCESS), (3, ""), (5, "some input\n"), (7, "")];
    assert_eq!(said, expected.map(|(n, text)| (n, (text.to_owned(), true))).into());
}

#[actix_web::test]
async fn the_terminal_has_the_size_of_the_clients() {
    let tty = Streams { stdin: true, stdout: true, stderr: false, tty: true };
    let said = answer(process(&["size"], tty), V5, TTY_WEBSOCKET).await;
    assert_eq!(messages(&said)[1], "1:90x30 true\n");
    let said = answer(process(&["size"], tty), Protocol::Spdy(Version::V4), TTY_SPDY).await;
    assert!(streams(&said).values().any(|(text, _)| text == "90x30 true\n"));
}

#[actix_web::test]
async fn ends_are_told_in_every_dialect() {
    let status = |why: &str| format!("3:{why}");
    let exit = r#"3:{"details":{"causes":[{"message":"3","reason":"ExitCode"}]},"message":"command terminated with non-zero exit code: exit status 3","metadata":{},"reason":"NonZeroExitCode","status":"Failure"}"#;
    let failed = "Internal error occurred: error executing command in container: no such thing";
    let rows: &[(Dialect, &[&str], &[&str])] = &[
        (V4, &["exit", "3"], &["1:", exit, "close 1000"]),
        (V4, &["exit", "0"], &["1:", &status(SUCCESS), "close 1000"]),
        (
            OLD,
            &["exit", "3"],
            &["1:", "3:command terminated with non-zero exit code: exit status 3", "close 1000"],
        ),
        (OLD, &["exit", "0"], &["1:", "close 1000"]),
        (OLD, &["nothing"], &["1:", &status(failed), "close 1000"]),
        (OLD, &["both"], &["1:", "1:out\n", "2:err\n", "close 1000"]),
        (Dialect { base64: true, ..OLD }, &["echo", "hi"], &["text 1", "text 1aGkK", "close 1000"]),
    ];
    for (dialect, command, expected) in rows {
        let said = answer(process(command, OUT), Protocol::Channels(*dialect), &[]).await;
        let mut said = messages(&said);
        for text in &mut said {
            if let Some(json) = text.strip_prefix("3:{") {
                let value: crate::object::Value =
                    serde_json::from_str(&format!("{{{json}")).unwrap();
                *text = format!("3:{value}");
            }
        }
        assert_eq!(said, *expected, "{dialect:?} {command:?}");
    }
}

#[actix_web::test]
async fn older_spdy_clients_get_a_text() {
    for version in [Version::V1, Version::V2, Version::V3] {
        let said = answer(process(&["exit", "9"], ALL), Protocol::Spdy(version), SPDY).await;
        let text = "command terminated with non-zero exit code: exit status 9";
        assert_eq!(streams(&said)[&1], (text.into(), true), "{version:?}");
    }
}

#[actix_web::test]
async fn attaching_ends_well_whatever_the_process_did() {
    let said = answer(process(&[], ALL), V5, WEBSOCKET).await;
    let success = format!("3:{SUCCESS}");
    assert_eq!(
        messages(&said),
        ["1:", "1:attached to c\n", "1:some input\n", &success, "close 1000"]
    );
}

#[actix_web::test]
async fn input_in_base64_fragments_and_wrong_channels() {
    let base64 = Protocol::Channels(Dialect { base64: true, ..OLD });
    // Channel 0, a channel that does not exist, text that is not base64, a ping, a close.
    let bytes = [
        message(true, b"0aGkK"),
        message(true, b"9aGkK"),
        message(true, b"0###"),
        b"\x89\x82\0\0\0\0hi".to_vec(),
        b"\x88\x82\0\0\0\0\x03\xe8".to_vec(),
    ];
    let said = messages(&answer(process(&["cat"], ALL), base64, &bytes.concat()).await);
    assert!(said.contains(&"pong hi".into()) && said.contains(&"close 1000".into()), "{said:?}");

    // A message in three fragments with a ping between them, then the end of input.
    let bytes = [
        b"\x02\x84\0\0\0\0\0abc".to_vec(),
        b"\x89\x80\0\0\0\0".to_vec(),
        b"\0\x81\0\0\0\0d".to_vec(),
        b"\x80\x81\0\0\0\0\n".to_vec(),
        message(false, &[255, 0]),
    ];
    let said = messages(&answer(process(&["cat"], ALL), V5, &bytes.concat()).await);
    assert!(said.contains(&"1:abcd\n".into()), "{said:?}");
}

#[actix_web::test]
async fn who_breaks_the_protocol_is_left() {
    let rows = [
        ("a close signal without channel", message(false, &[255])),
        ("a close signal for no channel", message(false, &[255, 7])),
        ("a frame without mask", b"\x82\x02\0a".to_vec()),
        (
            "a frame larger than any message",
            b"\x82\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0".repeat(400_000),
        ),
        ("nonsense", vec![0xff; 100]),
    ];
    for (what, bytes) in rows {
        let said = messages(&answer(process(&["hang"], ALL), V5, &bytes).await);
        assert!(said.iter().all(|m| m == "1:"), "{what}: {said:?}");
    }
    let said = answer(process(&["hang"], ALL), Protocol::Spdy(Version::V4), &[0x81; 100]).await;
    assert!(said.is_empty());
}

#[actix_web::test]
async fn a_slow_client_slows_the_process_and_a_gone_one_ends_it() {
    let (wire, body) = Wire::new(saying(&[]), clock());
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let watched = wire.watched(stopping);
    let work = work(process(&["flood", "100000"], OUT), V5, wire);
    let mut work = std::pin::pin!(work);
    // Yielding gives the task's budget back, without which every channel would seem busy.
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut work).is_pending());
        tokio::task::yield_now().await;
    }
    let mut body = Box::pin(body);
    let mut waiting = 0;
    while let Some(chunk) = body.next().now_or_never() {
        waiting += chunk.unwrap().unwrap().len();
    }
    assert!((1..20 << 10).contains(&waiting), "{waiting} bytes wait for the client");
    drop(body);
    assert_eq!(watched.await, "the client is gone");
    // The session notices by itself, too.
    work.await;
}

#[actix_web::test]
async fn sessions_end_with_the_server_and_when_nothing_moves() {
    let clock = clock();
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let (wire, _body) = Wire::new(saying(&[]), Arc::clone(&clock) as Arc<_>);
    let mut idle = std::pin::pin!(wire.watched(stopping.clone()));
    clock.advance(SignedDuration::from_hours(3));
    assert!(futures_util::poll!(&mut idle).is_pending());
    wire.leaving.send(Bytes::new()).await.unwrap();
    clock.advance(SignedDuration::from_hours(3));
    assert!(futures_util::poll!(&mut idle).is_pending());
    clock.advance(SignedDuration::from_hours(1));
    assert_eq!(idle.await, "nothing moved");
    wire.leaving.send(Bytes::new()).await.unwrap();
    let stopped = wire.watched(stopping);
    stop.send_replace(true);
    assert_eq!(stopped.await, "the server stops");
}

#[actix_web::test]
async fn clients_that_open_no_streams_are_not_waited_for() {
    let clock = clock();
    let (wire, _body) = Wire::new(saying(&SPDY[..49]), Arc::clone(&clock) as Arc<_>);
    let work = work(process(&["cat"], ALL), Protocol::Spdy(Version::V4), wire);
    let mut work = std::pin::pin!(work);
    assert!(futures_util::poll!(&mut work).is_pending());
    clock.advance(SignedDuration::from_secs(30));
    work.await;
}

#[tokio::test]
async fn outputs_take_turns() {
    let (io, ends) = super::super::process::pipes(ALL);
    let mut outputs = super::super::process::Outputs::new(ends.stdout, ends.stderr);
    for text in ["1", "2", "3"] {
        io.stdout.send(Bytes::from(text)).await.unwrap();
    }
    io.stderr.as_ref().unwrap().send(Bytes::from("e")).await.unwrap();
    drop(io);
    let mut order = String::new();
    while let Some((_, bytes)) = outputs.next().await {
        order.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    assert_eq!(order, "1e23");
}

#[test]
fn sizes_come_in_pieces_and_among_nonsense() {
    let (io, mut ends) = super::super::process::pipes(ALL);
    let size = || *io.resize.borrow();
    ends.sizes.push(b"{\"Width\":80,\"Hei");
    assert_eq!(size(), (0, 0));
    ends.sizes.push(b"ght\":24}\n{\"Width\":1,\"Height\":2}");
    assert_eq!(size(), (1, 2));
    ends.sizes.push(b"not json");
    ends.sizes.push(b"{\"width\":5,\"height\":6}");
    assert_eq!(size(), (5, 6));
    ends.sizes.push(&b"{\"Width\":".repeat(1000));
    ends.sizes.push(b"{\"Width\":7,\"Height\":8}");
    assert_eq!(size(), (7, 8));
}

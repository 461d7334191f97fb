//! Containers whose few commands show what a protocol must carry.

use crate::{
    error::Error,
    object::{Value, json},
    runtime::{
        BACKLOG, Connection, Containers, Ended, Fetch, Fetched, Io, LogOptions, LogStream, Shown,
        Target, Unreached,
    },
    world::BoxFuture,
};
use bytes::Bytes;
use futures_util::stream;
use std::net::Ipv4Addr;
use tokio::sync::mpsc;

/// The double.
pub struct Double;

async fn say(to: &mpsc::Sender<Bytes>, text: impl Into<String>) {
    let _ = to.send(Bytes::from(text.into())).await;
}

async fn cat(io: &mut Io) {
    let Some(stdin) = &mut io.stdin else { return };
    while let Some(bytes) = stdin.recv().await {
        if io.stdout.send(bytes).await.is_err() {
            return;
        }
    }
}

async fn run(command: Vec<String>, tty: bool, mut io: Io) -> Ended {
    let argument = command.get(1).cloned().unwrap_or_default();
    match command.first().map_or("", String::as_str) {
        "cat" => cat(&mut io).await,
        "echo" => say(&io.stdout, command[1..].join(" ") + "\n").await,
        "exit" => return Ended::Exit(argument.parse().unwrap()),
        "both" => {
            say(&io.stdout, "out\n").await;
            match &io.stderr {
                Some(stderr) => say(stderr, "err\n").await,
                None => say(&io.stdout, "one\n").await,
            }
        }
        "size" => {
            let size = *io.resize.wait_for(|s| *s != (0, 0)).await.unwrap();
            say(&io.stdout, format!("{}x{} {tty}\n", size.0, size.1)).await;
        }
        "count" => {
            let mut total = 0;
            while let Some(bytes) = io.stdin.as_mut().unwrap().recv().await {
                total += bytes.len();
            }
            say(&io.stdout, format!("{total}\n")).await;
        }
        "flood" => {
            for _ in 0..argument.parse::<usize>().unwrap() {
                say(&io.stdout, "x".repeat(1024)).await;
            }
        }
        "hang" => std::future::pending().await,
        _ => return Ended::Error("no such thing".into()),
    }
    Ended::Exit(0)
}

impl Containers for Double {
    fn lost(&self, _: &str) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }

    fn answers(&self, _: &str) -> bool {
        true
    }

    fn exec(&self, _: Target, command: Vec<String>, tty: bool, io: Io) -> BoxFuture<Ended> {
        Box::pin(run(command, tty, io))
    }

    fn attach(&self, target: Target, _: bool, mut io: Io) -> BoxFuture<Ended> {
        Box::pin(async move {
            say(&io.stdout, format!("attached to {}\n", target.container)).await;
            cat(&mut io).await;
            Ended::Exit(3)
        })
    }

    fn logs(&self, _: Target, options: LogOptions) -> Result<LogStream, Error> {
        let line = |n: u64| Bytes::from(format!("line {n}\n"));
        let last = options.tail_lines.unwrap_or(3).min(3);
        let lines = stream::iter((3 - last..3).map(line));
        if options.follow {
            use futures_util::StreamExt;
            return Ok(Box::pin(lines.chain(stream::pending())));
        }
        Ok(Box::pin(lines))
    }

    /// Port 7 echoes, port 80 answers once and ends, nobody listens elsewhere.
    fn connect(&self, _: &str, pod: &str, port: u16) -> Result<Connection, String> {
        let (there, mut input) = mpsc::channel::<Bytes>(BACKLOG);
        let (output, back) = mpsc::channel(BACKLOG);
        let pod = pod.to_owned();
        match port {
            7 => drop(tokio::spawn(async move {
                while let Some(bytes) = input.recv().await {
                    if output.send(bytes).await.is_err() {
                        return;
                    }
                }
            })),
            80 => drop(tokio::spawn(async move {
                let _ = input.recv().await;
                let body = format!("hello from {pod}\n");
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                say(&output, head + &body).await;
            })),
            _ => return Err("connection refused".into()),
        }
        Ok((there, back))
    }

    /// Port 80 tells what it was asked, nobody listens elsewhere.
    fn fetch(&self, _: &str, pod: &str, request: Fetch) -> BoxFuture<Result<Fetched, String>> {
        let body = format!("{} {} of {pod}", request.method, request.path).into();
        Box::pin(std::future::ready(match request.port {
            80 => Ok(Fetched { status: 200, body, ..Fetched::default() }),
            port => Err(format!("dial tcp 10.0.0.1:{port}: connect: connection refused")),
        }))
    }

    fn forward(&self, _: (Ipv4Addr, u16), _: Fetch) -> BoxFuture<Result<Fetched, Unreached>> {
        Box::pin(std::future::ready(Err(Unreached::Refused)))
    }

    fn visit(&self, _: Fetch) -> BoxFuture<Result<Fetched, Unreached>> {
        Box::pin(std::future::ready(Err(Unreached::Refused)))
    }

    fn dial(&self, _: (Ipv4Addr, u16), _: bool) -> BoxFuture<Result<Connection, Unreached>> {
        Box::pin(std::future::ready(Err(Unreached::Refused)))
    }

    fn shows(&self, _: (Ipv4Addr, u16)) -> Shown {
        Shown::Plain
    }

    fn certificate(&self, _: &str, _: &str, _: u16) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn summary(&self, node: &str) -> Value {
        json!({"node": {"nodeName": node}})
    }
}

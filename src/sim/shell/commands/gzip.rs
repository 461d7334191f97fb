//! `gzip` and its sisters.

use super::{inputs, options, own};
use crate::sim::shell::{
    io::LARGEST,
    options::Known,
    process::{Done, Process},
};
use std::io::Read;

/// Bytes made smaller.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::read::GzEncoder::new(bytes, flate2::Compression::fast());
    let mut packed = Vec::new();
    // Reading from memory does not fail.
    let _ = encoder.read_to_end(&mut packed);
    packed
}

/// What they were before, at most so many bytes; `None` if they are in no such
/// format.
pub fn unpacked(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let decoder = flate2::read::MultiGzDecoder::new(bytes);
    decoder.take(most as u64).read_to_end(&mut plain).ok()?;
    Some(plain)
}

pub async fn gzip(p: &mut Process, argv: &[String]) -> Done {
    let Some(o) = options(p, argv, &Known::letters("cdfknqrtvNS:123456789")).await else {
        return Ok(1);
    };
    let (name, cat) = (own(argv), own(argv) == "zcat");
    let opens = o.has('d') || o.has('t') || cat || name == "gunzip";
    let (found, mut code) = inputs(p, name, &o.rest).await?;
    for (file, bytes) in found {
        let shown = if file == "-" { "stdin" } else { &file };
        let done = if opens { unpacked(&bytes, LARGEST) } else { Some(packed(&bytes)) };
        let Some(done) = done else {
            p.err(format!("\ngzip: {shown}: not in gzip format")).await;
            code = 1;
            continue;
        };
        if o.has('t') {
            continue;
        }
        if file == "-" || o.has('c') || cat {
            p.out(done).await?;
            continue;
        }
        let to = match opens {
            true => file.strip_suffix(".gz").map(str::to_owned),
            false => Some(format!("{file}.gz")),
        };
        let Some(to) = to else {
            p.err(format!("gzip: {file}: unknown suffix -- ignored")).await;
            code = 2;
            continue;
        };
        let now = p.clock.now();
        let written = p.fs.write(&p.path(&to), &done, false, &p.who, now);
        let moved = written.and_then(|()| match o.has('k') {
            true => Ok(()),
            false => p.fs.remove(&p.path(&file), false, &p.who),
        });
        if let Err(why) = moved {
            p.err(format!("gzip: {to}: {why}")).await;
            code = 1;
        }
    }
    Ok(code)
}

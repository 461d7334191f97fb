//! A recording as a file: compressed lines of JSON. First what the cluster was, then its objects, then
//! one step a line, and last how many there are and a sum over all.

use super::{Taken, tape::packed};
use crate::{
    object::{ObjectExt, Value},
    store::{KeptRow, Parts},
};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read};

/// The form that is written, and the only one that is read.
const FORM: u32 = 1;
/// Most bytes of a recording, unpacked.
const MOST: u64 = 2 << 30;

/// What a cluster was when its recording began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beginning {
    /// The form of the recording.
    recording: u32,
    /// The program that wrote it.
    pub program: String,
    /// The release of OpenShift.
    pub release: String,
    /// The images outside, as a sum over the catalogue.
    pub catalog: String,
    /// Seed of the random source.
    pub seed: u64,
    /// What kind of cluster it is, in the words of its creation.
    pub spec: Value,
    /// What its clock showed.
    pub now: Timestamp,
    /// How fast that ran.
    pub rate: f64,
    /// Its revision.
    pub rev: u64,
    /// How many objects there are.
    objects: usize,
}

/// What a [`Beginning`] says of the cluster.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Described {
    pub release: String,
    pub catalog: String,
    pub seed: u64,
    pub spec: Value,
    pub now: Timestamp,
    pub rate: f64,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    end: usize,
    sum: String,
}

/// A recording.
pub struct Recording {
    /// What the cluster was.
    pub start: Beginning,
    /// Its objects.
    pub parts: Parts,
    /// What came, and what came of it.
    pub steps: Vec<Taken>,
}

/// A recording of these steps (compressed, one a line).
///
/// # Errors
/// One line for people.
pub fn write(
    about: Described,
    parts: &Parts,
    steps: &[u8],
    count: usize,
) -> Result<Vec<u8>, String> {
    let rows = parts.rows();
    let start = Beginning {
        recording: FORM,
        program: env!("CARGO_PKG_VERSION").into(),
        release: about.release,
        catalog: about.catalog,
        seed: about.seed,
        spec: about.spec,
        now: about.now,
        rate: about.rate,
        rev: parts.snapshot().rev,
        objects: rows.len(),
    };
    let mut text = line(&start)?;
    for row in &rows {
        text.extend(line(row)?);
    }
    let mut sum = Sha256::new();
    sum.update(&text);
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(steps).read_to_end(&mut unpacked).map_err(|e| e.to_string())?;
    sum.update(&unpacked);
    let end = Closing { end: count, sum: format!("{:x}", sum.finalize()) };
    Ok([packed(&text).as_slice(), steps, &packed(&line(&end)?)].concat())
}

fn line(what: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec(what).map_err(|e| e.to_string())?;
    text.push(b'\n');
    Ok(text)
}

/// Reads a recording.
///
/// # Errors
/// One line for people: it is none, of another form, or not whole.
pub fn read(bytes: &[u8]) -> Result<Recording, String> {
    if !bytes.starts_with(&PACKED) {
        return Err("it is no recording".into());
    }
    let mut lines = TapeLines::of(bytes);
    let first = lines.next()?.ok_or("it is no recording: it is empty")?;
    let form: Value = serde_json::from_slice(&first).map_err(|_| "it is no recording")?;
    match form.i64_at("recording") {
        None => return Err("it is no recording".into()),
        Some(form) if form != i64::from(FORM) => {
            return Err(format!(
                "it is a recording of form {form}; this program reads form {FORM}"
            ));
        }
        Some(_) => {}
    }
    let start: Beginning = serde_json::from_slice(&first).map_err(|e| damaged(&e))?;
    let mut rows = Vec::new();
    for _ in 0..start.objects {
        let text = lines.next()?.ok_or(CUT)?;
        rows.push(serde_json::from_slice::<KeptRow>(&text).map_err(|e| damaged(&e))?);
    }
    let parts = Parts::gathered(start.rev, rows);
    let mut steps = Vec::new();
    loop {
        let sum = lines.sum.clone();
        let text = lines.next()?.ok_or(CUT)?;
        if let Ok(end) = serde_json::from_slice::<Closing>(&text) {
            if end.end != steps.len() || end.sum != format!("{:x}", sum.finalize()) {
                return Err("it is damaged: its sum is another".into());
            }
            if lines.next()?.is_some() {
                return Err("it is damaged: it goes on behind its end".into());
            }
            return Ok(Recording { start, parts, steps });
        }
        steps.push(serde_json::from_slice::<Taken>(&text).map_err(|e| damaged(&e))?);
    }
}

/// What compressed files begin with.
const PACKED: [u8; 2] = [0x1f, 0x8b];

const CUT: &str = "it is cut off: its end is missing";

fn damaged(why: &serde_json::Error) -> String {
    format!("it is damaged: {why}")
}

/// The lines of a recording, and the sum of those read.
struct TapeLines<'a> {
    from: BufReader<std::io::Take<MultiGzDecoder<&'a [u8]>>>,
    sum: Sha256,
}

impl<'a> TapeLines<'a> {
    fn of(bytes: &'a [u8]) -> TapeLines<'a> {
        let from = BufReader::new(MultiGzDecoder::new(bytes).take(MOST));
        TapeLines { from, sum: Sha256::new() }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut text = Vec::new();
        match self.from.read_until(b'\n', &mut text) {
            Ok(0) => Ok(None),
            Ok(_) if text.last() != Some(&b'\n') => Err(CUT.into()),
            Ok(_) => {
                self.sum.update(&text);
                Ok(Some(text))
            }
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(CUT.into()),
            Err(_) => Err("it is no recording".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journal::Arrival, object::json};

    fn recording() -> Vec<u8> {
        let about = Described {
            release: "4.23.0".into(),
            catalog: String::new(),
            seed: 7,
            spec: json!({}),
            now: "2030-01-01T00:00:00Z".parse().unwrap(),
            rate: 0.0,
        };
        let object = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "n",
            "uid": "u", "resourceVersion": "3"}});
        let row = KeptRow {
            resource: "pods".into(),
            key: "n/p".into(),
            claims: vec!["ip/1".into()],
            object,
        };
        let parts = Parts::gathered(5, vec![row]);
        let mut tape = crate::journal::Tape::default();
        tape.add(about.now, Arrival::Clock { order: "by=1m".into() }, 200, &[]);
        write(about, &parts, &tape.packed().unwrap(), 1).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let read = read(&recording()).unwrap();
        assert_eq!((read.start.seed, read.start.rev), (7, 5));
        assert_eq!(read.parts.rows().len(), 1);
        let pod = read.parts.snapshot().get("pods", "n", "p").unwrap();
        assert_eq!((pod.rev, &*pod.meta.uid), (3, "u"));
        assert_eq!(read.parts.rows()[0].claims, ["ip/1"]);
        assert_eq!(read.steps[0].arrival, Arrival::Clock { order: "by=1m".into() });
    }

    #[test]
    fn what_is_no_whole_recording_is_refused() {
        let whole = recording();
        let said = |bytes: &[u8]| read(bytes).err().unwrap();
        for cut in [0, 1, 30, whole.len() / 2, whole.len() - 1, whole.len() - 40] {
            let why = said(&whole[..cut]);
            assert!(why.starts_with("it is "), "{cut}: {why}");
        }
        assert_eq!(said(b"hello"), "it is no recording");
        assert_eq!(said(&packed(b"{\"a\": 1}\n")), "it is no recording");
        let other = said(&packed(b"{\"recording\": 2}\n"));
        assert_eq!(other, "it is a recording of form 2; this program reads form 1");
    }
}

//! The file of the log: it grows to a size, is put aside under the moment's name, and the oldest of
//! those go.
//! Source: gopkg.in/natefinch/lumberjack.v2, which upstream writes its log with.

use crate::platform;
use flate2::{Compression, write::GzEncoder};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// How much is kept. 0 stands for no bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Days for which old files are kept.
    pub age: u32,
    /// Most old files.
    pub backups: u32,
    /// Megabytes at which a file is put aside.
    pub size: u32,
    /// Whether old files are compressed.
    pub compress: bool,
}

/// Where lines go.
pub struct File {
    out: Mutex<Out>,
}

enum Out {
    Standard,
    Kept { path: PathBuf, bounds: Bounds, file: fs::File, size: u64 },
}

const MEGABYTE: u64 = 1 << 20;
/// How old files name their moment.
const MOMENT: &str = "%Y-%m-%dT%H-%M-%S%.3f";
const COMPRESSED: &str = ".gz";

impl File {
    /// Standard output.
    pub fn standard() -> File {
        File { out: Mutex::new(Out::Standard) }
    }

    /// A file, and the folder it is in.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path, bounds: Bounds, now: Timestamp) -> io::Result<File> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            platform::private_folder(folder)?;
        }
        let file = appended(path)?;
        let size = file.metadata()?.len();
        tidy(path, bounds, now)?;
        let path = path.to_owned();
        Ok(File { out: Mutex::new(Out::Kept { path, bounds, file, size }) })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, line: &[u8], now: Timestamp) -> io::Result<()> {
        let mut out = self.out.lock();
        match &mut *out {
            Out::Standard => io::stdout().lock().write_all(line),
            Out::Kept { path, bounds, file, size } => {
                let most = u64::from(bounds.size) * MEGABYTE;
                if most > 0 && *size > 0 && *size + line.len() as u64 > most {
                    fs::rename(&*path, aside(path, now))?;
                    (*file, *size) = (appended(path)?, 0);
                    tidy(path, *bounds, now)?;
                }
                file.write_all(line)?;
                *size += line.len() as u64;
                Ok(())
            }
        }
    }
}

fn appended(path: &Path) -> io::Result<fs::File> {
    platform::private(fs::OpenOptions::new().create(true).append(true)).open(path)
}

/// What stands before and behind the moment in the names of old files.
fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>| {
        part.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let extension = text(path.extension());
    let dot = if extension.is_empty() { "" } else { "." };
    (format!("{}-", text(path.file_stem())), format!("{dot}{extension}"))
}

fn aside(path: &Path, now: Timestamp) -> PathBuf {
    let (before, behind) = parts(path);
    path.with_file_name(format!("{before}{}{behind}", now.strftime(MOMENT)))
}

/// Removes old files beyond the bounds, and compresses the others.
fn tidy(path: &Path, bounds: Bounds, now: Timestamp) -> io::Result<()> {
    if bounds.backups == 0 && bounds.age == 0 && !bounds.compress {
        return Ok(());
    }
    let (before, behind) = parts(path);
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut old: Vec<(Timestamp, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = name.strip_suffix(COMPRESSED).unwrap_or(&name);
        let moment = plain.strip_prefix(&before).and_then(|rest| rest.strip_suffix(&behind));
        let moment = moment.and_then(|m| {
            let read = jiff::civil::DateTime::strptime(MOMENT, m).ok()?;
            read.to_zoned(jiff::tz::TimeZone::UTC).ok()
        });
        if let Some(moment) = moment {
            old.push((moment.timestamp(), entry.path()));
        }
    }
    old.sort();
    old.reverse();
    let oldest = match bounds.age {
        0 => Timestamp::MIN,
        days => {
            let age = SignedDuration::from_hours(i64::from(days) * 24);
            now.saturating_sub(age).unwrap_or(Timestamp::MIN)
        }
    };
    for (i, (moment, path)) in old.iter().enumerate() {
        let over = bounds.backups > 0 && i >= bounds.backups as usize;
        if over || *moment < oldest {
            fs::remove_file(path)?;
        } else if bounds.compress && !path.to_string_lossy().ends_with(COMPRESSED) {
            compress(path)?;
        }
    }
    Ok(())
}

fn compress(path: &Path) -> io::Result<()> {
    let name = format!("{}{COMPRESSED}", path.to_string_lossy());
    let mut to = GzEncoder::new(appended(Path::new(&name))?, Compression::default());
    io::copy(&mut fs::File::open(path)?, &mut to)?;
    to.finish()?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_put_aside_and_go_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/audit.log");
        let bounds = Bounds { age: 2, backups: 2, size: 1, compress: false };
        let start: Timestamp = "2026-01-01T00:00:00.123456Z".parse().unwrap();
        let names = || {
            let all = fs::read_dir(path.parent().unwrap()).unwrap();
            let mut all: Vec<String> =
                all.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
            all.sort();
            all
        };
        let file = File::open(&path, bounds, start).unwrap();
        let half = vec![b'x'; 600 << 10];
        for hour in 0..5 {
            let now = start + SignedDuration::from_hours(hour);
            file.write(&half, now).unwrap();
        }
        let kept =
            ["audit-2026-01-01T03-00-00.123.log", "audit-2026-01-01T04-00-00.123.log", "audit.log"];
        assert_eq!(names(), kept);
        fs::write(path.with_file_name("audit-notes.log"), "somebody's").unwrap();
        let bounds = Bounds { compress: true, ..bounds };
        let later = start + SignedDuration::from_hours(51);
        let file = File::open(&path, bounds, later).unwrap();
        let kept = ["audit-2026-01-01T04-00-00.123.log.gz", "audit-notes.log", "audit.log"];
        assert_eq!(names(), kept);
        file.write(b"one more\n", later).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), (600 << 10) + 9);
    }
}

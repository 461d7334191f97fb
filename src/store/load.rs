//! Reading a whole database when it is opened: every row is compared with its checksum, and what is
//! damaged is told and left out.

use super::{
    engine::Loaded,
    row::{COLUMNS, Damage, Interner, Raw, text_of},
};
use rusqlite::{Connection, params};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What a database holds, and what of it is damaged.
#[derive(Default)]
pub(super) struct Found {
    pub loaded: Loaded,
    pub damaged: Vec<Damage>,
}

/// The newest revision that is spoken of.
const NEWEST: &str = "SELECT coalesce(max(rev), 0) FROM
    (SELECT max(rev) AS rev FROM log UNION ALL SELECT max(rev) FROM current)";

/// Reads everything.
pub(super) fn read(db: &Connection) -> rusqlite::Result<Found> {
    let fact = |name: &str| {
        db.query_row("SELECT value FROM facts WHERE name = ?1", [name], |r| r.get::<_, u64>(0))
    };
    // No revision is given out twice, whatever became of the counter.
    let newest: u64 = db.query_row(NEWEST, [], |r| r.get(0))?;
    let latest = fact("latest")?.max(newest);
    let mut found = Found::default();
    found.loaded.latest = latest;
    found.loaded.compacted = fact("compacted")?.min(latest);
    let mut names = Interner::default();
    let mut by_rev = HashMap::new();
    current(db, &mut found, &mut names, &mut by_rev)?;
    history(db, &mut found, &mut names, &mut by_rev)?;
    let mut claims = db.prepare("SELECT value, resource, key FROM claims")?;
    let mut rows = claims.query([])?;
    while let Some(row) = rows.next()? {
        let (resource, key): (String, String) = (row.get(1)?, row.get(2)?);
        let holder = (names.name(&resource), key.into());
        found.loaded.claims.insert(row.get(0)?, holder);
    }
    Ok(found)
}

type ByRevision = HashMap<u64, Arc<super::Entry>>;

/// The objects that exist now.
fn current(
    db: &Connection,
    found: &mut Found,
    names: &mut Interner,
    by_rev: &mut ByRevision,
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {COLUMNS}, c.resource, c.key, c.rev FROM current c LEFT JOIN log l ON l.rev = c.rev
         ORDER BY c.rev"
    );
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let raw = Raw::of(row)?;
        let text = |i| text_of(row, i).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let (resource, key) = (text(7)?, text(8)?);
        let lost = |why: &str| Damage {
            rev: row.get::<_, i64>(9).unwrap_or(0).unsigned_abs(),
            resource: resource.clone(),
            key: key.clone(),
            why: why.into(),
        };
        let entry = match raw.entry(names) {
            _ if raw.rev == 0 => Err(lost("its row is gone")),
            // The row is another object's and stays that: only the way to it is wrong.
            Ok(e) if *e.resource != *resource || *e.key != *key => {
                Err(Damage { rev: 0, ..lost("its row holds another object") })
            }
            Ok(e) => Ok(e),
            Err(damage) => Err(lost(&damage.why)),
        };
        match entry {
            Ok(entry) => {
                by_rev.insert(entry.rev, entry.clone());
                found.loaded.entries.push(entry);
            }
            Err(damage) => found.damaged.push(damage),
        }
    }
    Ok(())
}

/// The changes in the window. It begins after the last one that cannot be read: watchers from before
/// are told that it is too long ago.
fn history(
    db: &Connection,
    found: &mut Found,
    names: &mut Interner,
    by_rev: &mut ByRevision,
) -> rusqlite::Result<()> {
    let mut known: HashSet<u64> = found.damaged.iter().map(|d| d.rev).collect();
    let sql = format!("SELECT {COLUMNS} FROM log l WHERE l.rev > ?1 ORDER BY l.rev");
    let mut before_window = db.prepare(&format!("SELECT {COLUMNS} FROM log l WHERE l.rev = ?1"))?;
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([found.loaded.compacted])?;
    while let Some(row) = rows.next()? {
        let raw = Raw::of(row)?;
        let entry = match by_rev.get(&raw.rev) {
            Some(entry) => Ok(entry.clone()),
            None => raw.entry(names),
        };
        let replaced = match (raw.prev, by_rev.get(&raw.prev)) {
            (0, _) => Ok(None),
            (_, Some(entry)) => Ok(Some(entry.clone())),
            (prev, None) => {
                let mut rows = before_window.query(params![prev])?;
                match rows.next()? {
                    Some(row) => Raw::of(row)?.entry(names).map(Some),
                    None => Ok(None),
                }
            }
        };
        match (entry, replaced) {
            (Ok(entry), Ok(replaced)) => {
                by_rev.insert(raw.rev, entry.clone());
                found.loaded.history.push((entry, replaced, raw.deleted));
            }
            (Err(damage), _) | (_, Err(damage)) => {
                if known.insert(damage.rev) {
                    found.damaged.push(damage);
                }
                found.loaded.history.clear();
                found.loaded.compacted = raw.rev;
            }
        }
    }
    Ok(())
}

/// Takes damaged rows out of what is served; their bytes stay, for people. The history before
/// its floor goes: it has holes now.
pub(super) fn set_aside(
    db: &mut Connection,
    damaged: &[Damage],
    loaded: &Loaded,
) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    for d in damaged {
        tx.execute(
            "INSERT INTO damaged (rev, resource, key, why, value)
             VALUES (?1, ?2, ?3, ?4, (SELECT CAST(value AS BLOB) FROM log WHERE rev = ?1))",
            params![d.rev, d.resource, d.key, d.why],
        )?;
        tx.execute(
            "DELETE FROM current WHERE rev = ?1 OR (resource = ?2 AND key = ?3)",
            params![d.rev, d.resource, d.key],
        )?;
        tx.execute("DELETE FROM log WHERE rev = ?1", [d.rev])?;
    }
    tx.execute(
        "DELETE FROM log WHERE rev <= ?1 AND rev NOT IN (SELECT rev FROM current)",
        [loaded.compacted],
    )?;
    let mut fact = tx.prepare("UPDATE facts SET value = ?2 WHERE name = ?1")?;
    fact.execute(params!["compacted", loaded.compacted])?;
    // The rows that go may have been the newest.
    fact.execute(params!["latest", loaded.latest])?;
    drop(fact);
    tx.commit()
}

/// What was set aside earlier.
pub(super) fn aside(db: &Connection) -> rusqlite::Result<Vec<Damage>> {
    let mut statement = db.prepare("SELECT rev, resource, key, why FROM damaged ORDER BY rev")?;
    let one = |row: &rusqlite::Row<'_>| {
        Ok(Damage { rev: row.get(0)?, resource: row.get(1)?, key: row.get(2)?, why: row.get(3)? })
    };
    statement.query_map([], one)?.collect()
}

/// Gives the rows of an older database their checksums.
pub(super) fn give_sums(db: &Connection) -> rusqlite::Result<()> {
    let mut sums: Vec<(u64, i64)> = Vec::new();
    {
        let mut statement =
            db.prepare(&format!("SELECT {COLUMNS} FROM log l WHERE l.sum IS NULL"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let raw = Raw::of(row)?;
            sums.push((raw.rev, raw.expected()));
        }
    }
    let mut update = db.prepare("UPDATE log SET sum = ?2 WHERE rev = ?1")?;
    for (rev, sum) in sums {
        update.execute(params![rev, sum])?;
    }
    Ok(())
}

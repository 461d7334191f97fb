//! A classroom: every student has a cluster of his own, with a password and a lab in it; the board
//! tells the points of all. Who sits there is written down (`kept`); the clusters keep themselves.

use super::{Labs, Room, Rooms, exercise::Exercise, judge::Grade, world::enrol};
use crate::{
    access::secret_text,
    object::{Value, json},
    world::Entropy,
};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

/// Most students of a class.
const MOST: usize = 200;
/// Longest wait for news of the board, and how often it is looked for.
const LONGEST: SignedDuration = SignedDuration::from_secs(25);
const PACE: SignedDuration = SignedDuration::from_secs(2);
/// Characters of a password.
const LENGTH: usize = 10;

/// What a student has earned, and where.
pub(super) struct Mark {
    pub student: String,
    pub url: String,
    pub grade: Grade,
}

fn password(entropy: &Entropy) -> String {
    secret_text(entropy).chars().filter(char::is_ascii_alphanumeric).take(LENGTH).collect()
}

impl Labs {
    /// The labs of a student's cluster; these, where no student is named.
    pub(super) fn of(&self, student: &str) -> Result<Arc<Labs>, String> {
        if student.is_empty() {
            return self.me.upgrade().ok_or_else(|| "the server is stopping".to_owned());
        }
        match self.passwords().contains_key(student) {
            true => Ok(self.rooms()?.find(student)?.labs),
            false => Err(format!("there is no student {student:?} in the class")),
        }
    }

    /// Starts an exercise for every student. Who has no cluster yet gets one; who has keeps it, and
    /// the password.
    pub(super) async fn begin_class(&self, text: &str, students: usize) -> Result<Value, String> {
        if !(1..=MOST).contains(&students) {
            return Err(format!("a class has 1 to {MOST} students"));
        }
        let exercise = Exercise::parse(text)?.name;
        let rooms = self.rooms()?;
        let names: Vec<String> = (1..=students).map(|n| format!("student{n:02}")).collect();
        let here = self.passwords();
        let has = |name: &&String| self.of(name).is_ok_and(|labs| labs.find(&exercise).is_ok());
        if let Some(name) = names.iter().find(has) {
            return Err(format!("{exercise} is started already for {name}; finish it first"));
        }
        let new: Vec<&String> = names.iter().filter(|name| !here.contains_key(*name)).collect();
        let opened = join_all(new.iter().map(|name| self.seat(&*rooms, name))).await;
        let started = match opened.into_iter().find_map(Result::err) {
            Some(why) => Err(why),
            None => self.start_all(text, &names).await,
        };
        match started {
            Ok(()) => Ok(self.list_class()),
            Err(why) => {
                for name in &names {
                    if let Ok(labs) = self.of(name) {
                        // What was not started cannot be finished.
                        let _ = labs.finish(&exercise).await;
                    }
                }
                for name in new {
                    self.leave(&*rooms, name).await;
                }
                Err(why)
            }
        }
    }

    async fn start_all(&self, text: &str, names: &[String]) -> Result<(), String> {
        let all = join_all(names.iter().map(|name| async move {
            self.of(name)?.start(text, name).await.map_err(|why| format!("{name}: {why}"))
        }));
        all.await.into_iter().try_for_each(|started| started.map(drop))
    }

    fn rooms(&self) -> Result<Arc<dyn Rooms>, String> {
        let place = self.place.as_ref();
        let rooms = place.and_then(|p| p.rooms.upgrade().filter(|rooms| rooms.is_first(&p.name)));
        rooms.ok_or_else(|| "a class is begun at a server's first cluster".to_owned())
    }

    /// Makes a cluster where a student can sign in.
    async fn seat(&self, rooms: &dyn Rooms, name: &str) -> Result<(), String> {
        let room = rooms.open(name.to_owned()).await.map_err(|why| format!("{name}: {why}"))?;
        let password = password(&self.server.world.entropy);
        let pair = [(name.to_owned(), password.clone())];
        match enrol(&room.labs.server, &pair).await {
            Ok(_) => {
                self.keep_student(name, &password).await;
                Ok(())
            }
            Err(why) => {
                // It was made a moment ago for nobody else.
                let _ = rooms.close(name.to_owned()).await;
                Err(format!("{name}: {why}"))
            }
        }
    }

    async fn leave(&self, rooms: &dyn Rooms, name: &str) {
        if !self.passwords().contains_key(name) {
            return;
        }
        self.drop_student(name).await;
        if let Err(why) = rooms.close(name.to_owned()).await {
            tracing::warn!(name, why, "the cluster of a student does not end");
        }
    }

    /// Students, their clusters and passwords.
    fn class(&self) -> Vec<(String, Room, String)> {
        let Ok(rooms) = self.rooms() else { return Vec::new() };
        let all = self.passwords().into_iter();
        all.filter_map(|(name, word)| Some((name.clone(), rooms.find(&name).ok()?, word))).collect()
    }

    /// Addresses and passwords.
    pub(super) fn list_class(&self) -> Value {
        let rows = self.class().into_iter().map(|(name, room, password)| {
            json!({"student": name, "password": password, "url": room.url,
                "console": format!("{}/console", room.url),
                "administrator": {"name": "kubeadmin", "password": room.administrator}})
        });
        json!({"items": rows.collect::<Vec<_>>()})
    }

    /// Ends an exercise for every student; a student's cluster ends with its last lab.
    pub(super) async fn end_class(&self, exercise: &str) -> Result<usize, String> {
        let rooms = self.rooms()?;
        let mut ended = 0;
        for (name, room, _) in self.class() {
            let labs = &room.labs;
            let others = labs.running.lock().keys().any(|known| known != exercise);
            if others && labs.find(exercise).is_ok() {
                labs.finish(exercise).await.map_err(|why| format!("{name}: {why}"))?;
            } else if !others {
                self.leave(&*rooms, &name).await;
            } else {
                continue;
            }
            ended += 1;
        }
        match ended {
            0 => Err(format!("{exercise} is started for nobody")),
            ended => Ok(ended),
        }
    }

    /// What every lab has earned up to now, those of the class included.
    pub(super) async fn board(&self) -> Vec<Mark> {
        let mut board = self.marks("", "").await;
        let of = |(name, room, _): (String, Room, String)| async move {
            room.labs.marks(&name, &room.url).await
        };
        board.extend(join_all(self.class().into_iter().map(of)).await.into_iter().flatten());
        board
    }

    /// The board once it may be another one than that of the stamp, or after a while; and its stamp.
    pub(super) async fn board_after(&self, seen: &str) -> (Vec<Mark>, String) {
        let wall = &self.server.world.wall;
        let later = |by: SignedDuration| wall.now().checked_add(by).unwrap_or(Timestamp::MAX);
        let ends = later(LONGEST);
        while self.stamp() == seen && wall.now() < ends {
            wall.sleep_until(later(PACE)).await;
        }
        let stamp = self.stamp();
        (self.board().await, stamp)
    }

    /// Another one whenever something happens in anybody's lab.
    fn stamp(&self) -> String {
        let own = self.progress();
        let others = self.class().into_iter().map(|(name, room, _)| (name, room.labs.progress()));
        let all: Vec<_> = [(String::new(), own)].into_iter().chain(others).collect();
        let mut hasher = std::hash::DefaultHasher::new();
        all.hash(&mut hasher);
        format!("{:x}", hasher.finish())
    }

    /// How far the recording of each lab has come.
    fn progress(&self) -> Vec<(String, usize)> {
        let store = &self.server.store;
        let all = self.running.lock();
        all.iter().map(|(name, running)| (name.clone(), running.recorded(store))).collect()
    }

    async fn marks(&self, student: &str, url: &str) -> Vec<Mark> {
        let all: Vec<_> = self.running.lock().values().cloned().collect();
        let mut marks = Vec::new();
        for running in all {
            let grade = self.grade(&running).await;
            let student = if student.is_empty() { &running.user } else { student };
            marks.push(Mark { student: student.to_owned(), url: url.into(), grade });
        }
        marks
    }
}

//! The suite that every engine passes. An engine takes part with its [`Premises`] and one line:
//! `suite!(sqlite: DatabaseFolder);`, or `suite!(memory: NoPremises, forgets);` where nothing is kept.

use super::*;
use tempfile::TempDir;

/// A place that an engine keeps changes in.
pub(super) trait Premises: Sized {
    /// Random lives that are compared with the model; fewer where opening takes long.
    const LIVES: u32 = 40;
    /// An empty one, unlike all others; `None` where this machine has none.
    fn fresh() -> Option<Self>;
    /// The engine, with what the place holds. Called again after the engine before is dropped, as it
    /// is by a process that ends without a farewell.
    fn open(&self) -> (Box<dyn Engine>, Loaded);
    /// A store over it.
    fn store(&self) -> Store {
        let (engine, loaded) = self.open();
        Store {
            inner: Handle::start(engine, loaded, open::WINDOW, (None, false)),
            gate: Default::default(),
        }
    }
}

/// Nowhere.
pub(super) struct NoPremises;

impl Premises for NoPremises {
    fn fresh() -> Option<NoPremises> {
        Some(NoPremises)
    }
    fn open(&self) -> (Box<dyn Engine>, Loaded) {
        (Box::new(Nowhere), Loaded::default())
    }
}

/// A folder with a database of SQLite.
pub(super) struct DatabaseFolder(TempDir);

impl Premises for DatabaseFolder {
    fn fresh() -> Option<DatabaseFolder> {
        tempfile::tempdir().ok().map(DatabaseFolder)
    }
    fn open(&self) -> (Box<dyn Engine>, Loaded) {
        let (engine, loaded) = open::sqlite(&self.0.path().join(open::DATABASE), false).unwrap();
        (Box::new(engine), loaded)
    }
}

/// The premises of a test, or its end: whoever runs the tests is told what was left out.
macro_rules! premises {
    ($premises:ty) => {
        match <$premises as Premises>::fresh() {
            Some(premises) => premises,
            None => return eprintln!("left out: this machine has no {}", stringify!($premises)),
        }
    };
}

/// One module of tests for an engine.
macro_rules! suite {
    ($engine:ident: $premises:ty) => {
        mod $engine {
            use super::*;
            suite!(@store $premises);
            suite!(@kept $premises: what_was_appended_is_there_again, a_large_batch_is_one,
                claims_are_kept_and_given_up, history_leads_from_one_to_the_next,
                compaction_forgets_only_what_was_replaced, compaction_ends_where_it_is_told,
                a_revision_that_was_forgotten_is_not_given_out_again, keys_and_values_of_every_kind,
                hardening_changes_nothing_that_is_read, the_window_is_there_after_a_start);
            #[test]
            fn a_random_life_is_remembered() {
                let _some = premises!($premises);
                kept::lives::<$premises>();
            }
        }
    };
    ($engine:ident: $premises:ty, forgets) => {
        mod $engine {
            use super::*;
            suite!(@store $premises);
        }
    };
    (@store $premises:ty) => {
        suite!(@promises $premises: expectations_are_met_or_said,
            a_batch_is_all_or_nothing_and_says_which_step_failed,
            claims_belong_to_one_and_are_given_up_with_it,
            the_feed_has_every_change_once_in_order, a_snapshot_stays_what_it_is,
            batches_of_many_senders_do_not_mix);
        #[test]
        fn the_store_does_what_the_model_does() {
            let _some = premises!($premises);
            model::agrees::<$premises>();
        }
    };
    (@promises $premises:ty: $($promise:ident),*) => { $(
        #[tokio::test]
        async fn $promise() {
            let premises = premises!($premises);
            contract::$promise(&premises.store()).await;
        }
    )* };
    (@kept $premises:ty: $($promise:ident),*) => { $(
        #[test]
        fn $promise() {
            let premises = premises!($premises);
            kept::$promise(&premises);
        }
    )* };
}

suite!(memory: NoPremises, forgets);
suite!(sqlite: DatabaseFolder);
suite!(etcd: super::super::etcd::EtcdPremises);

//! The names of clusters: taken before anything of a cluster is there, and free again with the transaction
//! that removes the last of it. In between its card says that it is unfinished: nobody opens it, and
//! whoever finds it without an owner removes what there is of it.

use super::Atlas;
use crate::{
    etcd::{Compare, Failed, RequestOp, Txn},
    object::{Value, json},
};

/// The card of a cluster that is being created or deleted.
pub(super) fn unfinished() -> Value {
    json!({"unfinished": true})
}

impl Atlas {
    /// Takes a name for a cluster that begins here, and the cluster with it; `false` if it is taken. What
    /// is there of one that never was finished goes.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn reserve(&self, cluster: &str) -> Result<bool, Failed> {
        let (owner, card) = self.keys(cluster);
        let given = vec![Compare::absent(owner.clone()), Compare::absent(card.clone())];
        let then = vec![
            RequestOp::put(card, unfinished().to_string()),
            RequestOp::leased(owner, self.process().to_owned(), self.lease.id()),
            self.without_rows(cluster),
        ];
        self.done(given, then).await
    }

    /// Writes down what a cluster is that has begun here; `false` if the name is not ours any more.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn finish(&self, cluster: &str, what: &Value) -> Result<bool, Failed> {
        let (owner, card) = self.keys(cluster);
        let given = vec![
            Compare::holds(owner, self.process().to_owned()),
            Compare::holds(card.clone(), unfinished().to_string()),
        ];
        self.done(given, vec![RequestOp::put(card, what.to_string())]).await
    }

    /// Writes down what a cluster has become here; `false` if it is another's or is being deleted.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn note(&self, cluster: &str, what: &Value) -> Result<bool, Failed> {
        let (owner, card) = self.keys(cluster);
        let given = vec![
            Compare::holds(owner, self.process().to_owned()),
            Compare::differs(card.clone(), unfinished().to_string()),
        ];
        self.done(given, vec![RequestOp::put(card, what.to_string())]).await
    }

    /// Writes down that a cluster is being deleted, which is here or nobody's: from here on nobody opens
    /// it. `false` if it is another's, or is being deleted already.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn condemn(&self, cluster: &str) -> Result<bool, Failed> {
        let (owner, card) = self.keys(cluster);
        let ours = Compare::holds(owner.clone(), self.process().to_owned());
        for place in [ours, Compare::absent(owner)] {
            let given = vec![place, Compare::differs(card.clone(), unfinished().to_string())];
            let then = vec![RequestOp::put(card.clone(), unfinished().to_string())];
            if self.done(given, then).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes an unfinished cluster ours that is nobody else's, to remove what there is of it; answers the
    /// revision of that.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn seize(&self, cluster: &str) -> Result<Option<i64>, Failed> {
        let (owner, card) = self.keys(cluster);
        let ours = Compare::holds(owner.clone(), self.process().to_owned());
        for place in [Compare::absent(owner.clone()), ours] {
            let given = vec![place, Compare::holds(card.clone(), unfinished().to_string())];
            // Written again where it is ours: whoever lets go of it later has not had it last.
            let me = self.process().to_owned();
            let then = vec![RequestOp::leased(owner.clone(), me, self.lease.id())];
            let done = self.link.transact(Txn { given, then }).await?;
            if done.is_some() {
                return Ok(done);
            }
        }
        Ok(None)
    }

    /// Removes the last of a cluster that was seized at a revision: its rows, its owner and its name;
    /// `false` if somebody else has it meanwhile.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn free(&self, cluster: &str, seized: i64) -> Result<bool, Failed> {
        let (owner, card) = self.keys(cluster);
        let given = vec![Compare::written(owner.clone(), seized)];
        let then =
            vec![self.without_rows(cluster), RequestOp::delete(card), RequestOp::delete(owner)];
        self.done(given, then).await
    }

    /// Lets go of a cluster that was seized at a revision.
    ///
    /// # Errors
    /// See [`Failed`]; it goes with the lease at the latest.
    pub async fn let_go(&self, cluster: &str, seized: i64) -> Result<bool, Failed> {
        let (owner, _) = self.keys(cluster);
        let given = vec![Compare::written(owner.clone(), seized)];
        self.done(given, vec![RequestOp::delete(owner)]).await
    }

    /// The keys of a cluster's owner and of its card.
    fn keys(&self, cluster: &str) -> (String, String) {
        (format!("{}owners/{cluster}", self.base), format!("{}cards/{cluster}", self.base))
    }

    fn without_rows(&self, cluster: &str) -> RequestOp {
        let below = format!("{}/clusters/{cluster}", self.link.place.prefix);
        RequestOp::delete_range(format!("{below}/"), format!("{below}0"))
    }

    async fn done(&self, given: Vec<Compare>, then: Vec<RequestOp>) -> Result<bool, Failed> {
        Ok(self.link.transact(Txn { given, then }).await?.is_some())
    }
}

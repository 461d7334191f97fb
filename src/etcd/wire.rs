//! etcd's messages (API v3), as far as we speak them: names and numbers are those of its `rpc.proto`
//! and `kv.proto`. Written here because the client crates generate them with a compiler that a
//! builder would have to install.

use bytes::Bytes;

/// Generated as the compiler for protocol buffers would.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, prost::Message)] pub struct $name { $($(#[$meta])* pub $field: $type,)* }
    };
}

message! {
    /// What stands at the head of every answer.
    Header {
        /// Which etcd cluster has answered.
        #[prost(uint64, tag = "1")] cluster_id: u64,
        /// The revision of the whole of etcd at that moment.
        #[prost(int64, tag = "3")] revision: i64,
    }
}
message! {
    /// A key and what it holds.
    KeyValue {
        /// The key.
        #[prost(bytes = "bytes", tag = "1")] key: Bytes,
        /// When it came to be.
        #[prost(int64, tag = "2")] create_revision: i64,
        /// When it was last written.
        #[prost(int64, tag = "3")] mod_revision: i64,
        /// Its value.
        #[prost(bytes = "bytes", tag = "5")] value: Bytes,
        /// The lease it goes with, or 0.
        #[prost(int64, tag = "6")] lease: i64,
    }
}
message! {
    /// Asks for keys.
    RangeRequest {
        /// The first.
        #[prost(bytes = "bytes", tag = "1")] key: Bytes,
        /// The one after the last; empty for `key` alone.
        #[prost(bytes = "bytes", tag = "2")] range_end: Bytes,
        /// So many at most; 0 for all.
        #[prost(int64, tag = "3")] limit: i64,
        /// As of this revision; 0 for now.
        #[prost(int64, tag = "4")] revision: i64,
        /// Without their values.
        #[prost(bool, tag = "8")] keys_only: bool,
    }
}
message! {
    /// Keys.
    RangeResponse {
        /// See [`Header`].
        #[prost(message, optional, tag = "1")] header: Option<Header>,
        /// The keys, in order.
        #[prost(message, repeated, tag = "2")] kvs: Vec<KeyValue>,
        /// Whether there are more.
        #[prost(bool, tag = "3")] more: bool,
    }
}
message! {
    /// Writes a key.
    PutRequest {
        /// The key.
        #[prost(bytes = "bytes", tag = "1")] key: Bytes,
        /// Its value.
        #[prost(bytes = "bytes", tag = "2")] value: Bytes,
        /// The lease it goes with, or 0.
        #[prost(int64, tag = "3")] lease: i64,
    }
}
message! {
    /// Removes keys.
    DeleteRangeRequest {
        /// The first.
        #[prost(bytes = "bytes", tag = "1")] key: Bytes,
        /// The one after the last; empty for `key` alone.
        #[prost(bytes = "bytes", tag = "2")] range_end: Bytes,
    }
}
message! {
    /// One thing that is compared.
    Compare {
        /// 0: it is equal; 3: it is not.
        #[prost(int32, tag = "1")] result: i32,
        /// What of the key: 1 when it came to be, 2 when it was last written, 3 its value.
        #[prost(int32, tag = "2")] target: i32,
        /// The key.
        #[prost(bytes = "bytes", tag = "3")] key: Bytes,
        /// What it is compared with.
        #[prost(oneof = "Wanted", tags = "5, 6, 7")] wanted: Option<Wanted>,
    }
}

/// What a key is compared with.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Wanted {
    /// When it came to be; 0 if it is not there.
    #[prost(int64, tag = "5")]
    CreateRevision(i64),
    /// When it was last written.
    #[prost(int64, tag = "6")]
    ModRevision(i64),
    /// What it holds.
    #[prost(bytes = "bytes", tag = "7")]
    Value(Bytes),
}

/// One step of a transaction.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum TxnStep {
    /// Writes.
    #[prost(message, tag = "2")]
    Put(PutRequest),
    /// Removes.
    #[prost(message, tag = "3")]
    Delete(DeleteRangeRequest),
}

message! {
    /// A step of a transaction.
    RequestOp {
        /// The step.
        #[prost(oneof = "TxnStep", tags = "2, 3")] request: Option<TxnStep>,
    }
}
message! {
    /// A transaction: nothing happens unless every comparison holds.
    TxnRequest {
        /// What must hold.
        #[prost(message, repeated, tag = "1")] compare: Vec<Compare>,
        /// What is then done.
        #[prost(message, repeated, tag = "2")] success: Vec<RequestOp>,
    }
}
message! {
    /// What became of a transaction.
    TxnResponse {
        /// See [`Header`].
        #[prost(message, optional, tag = "1")] header: Option<Header>,
        /// Whether all comparisons held.
        #[prost(bool, tag = "2")] succeeded: bool,
    }
}
message! {
    /// Lets etcd forget what was replaced before a revision.
    CompactionRequest {
        /// The revision.
        #[prost(int64, tag = "1")] revision: i64,
    }
}
message! {
    /// An answer that says no more than that it was done.
    Done {
        /// See [`Header`].
        #[prost(message, optional, tag = "1")] header: Option<Header>,
    }
}
message! {
    /// Asks for a lease, or (without a time) tells of one.
    LeaseRequest {
        /// Seconds it holds without renewal.
        #[prost(int64, tag = "1")] ttl: i64,
        /// Its number; 0 for etcd's choice.
        #[prost(int64, tag = "2")] id: i64,
    }
}
message! {
    /// A lease's number.
    LeaseId {
        /// The number.
        #[prost(int64, tag = "1")] id: i64,
    }
}
message! {
    /// A lease.
    LeaseResponse {
        /// See [`Header`].
        #[prost(message, optional, tag = "1")] header: Option<Header>,
        /// Its number.
        #[prost(int64, tag = "2")] id: i64,
        /// Seconds it still holds; none are left of one that is gone.
        #[prost(int64, tag = "3")] ttl: i64,
    }
}
message! {
    /// Begins a watch.
    WatchCreate {
        /// The first key.
        #[prost(bytes = "bytes", tag = "1")] key: Bytes,
        /// The one after the last.
        #[prost(bytes = "bytes", tag = "2")] range_end: Bytes,
        /// From this revision on.
        #[prost(int64, tag = "3")] start_revision: i64,
    }
}
message! {
    /// Asks for a watch.
    WatchRequest {
        /// The watch.
        #[prost(message, optional, tag = "1")] create: Option<WatchCreate>,
    }
}
message! {
    /// Something that a watch has seen.
    Event {
        /// 0: written, 1: removed.
        #[prost(int32, tag = "1")] kind: i32,
        /// The key.
        #[prost(message, optional, tag = "2")] kv: Option<KeyValue>,
    }
}
message! {
    /// What a watch has seen.
    WatchResponse {
        /// See [`Header`].
        #[prost(message, optional, tag = "1")] header: Option<Header>,
        /// It has ended.
        #[prost(bool, tag = "4")] canceled: bool,
        /// What happened.
        #[prost(message, repeated, tag = "11")] events: Vec<Event>,
    }
}
message! {
    /// Asks for alarms.
    AlarmRequest {}
}
message! {
    /// An alarm of a member.
    AlarmMember {
        /// 1: no space, 2: corrupt.
        #[prost(int32, tag = "2")] alarm: i32,
    }
}
message! {
    /// The alarms that are raised.
    AlarmResponse {
        /// See [`Header`].
        #[prost(message, optional, tag = "1")] header: Option<Header>,
        /// The alarms.
        #[prost(message, repeated, tag = "2")] alarms: Vec<AlarmMember>,
    }
}

impl Compare {
    /// A key does not exist.
    pub fn absent(key: impl Into<Bytes>) -> Compare {
        Compare { result: 0, target: 1, key: key.into(), wanted: Some(Wanted::CreateRevision(0)) }
    }
    /// A key was last written at this revision.
    pub fn written(key: impl Into<Bytes>, revision: i64) -> Compare {
        let wanted = Some(Wanted::ModRevision(revision));
        Compare { result: 0, target: 2, key: key.into(), wanted }
    }
    /// A key holds this.
    pub fn holds(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Compare {
        let wanted = Some(Wanted::Value(value.into()));
        Compare { result: 0, target: 3, key: key.into(), wanted }
    }
    /// A key is there and holds something else.
    pub fn differs(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Compare {
        Compare { result: 3, ..Compare::holds(key, value) }
    }
}

impl RequestOp {
    /// Writes a key.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> RequestOp {
        RequestOp::leased(key, value, 0)
    }
    /// Writes a key that goes with a lease.
    pub fn leased(key: impl Into<Bytes>, value: impl Into<Bytes>, lease: i64) -> RequestOp {
        let put = PutRequest { key: key.into(), value: value.into(), lease };
        RequestOp { request: Some(TxnStep::Put(put)) }
    }
    /// Removes a key.
    pub fn delete(key: impl Into<Bytes>) -> RequestOp {
        RequestOp::delete_range(key, Bytes::new())
    }
    /// Removes all keys from one up to another.
    pub fn delete_range(from: impl Into<Bytes>, to: impl Into<Bytes>) -> RequestOp {
        let request = DeleteRangeRequest { key: from.into(), range_end: to.into() };
        RequestOp { request: Some(TxnStep::Delete(request)) }
    }
}

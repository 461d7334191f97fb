//! pocketshift: a mini OpenShift in one binary, and in your tests: start at [`Cluster`]. The rest of this page
//! is how it is built; its links lead somewhere where all of it is shown (`cargo doc
//! --document-private-items`).
//!
//! # What runs
//!
//! One process: an HTTPS listener ([`http`]), the API behind it ([`api`]), the objects ([`store`]),
//! the controllers ([`controllers`]) and a simulated cluster ([`sim`]). [`run`] puts them together
//! and is the only module that knows them all. Threads: two or more workers of the listener, one
//! for all controllers, two for the processes of exec and attach, one that writes to SQLite (in
//! memory, and where a seed makes all come out the same, whoever commits does its work). Further clusters
//! of the same process ([`run::host`]) share a fixed number of threads ([`pool`]), of which each keeps to
//! one, and every object that none of them has changed. What a cluster does by itself gives way to
//! requests: between threads by niceness, on a shared one by turns ([`pool::behind`]).
//!
//! Called by another name the program is that program: `etcd`, `kube-apiserver` or `kubectl` of the
//! folder that test suites are pointed at ([`run::envtest`]). Its API server is a cluster of another
//! [`run::Nature`]: no controllers, nothing of OpenShift, whatever certificates and keys it is given.
//!
//! # The rooms
//!
//! | module | is | may know |
//! |---|---|---|
//! | [`object`] | JSON objects, names, selectors, quantities, times | nothing of ours |
//! | [`error`] | what can go wrong, and its `Status` | nothing of ours |
//! | [`world`] | time and chance, as traits that can be stepped and replayed | nothing of ours |
//! | [`platform`] | what one system does otherwise than another: private files, signals, processes; how connections to oneself are known | nothing of ours |
//! | [`pool`] | threads that clusters share | `platform` |
//! | [`catalog`] | the images of the world outside, as data and as true OCI content | `images`, `store` |
//! | [`tls`] | certificates | nothing of ours |
//! | [`runtime`] | what a container runtime offers to exec, attach, logs and port-forward, as a trait | `world` |
//! | [`settings`] | the simulated cluster as plain data | `catalog` |
//! | [`config`] | the command line: flags, their environment variables, the texts of `--help` | nothing of ours |
//! | [`trace`] | the log of the program itself: where it goes, and in which form | `config` |
//! | [`schema`] | what types look like; decoding, defaults, protobuf | nothing of ours |
//! | [`cel`] | the language of rules and policies: types, costs, evaluation | `schema` |
//! | [`audit`] | the audit log: which requests are written down, how much of them, and where | `platform`, `world` |
//! | [`patch`] | the four patch forms and field ownership | `schema` |
//! | [`images`] | image streams as data: pull specs, tags, histories | nothing of ours |
//! | [`templates`] | templates: values of their parameters, and their objects | `kinds` |
//! | [`builds`] | builds: their Dockerfiles, and the images that come of them | `images`, `kinds`, snapshots of `store` |
//! | [`metrics`] | what pods and nodes use: what they were asked, and what their annotations say | snapshots of `store` |
//! | [`importer`] | the way to image registries: HTTP, TLS, credentials, errors | `images`, `platform`, `world` |
//! | [`webhook`] | the way to webhooks and other API servers: HTTP, TLS, whom to believe, services to addresses | `importer`, `runtime`, snapshots of `store`, `world` |
//! | [`etcd`] | the way to etcd: connection, transactions, the lease that says that we live | `tls`, `world` |
//! | [`store`] | keys, bytes, revisions; SQLite, etcd | `etcd`, `platform`, `pool`, `world` |
//! | [`replicas`] | processes that serve the clusters of one etcd: who is there, what lives where, the way from one to another | `etcd`, `tls`, `world` |
//! | [`journal`] | what came from outside, in order: recordings | `store`, `world` |
//! | [`trail`] | what happened: changes, by whom, because of what; refusals | `store` |
//! | [`faults`] | faults by rule: which requests fail, what breaks in the world, how often and when | snapshots of `store`, `world` |
//! | [`kinds`] | the catalogue: one value per kind | `cel`, `images`, `schema`, snapshots of `store`, `world` |
//! | [`access`] | credentials, OAuth, RBAC, what a new cluster contains | `kinds`, `settings`, snapshots of `store`, `world` |
//! | [`api`] | the verbs, admission, computed kinds | `access`, `audit`, `cel`, `builds`, `faults`, `images`, `importer`, `journal`, `kinds`, `metrics`, `patch`, `runtime`, `schema`, `settings`, `store`, `templates`, `tls`, `trail`, `webhook`, `world` |
//! | [`console`] | what a browser is given: the console's files | nothing of ours |
//! | [`http`] | bytes to requests, answers to bytes, TLS | `access`, `api`, `audit`, `console`, `controllers`, `faults`, `journal`, `kinds`, `platform`, `pool`, `runtime`, `schema`, `settings`, revisions of `store`, `tls`, `world` |
//! | [`registry`] | the registries on the wire: the catalogue's and the cluster's own | `access`, `api`, `builds`, `catalog`, `faults`, `http`, `images`, `importer`, `kinds`, `platform`, `pool`, `store`, `tls`, `trail`, `world` |
//! | [`labs`] | exercises: set-up, recording, grades, the commands of solutions, and classes | `access`, `api` as a client, `http`'s desk, `kinds`, `runtime`, `store`, `world` |
//! | [`router`] | the hosts of routes: which pod answers, and the listeners on loopback | `http`, `runtime`, `settings`, snapshots of `store`, `tls`, `world` |
//! | [`controllers`] | pure functions from a view to a plan, and their driver | `access`, `api` as a client, `builds`, `faults`, `images`, `kinds`, `metrics`, `pool`, `settings`, `store`, `tls`, `world` |
//! | [`run`] | the composition root, the commands, the host of many clusters | `access`, `api`, `audit`, `catalog`, `config`, `console`, `controllers`, `etcd`, `http`, `images`, `importer`, `journal`, `kinds`, `labs`, `platform`, `pool`, `registry`, `replicas`, `router`, `runtime`, `settings`, `sim`, `store`, `tls`, `trace`, `webhook`, `world` |
//! | [`cluster`] | clusters in a program of one's own: with [`program()`] all that others see; the feature `internals` opens the rest to our own tests, measurements and fuzz targets | `api`, `catalog`, `config`, `run` |
//! | [`mod@program`] | the command line | `config`, `platform`, `run`, `trace` |
//! | [`sim`] | nodes, scheduler, kubelets, images: controllers too; what runs in containers when somebody looks | `access`, `api` as a client, `catalog`, `controllers`, `faults`, `images`, `importer`, `kinds`, `router`, `runtime`, `settings`, `store`, `world` |
//!
//! Everybody may know [`object`] and [`error`]. An integration test reads this table and every `crate::` path, and fails
//! on an arrow that is not in a row, and on a row that names what its module does not use.
//!
//! # The way of a write
//!
//! 1. [`http`] understands path, query and headers; the catalogue ([`kinds::all`]) decides what
//!    exists. Who may not do it is refused before a byte of the body is read; the body is then read
//!    and parsed within budgets.
//! 2. [`api::Server::call`] asks [`access`] whether the caller may, before anything is looked up.
//! 3. The body is checked against its type ([`schema::decode`]) and unknown fields are dropped (or
//!    refused). Then it runs through the list of its kind of write, top to bottom
//!    (`api/write/lists.rs`), on one snapshot.
//! 4. On those lists: defaults ([`schema::fill_defaults`], then [`kinds::Hooks::default`]), field
//!    ownership ([`patch::managed`]), what [`api::admission`] changes, whoever outside may change
//!    it, what the kind prepares and validates ([`kinds::Hooks`]), and whoever may refuse it, quota
//!    last. Writes to subresources have lists of their own, so that nothing is written unasked.
//! 5. [`store::Store::commit`] gets the serialised object, the revision it was decided on, and
//!    whatever must change with it (quota usage, claimed addresses). If the world has moved, the
//!    request is decided again; only a client that pinned a revision sees a conflict. If it was
//!    another row that moved, nobody outside is asked twice.
//! 6. The writer thread gives out revisions, puts every batch that is waiting into one SQLite
//!    transaction, and only after it is durable shows the new [`store::Snapshot`], extends the
//!    history and wakes watchers. In etcd several transactions are under way at a time, each on what the
//!    one before it leaves.
//!
//! # The way of a read
//!
//! A read takes the current [`store::Snapshot`], which never changes under it, and answers the bytes
//! as they are stored. A watch is a cursor over [`store::Feed`], the window of recent changes: it
//! reads on at its client's pace and gets 410 if the window leaves it behind. Lists at older
//! revisions (`continue`) are the current snapshot with later changes undone.
//!
//! Bytes stay bytes: no answer is written through a tree made for it. A table's row is the stored
//! text of the metadata and cells that are computed once for a revision, with the ages left open
//! (`http/form`, [`kinds::Template`]). Who needs fields reads a typed view of the revision
//! ([`store::Entry::lens`]), which is made once and let go when nobody has looked at it for a while.
//! Who changes an object works on a tree ([`object::Value`]): its lists and maps are shared until
//! one of their holders changes them, so a copy costs nothing, and two that have a part in common
//! are told apart without looking into it.
//!
//! # Controllers
//!
//! A [`controllers::Controller`] is a value with a pure function `(view, key) -> plan`. The driver
//! follows the feed, queues keys, applies plans through the same API that `oc` uses, retries and
//! waits on the clock. The scheduler and the kubelets in [`sim`] are controllers like any other;
//! they have no door of their own. A change costs what it changes: whom it concerns is asked of
//! indexes ([`object::links`]), and what sums up many objects is looked at when the others rest, or
//! for a tenth of the time. State lives in the objects alone, so a restart goes on where the
//! last write left off. What the simulated outside must remember and no API object has a place for
//! (the images a node holds, runs that no status shows yet) is an object too, of a resource that is not served
//! ([`controllers::INTERNAL`]). So are the questions of kubelets that only the network can answer:
//! a task asks the registry and writes its answer beside the question, which wakes the kubelet.
//!
//! # Time
//!
//! [`world::World`] has two clocks. What happens in the cluster follows `clock`, a
//! [`world::ClusterTime`] that can stand still, run faster and be moved on; patience with clients,
//! registries and threads follows `wall`, the machine's. Time moves on by the moments somebody waits
//! for, and only while nothing is under way: every task of controllers and containers is tracked by
//! [`world::Activity`] from its waking until it waits again.
//!
//! # The same again
//!
//! A cluster with a seed keeps a [`journal`] of what arrives from outside. One arrival at a time is
//! carried out on the thread of the controllers, beside them, and answered when all is quiet; commits of
//! others ([`world::inside`] tells whose work it is) wait for their turn in the store. Between arrivals the clock steps from one moment that
//! is waited for to the next. The outside (registries) is asked one question at a time, when nothing
//! else runs, so that no answer's coming changes the order of anything. So everything follows from the
//! arrivals and the beginning, and [`run::replay`] can do it again.
//!
//! What the cluster causes itself is no arrival. Its own registry keeps what nodes pull, and makes what
//! builds make, beside the controllers there ([`registry::tend`]); and who asks that registry for the
//! cluster (a kubelet's question, an import) is known by the connection ([`importer::Importer::is_own`]):
//! what comes of the question belongs to the turn of who asks.
//!
//! # Clusters
//!
//! A [`run::Host`] runs many: `create` copies a template, a cluster of the same settings that was
//! started once and came to rest; `fork` copies a running one; `checkpoint` keeps what a cluster is,
//! `reset` puts it back. All four move a [`store::Parts`]: the snapshot and the claims, which are
//! persistent maps, so a copy costs nothing until something is written. Who is put back keeps its
//! address and its secrets; its controllers begin anew, its history is forgotten and its revisions go
//! on, so that every watch ends with 410. A copy gets an authority, keys and passwords of its own, and
//! nobody is signed in there. Where the host has a data folder every cluster has its own below it (database,
//! secrets, blobs, checkpoints, and a card that says what it is) and is opened again at the next start.
//!
//! # Replicas
//!
//! Several processes serve the clusters of one etcd ([`replicas`], [`run`]'s `replicas`). Each cluster lives
//! in one of them, which holds it in memory as ever; its history is rows in etcd, and a commit is a
//! transaction that compares the owner's key. Who owns what hangs on a lease per process, follows the
//! machines' time and is believed by nobody who writes: the comparison is what fences. A name is taken before
//! anything of its cluster is there and free again with the last of it. A connection to a
//! cluster that lives elsewhere is carried there as it is, TLS and all, so that the cluster itself sees who
//! its client is. What is pushed to its registries is rows of the cluster when it is small, else files in a
//! folder or bucket of all. Whoever cannot know whether somebody else has taken over answers reads with a
//! warning.
//!
//! # Words of our own
//!
//! Everything else is called as Kubernetes, OpenShift and OCI call it.
//!
//! | word | is |
//! |---|---|
//! | draft | an object on its way through the stages of a write |
//! | attempt | one run of those stages, on one snapshot |
//! | claim | a name, address or port that one object may hold at a time |
//! | entry | one revision of an object: its bytes and its metadata |
//! | lens | a typed view of an entry, made when first asked for and kept beside it |
//! | feed | the window of recent changes that watches and controllers read |
//! | plan | what a controller wants written, as data |
//! | vendor | whoever keeps images in the world outside |
//! | world | the clocks and the chance that everything waits on and draws from |
//! | nature | what kind of server a cluster is: OpenShift's, or a bare API server |
//! | trail | who changed what, and because of what |
//! | desk | what the console asks of the server beyond the API |
//! | head | how far the history of a cluster in etcd goes, and who wrote it last |
//! | card | what a cluster is, besides its objects: settings and ports |
//! | chart | which replicas live and which cluster lives where, at a moment |
//!
//! # Recipes
//!
//! | to add | touch |
//! |---|---|
//! | a kind | its declaration under `kinds/`, a line in its family's list, a fixture in `tests/golden/kinds/` |
//! | a release that has a kind no longer, or not yet | `since` and `until` in its declaration; `settings/versions.rs` |
//! | a computed kind | the same with [`kinds::Backing::Computed`], and a handler in [`api::computed`] |
//! | a controller | its file under `controllers/`, a line in [`controllers::ALL`], a role in `access/bootstrap/controllers.roles` |
//! | a column, short name, subresource | one line in the kind's declaration |
//! | a default, merge key, list type | one line under `openapi/` |
//! | an admission plug-in | its file under `api/admission/`, a line in the list there |
//! | somebody outside who is asked about writes | a line in `api/admission/outside.rs` |
//! | a stage of writes | its function in `api/write/stages.rs`, a line in the lists it belongs to |
//! | an image | an entry in `catalog/images.yaml` or `catalog/images/` (or a user's `--catalog` file); what its server says: `sim/containers/programs.yaml`, what it answers: `sim/containers/programs/` |
//! | a program of an image whose answers or ends need code | its file in `sim/containers/programs/` and a line in the table there |
//! | a command in containers | its function and a line in the table of `sim/shell/commands/` |
//! | a table or view | the next file under `migrations/` |
//!
//! # Decisions
//!
//! - **Decide outside, commit by comparison.** The house began with the idea that the whole write
//!   runs inside the writer's transaction. It does not: deciding costs far more than storing, and
//!   one thread would do all of it. Requests are decided in parallel on a snapshot; the writer only
//!   compares revisions. Would be reconsidered if retries showed up in profiles.
//! - **Everything is read from memory.** The objects' bytes are held once, their parsed metadata
//!   beside them; SQLite or etcd is only written (and read at start). A cluster that does not fit in memory
//!   is not what this is for.
//! - **etcd's messages are written down here.** The client crate (`etcd-client`) generates them when it is
//!   built, by a compiler that whoever builds pocketshift would have to install first. Transport,
//!   TLS and encoding are tonic's and prost's.
//! - **Buckets are asked by the importer's own connections.** rusty-s3 signs addresses and knows no network;
//!   whole clients (`object_store`) bring a second HTTP stack for four kinds of request.
//! - **The history window is memory too.** It is bounded in bytes; what leaves it is compacted from
//!   the database in small steps.
//! - **Nodes catch up with their pods.** A pod starts with one write, whether or not its image was on
//!   the node; the node then notes what statuses tell it has pulled, once for a thousand pods.
//!   Would be reconsidered if something but a node had to see a pull before its pod has started.
//! - **Types are tables, generated at build time** from the k8s-openapi crate and the facts under
//!   `openapi/`: no start-up cost, one source for decoding, defaults, patches, protobuf and the
//!   OpenAPI documents.
#![warn(missing_docs)]
// The page speaks of rooms that only `--document-private-items` shows.
#![cfg_attr(not(feature = "internals"), allow(rustdoc::private_intra_doc_links))]

pub use cluster::Cluster;
pub use program::program;

cfg_if::cfg_if! {
    if #[cfg(feature = "internals")] {
        pub mod access;
        pub mod api;
        pub mod audit;
        pub mod builds;
        pub mod catalog;
        pub mod cel;
        pub mod cluster;
        pub mod config;
        pub mod console;
        pub mod controllers;
        pub mod error;
        pub mod etcd;
        pub mod faults;
        pub mod http;
        pub mod images;
        pub mod importer;
        pub mod journal;
        pub mod kinds;
        pub mod labs;
        pub mod metrics;
        pub mod object;
        pub mod patch;
        pub mod platform;
        pub mod pool;
        pub mod program;
        pub mod registry;
        pub mod replicas;
        pub mod router;
        pub mod run;
        pub mod runtime;
        pub mod schema;
        pub mod settings;
        pub mod sim;
        pub mod store;
        pub mod templates;
        pub mod tls;
        pub mod trace;
        pub mod trail;
        pub mod webhook;
        pub mod world;
    } else {
        mod access;
        mod api;
        mod audit;
        mod builds;
        mod catalog;
        mod cel;
        pub mod cluster;
        mod config;
        mod console;
        mod controllers;
        mod error;
        mod etcd;
        mod faults;
        mod http;
        mod images;
        mod importer;
        mod journal;
        mod kinds;
        mod labs;
        mod metrics;
        mod object;
        mod patch;
        mod platform;
        mod pool;
        mod program;
        mod registry;
        mod replicas;
        mod router;
        mod run;
        mod runtime;
        mod schema;
        mod settings;
        mod sim;
        mod store;
        mod templates;
        mod tls;
        mod trace;
        mod trail;
        mod webhook;
        mod world;
    }
}

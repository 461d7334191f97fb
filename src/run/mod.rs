//! The composition root: the only place that names the concrete parts of every layer.

mod aggregation;
mod audit;
mod background;
mod checkpoint;
mod client;
mod cluster;
pub mod clusters;
mod console;
mod controls;
mod definitions;
pub mod envtest;
mod equip;
mod etcd;
pub mod faults;
mod furnish;
pub mod host;
mod kubeconfig;
pub mod labs;
pub mod manifests;
mod moving;
mod nature;
mod ongoing;
mod priority;
mod processes;
pub mod registry;
mod release;
pub mod replay;
pub mod replicas;
mod rest;
pub mod routes;
mod samples;
mod secrets;
mod seed;
mod sessions;
mod signatures;
mod threads;
pub mod time;
mod tokens;
pub mod trail;

pub use background::{logs, start as start_in_background, status, stop as stop_in_background};
pub use cluster::{Cluster, start_as};
pub use host::Host;
pub use nature::Nature;

use crate::{
    config::{Folder, KUBECONFIG, Serve},
    platform,
    registry::FOLDER,
    store,
};
use std::{io::Write, time::Instant};

/// Starts a cluster, tells the person how to use it, and runs until told to stop.
///
/// # Errors
/// One line for people.
pub async fn serve(flags: Serve) -> Result<(), String> {
    let began = Instant::now();
    let _held = background::hold()?;
    let host = Host::new(&flags);
    if let Some(keeper) = etcd::keeper(&flags.etcd)? {
        return replicas::serve(&flags, keeper, &host, began).await;
    }
    let ports = cluster::Ports::bind(&flags, &Nature::default())?;
    let cluster = cluster::start_at(&flags, Nature::default(), host.site(), ports).await?;
    host.open_all().await.map_err(|why| why.message)?;
    let by_name = host.listen_by_name(&flags)?;
    greet(&cluster, by_name, began);
    host.adopt(cluster).await;
    wait_for_signal().await?;
    // Nobody may be reading: that is no reason not to stop in order.
    let _ = writeln!(std::io::stdout(), "stopping");
    host.stop().await;
    Ok(())
}

fn greet(cluster: &Cluster, by_name: Option<std::net::SocketAddr>, began: Instant) {
    let (url, versions) = (&cluster.url, &cluster.server.settings.versions);
    let mut text = format!(
        "pocketshift {} (OpenShift {}, Kubernetes {}) is ready at {url} after {} ms\n\n",
        env!("CARGO_PKG_VERSION"),
        versions.openshift,
        versions.kubernetes,
        began.elapsed().as_millis(),
    );
    match &cluster.kubeconfig {
        Some(path) => text += &format!("  export KUBECONFIG={}\n", path.display()),
        None => text += "  (no kubeconfig was written: say --kubeconfig FILE)\n",
    }
    text += &format!("  oc login -u developer -p developer {url}\n");
    text += &format!("  oc login -u kubeadmin -p {} {url}\n", cluster.kubeadmin_password);
    text += &format!("\n  registries: {}\n", cluster.registry);
    text += &routes(cluster);
    if let Some(at) = by_name {
        text += &format!("  all clusters by name: {at} (cluster kubeconfig NAME --by-name)\n");
    }
    if let Some(path) = &cluster.kubeconfig {
        let path = path.display();
        text += &format!("  vendors' names: eval \"$(pocketshift env --kubeconfig {path})\"\n");
    }
    // Nobody may be reading: a closed pipe is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Where routes answer, for people.
fn routes(cluster: &Cluster) -> String {
    let domain = &cluster.server.settings.apps_domain;
    let shown = [("http", cluster.routes.http), ("https", cluster.routes.https)];
    let shown: Vec<String> = shown
        .iter()
        .filter_map(|(scheme, at)| at.map(|at| format!("{scheme}://*.{domain} at {at}")))
        .collect();
    match shown.as_slice() {
        [] => "  routes: at no port (say --router-http-port PORT)\n".into(),
        all => format!("  routes: {}\n", all.join(", ")),
    }
}

pub(in crate::run) async fn wait_for_signal() -> Result<(), String> {
    let asked = platform::asked_to_end().await;
    asked.map_err(|e| format!("cannot listen for signals: {e}"))
}

/// Says what is damaged in the database of a data folder.
///
/// # Errors
/// One line for people; also when something is damaged, after it was listed.
pub fn check(folder: &Folder) -> Result<(), String> {
    let dir = folder.path()?;
    let damaged = store::check(&dir).map_err(|e| e.to_string())?;
    damaged.iter().for_each(|damage| println!("{damage}"));
    match damaged.len() {
        0 => println!("nothing is damaged in {}", dir.display()),
        1 => return Err("1 object is damaged; it is not served".into()),
        many => return Err(format!("{many} objects are damaged; they are not served")),
    }
    Ok(())
}

/// Deletes the clusters of a data folder.
///
/// # Errors
/// One line for people; the folder of a running server is left alone.
pub fn reset(folder: &Folder) -> Result<(), String> {
    let dir = folder.path()?;
    if !dir.is_dir() {
        println!("nothing to delete in {}", dir.display());
        return Ok(());
    }
    let held = store::lock(&dir).map_err(|e| e.to_string())?;
    let own = [KUBECONFIG];
    let all = secrets::FILES.iter().chain(store::FILES).chain(&own).chain(&background::FILES);
    for name in all {
        match std::fs::remove_file(dir.join(name)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("cannot delete {}: {e}", dir.join(name).display()));
            }
            _ => {}
        }
    }
    for folder in [FOLDER, host::CHECKPOINTS, host::CLUSTERS].map(|name| dir.join(name)) {
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("cannot delete {}: {e}", folder.display()));
            }
            _ => {}
        }
    }
    drop(held);
    println!("deleted the cluster in {}", dir.display());
    Ok(())
}

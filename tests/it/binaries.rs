//! What is sent to build from: as large as an application's folder is, kept nowhere for longer than it is
//! read, and nothing of it when its sender hangs up.

use crate::{
    builds::{API, BASE, begun, build, config, make, stream},
    support::{
        Lab, Wire, eventually,
        lab::{builder, request},
    },
};
use pocketshift::object::ObjectExt;
use serde_json::json;
use std::{io::Write, path::Path};
use tokio::io::AsyncReadExt;

/// An application's folder, packed.
fn folder() -> Vec<u8> {
    let noise: Vec<u8> =
        (0..24 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let dockerfile = format!("FROM {BASE}\nCOPY . /app\n");
    let mut packed = tar::Builder::new(Vec::new());
    for (path, content) in [("app/Dockerfile", dockerfile.as_bytes()), ("app/noise", &noise)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        packed.append_data(&mut header, path, content).expect("it is packed");
    }
    packed.into_inner().expect("it is packed")
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("it is packed");
    writer.finish().expect("it is packed")
}

/// Files below a folder that are open and have no name.
fn nameless(below: &Path) -> usize {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    let open = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    open.filter(|file| file.starts_with(below) && file.to_string_lossy().contains("(deleted)"))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_may_be_large() {
    let home = tempfile::tempdir().expect("a folder");
    let lab = begun(Lab::of(builder().data_dir(home.path())).await).await;
    stream(&lab, "b").await;
    let source = json!({"binary": {}, "contextDir": "app"});
    let mut of_folder = config("b", "", json!({"source": source}));
    of_folder["spec"]["strategy"] = json!({"dockerStrategy": {}});
    make(&lab, &of_folder).await;
    let path = format!("{API}/buildconfigs/b/instantiatebinary?name=b");
    let folder = folder();
    for (name, sent) in [("b-1", folder.clone()), ("b-2", zipped(&folder))] {
        let made = request(&lab.client, "POST", &path, &[], sent).await.expect(201);
        assert_eq!(made.name(), name);
        let done = build(&lab, name, &["Complete", "Failed"]).await;
        assert_eq!(done.str_at("status.phase"), "Complete", "{done}");
    }
    let wire = Wire::api(&lab).as_admin(&lab);
    drop(wire.begin("POST", &path, folder.len() as u64, &folder[..4 << 20]).await);
    let mut refused = wire.begin("POST", &path, (1 << 30) + 1, b"").await;
    let mut line = [0; 12];
    refused.read_exact(&mut line).await.expect("an answer");
    assert_eq!(line, *b"HTTP/1.1 413");
    eventually("every upload to be gone", || async {
        match nameless(home.path()) {
            0 => Ok(()),
            left => Err(left),
        }
    })
    .await;
    // Whoever hung up has not even a number.
    let file = format!("{path}&asFile=Dockerfile");
    let made = request(&lab.client, "POST", &file, &[], b"FROM scratch\n".to_vec()).await;
    assert_eq!(made.expect(201).name(), "b-3");
    lab.stop().await;
}

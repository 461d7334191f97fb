//! A real registry server on loopback (Debian's docker-registry), filled with skopeo. It lives as
//! long as the value; images are made here, small and the same every time.

use super::tools::{self, output};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Media types of manifests.
pub const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// `user` with the password `secret`, as htpasswd writes it (bcrypt, cost 5).
const HTPASSWD: &str = "user:$2y$05$2Ch8LtP.sXFi4dsSlG2/Iu/2Jb0GqdGaQqKadJoNKNcXJKUVeU2VK\n";

/// A running registry.
pub struct Registry {
    process: Child,
    folder: TempDir,
    /// `host:port`.
    pub address: String,
    /// What skopeo needs to know.
    flags: Vec<String>,
}

/// How a registry is run.
#[derive(Default)]
pub struct Setup {
    /// Certificate and key, PEM; plain HTTP without.
    pub tls: Option<(String, String)>,
    /// Only `user` may do anything.
    pub locked: bool,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Without TLS and open to everybody.
    pub fn start() -> Registry {
        Registry::with(Setup::default())
    }

    /// Starts a registry on a free port.
    pub fn with(setup: Setup) -> Registry {
        tools::debian(&["docker-registry", "skopeo"]);
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut config = json!({"version": "0.1", "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": at("data")}, "delete": {"enabled": true}},
            "compatibility": {"schema1": {"enabled": true}}, "http": {"addr": "127.0.0.1:0"}});
        let mut flags = Vec::new();
        match setup.tls {
            None => flags.push("--dest-tls-verify=false".into()),
            Some((certificate, key)) => {
                fs::write(at("tls.crt"), certificate).expect("a file");
                fs::write(at("tls.key"), key).expect("a file");
                config["http"]["tls"] = json!({"certificate": at("tls.crt"), "key": at("tls.key")});
                flags.push("--dest-tls-verify=false".into());
            }
        }
        if setup.locked {
            fs::write(at("htpasswd"), HTPASSWD).expect("a file");
            config["auth"] = json!({"htpasswd": {"realm": "lab", "path": at("htpasswd")}});
            flags.push("--dest-creds=user:secret".into());
        }
        fs::write(at("config.yml"), config.to_string()).expect("a file");
        let mut process = Command::new("docker-registry")
            .args(["serve", &at("config.yml")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the registry starts");
        let log = BufReader::new(process.stderr.take().expect("its log"));
        let address = listening(log);
        Registry { process, folder, address, flags }
    }

    /// Puts images under `team/`; each is named `repository:tag`.
    pub fn push(&self, images: &[Image]) {
        self.push_below("team", images);
    }

    /// Puts images under a path of their own.
    pub fn push_below(&self, path: &str, images: &[Image]) {
        let source = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        for image in images {
            image.write(&source.path().join(&image.name));
        }
        let to = format!("{}/{path}", self.address);
        let mut sync = Command::new("skopeo");
        sync.args(["sync", "--all", "--src", "dir", "--dest", "docker"]).args(&self.flags);
        output(sync.arg(source.path()).arg(to));
    }

    /// Puts an image there in the form manifests had first: signed, with a history.
    pub fn push_schema1(&self, image: &Image) {
        let source = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        image.write(source.path());
        let from = format!("dir:{}", source.path().display());
        let mut copy = Command::new("skopeo");
        copy.args(["copy", "--format", "v2s1"]).args(&self.flags);
        output(copy.args([from, format!("docker://{}", self.image(&image.name))]));
    }

    /// The digest a registry gives a tag.
    pub fn digest(&self, tag: &str) -> String {
        let image = format!("docker://{}", self.image(tag));
        let args = ["inspect", "--tls-verify=false", "--no-tags", "--format", "{{.Digest}}"];
        output(Command::new("skopeo").args(args).arg(image)).trim().to_owned()
    }

    /// Deletes what a tag names, and with it the tag.
    pub fn delete(&self, tag: &str) {
        let image = format!("docker://{}/team/{tag}", self.address);
        output(Command::new("skopeo").args(["delete", "--tls-verify=false", &image]));
    }

    /// Lets requests wait, or answers them again.
    pub fn hold(&self, wait: bool) {
        let signal = if wait { "-STOP" } else { "-CONT" };
        output(Command::new("kill").args([signal, &self.process.id().to_string()]));
    }

    /// The pull spec of an image pushed here.
    pub fn image(&self, name: &str) -> String {
        format!("{}/team/{name}", self.address)
    }
}

/// Reads the log until it says where the registry listens; the rest is read and forgotten.
fn listening(log: impl BufRead + Send + 'static) -> String {
    let mut lines = log.lines().map_while(Result::ok);
    let found = lines.by_ref().find_map(|l| {
        let rest = l.split("listening on ").nth(1)?;
        Some(rest.split(['"', ',', ' ']).next()?.to_owned())
    });
    std::thread::spawn(move || lines.for_each(drop));
    found.expect("the registry says where it listens")
}

/// An image to be pushed.
pub struct Image {
    /// `repository:tag`.
    pub name: String,
    /// What tells it from others; shows in its label `version`.
    pub version: String,
    /// Media type of its manifest.
    pub media_type: &'static str,
    /// For lists: the architectures.
    pub architectures: Vec<&'static str>,
}

impl Image {
    /// An image for one platform.
    pub fn new(name: &str, version: &str) -> Image {
        Image {
            name: name.into(),
            version: version.into(),
            media_type: DOCKER,
            architectures: vec!["amd64"],
        }
    }

    /// A list of images.
    pub fn list(name: &str, media_type: &'static str, architectures: &[&'static str]) -> Image {
        let architectures = architectures.to_vec();
        Image { media_type, architectures, ..Image::new(name, "1") }
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> String {
        digest(&self.parts().0)
    }

    /// The digest of the manifest for one architecture.
    pub fn part(&self, architecture: &str) -> String {
        let at = self.architectures.iter().position(|a| *a == architecture).expect("a part");
        match self.parts().1.get(at) {
            Some((manifest, _)) => digest(manifest),
            None => self.digest(),
        }
    }

    /// The manifest, the manifests it lists, and the blobs of each (or its own).
    fn parts(&self) -> (Vec<u8>, Vec<(Vec<u8>, Vec<Vec<u8>>)>) {
        let inner = match self.media_type {
            DOCKER_LIST => DOCKER,
            OCI_INDEX => OCI,
            own => return (single(own, &self.version, "amd64").0, Vec::new()),
        };
        let parts: Vec<_> =
            self.architectures.iter().map(|a| single(inner, &self.version, a)).collect();
        let entries = self.architectures.iter().zip(&parts).map(|(a, (m, _))| {
            json!({"mediaType": inner, "size": m.len(), "digest": digest(m),
                "platform": {"architecture": a, "os": "linux"}})
        });
        let list = json!({"schemaVersion": 2, "mediaType": self.media_type,
            "manifests": entries.collect::<Vec<Value>>()});
        (list.to_string().into_bytes(), parts)
    }

    /// Writes skopeo's `dir:` form.
    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("a folder");
        let put = |name: &str, content: &[u8]| {
            fs::write(folder.join(name), content).expect("a file");
        };
        put("version", b"Directory Transport Version: 1.1\n");
        let (manifest, mut parts) = self.parts();
        put("manifest.json", &manifest);
        for (manifest, _) in &parts {
            put(&format!("{}.manifest.json", hex(manifest)), manifest);
        }
        if parts.is_empty() {
            parts.push(single(self.media_type, &self.version, "amd64"));
        }
        for blob in parts.iter().flat_map(|(_, blobs)| blobs) {
            put(&hex(blob), blob);
        }
    }
}

/// Manifest and blobs of an image for one platform.
fn single(media_type: &str, version: &str, architecture: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let oci = media_type == OCI;
    let (config_type, layer_type) = if oci {
        ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
    } else {
        (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        )
    };
    let content = format!("{version} {architecture}");
    let mut layer = GzEncoder::new(Vec::new(), Compression::default());
    layer.write_all(content.as_bytes()).expect("memory");
    let layer = layer.finish().expect("memory");
    let config = json!({"architecture": architecture, "os": "linux", "author": "a test",
        "created": "2022-12-14T07:00:00Z",
        "config": {"User": "1001", "ExposedPorts": {"8080/tcp": {}}, "Cmd": ["start"],
            "Labels": {"version": version}},
        "history": [{"created": "2022-12-14T07:00:00Z"}],
        "rootfs": {"type": "layers", "diff_ids": [digest(content.as_bytes())]}})
    .to_string()
    .into_bytes();
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type,
        "config": {"mediaType": config_type, "size": config.len(), "digest": digest(&config)},
        "layers": [{"mediaType": layer_type, "size": layer.len(), "digest": digest(&layer)}]});
    (manifest.to_string().into_bytes(), vec![config, layer])
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|b| format!("{b:02x}")).collect()
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(content))
}

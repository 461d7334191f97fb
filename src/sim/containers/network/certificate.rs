//! What a program that speaks TLS shows of itself: the certificate of a secret that its pod mounts.

use crate::{
    controllers::View,
    object::{ObjectExt, Value},
    sim::containers::place::Place,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// The file programs look for in a folder of theirs.
const USUAL: &str = "tls.crt";

/// The certificate of a container's program, PEM: the file its command line names, or else the usual
/// file of a secret it mounts.
pub fn of(view: &View, place: &Place, argv: &[String]) -> Option<String> {
    let secrets: Vec<(String, Value)> = mounted(view, place).collect();
    let named = argv.iter().map(|word| word.rsplit_once('=').map_or(word.as_str(), |(_, v)| v));
    let named = named.filter_map(|path| {
        let (folder, file) = path.rsplit_once('/')?;
        let (_, secret) = secrets.iter().find(|(at, _)| at == folder)?;
        certificate(secret, file)
    });
    let usual = secrets.iter().filter_map(|(_, secret)| certificate(secret, USUAL));
    named.chain(usual).next()
}

/// The secrets a container mounts, by folder.
fn mounted<'a>(view: &'a View, place: &'a Place) -> impl Iterator<Item = (String, Value)> + 'a {
    place.spec.list_at("volumeMounts").iter().filter_map(move |mount| {
        let volumes = place.pod.list_at("spec.volumes");
        let volume = volumes.iter().find(|v| v.str_at("name") == mount.str_at("name"))?;
        let name = volume.at("secret")?.str_at("secretName");
        let secret = view.named("secrets", place.pod.namespace(), name)?.value();
        Some((mount.str_at("mountPath").trim_end_matches('/').to_owned(), secret))
    })
}

fn certificate(secret: &Value, file: &str) -> Option<String> {
    let data = STANDARD.decode(secret.at("data")?.get(file)?.as_str()?).ok()?;
    String::from_utf8(data).ok().filter(|text| text.contains("BEGIN CERTIFICATE"))
}

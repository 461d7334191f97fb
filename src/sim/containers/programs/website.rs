//! Web servers that show the files of their container: nginx and Apache httpd. Without content of
//! its own an image shows its test page.

use super::{Program, Scene, webroot};
use crate::{
    object::{ObjectExt, Value},
    runtime::{Fetch, Fetched},
    sim::shell::{fs::Errno, process::Borrowed},
};
use webroot::Found;

/// A server, and where images of it keep their pages.
pub struct Website {
    /// Folders that are looked for, in order.
    roots: &'static [&'static str],
    /// What it writes under its own error pages.
    footer: &'static str,
    /// Whether it is Apache.
    apache: bool,
}

/// nginx: as Docker Hub and as Red Hat have it.
pub const NGINX: Website = Website {
    roots: &["/usr/share/nginx/html", "/opt/app-root/src", "/usr/local/nginx/html", "/app"],
    footer: "nginx",
    apache: false,
};

/// Apache httpd: as Docker Hub and as Red Hat have it.
pub const HTTPD: Website = Website {
    roots: &["/usr/local/apache2/htdocs", "/var/www/html"],
    footer: "Apache",
    apache: true,
};

impl Program for Website {
    fn request<'a>(&'a self, scene: &'a Scene<'a>, request: &'a Fetch) -> Borrowed<'a, Fetched> {
        Box::pin(async move {
            let path = request.path.split('?').next().unwrap_or("/");
            let pages = self.pages(scene);
            match pages.root {
                Some(root) if !(pages.own && matches!(path, "/" | "/index.html")) => {
                    self.show(scene, root, request)
                }
                _ => scene.page(request),
            }
        })
    }
}

/// What there is to show, as long as no file changes.
#[derive(Clone, Copy)]
struct SitePages {
    /// How often files had been changed.
    turns: u64,
    /// The folder that has pages.
    root: Option<&'static str>,
    /// Whether the first page is the image's own.
    own: bool,
}

/// Whether the first page is the image's own: its folder is the image's, and nobody has put another
/// page there.
fn is_own_page(scene: &Scene<'_>, root: &str) -> bool {
    let place = scene.place();
    let covers = |mount: &Value| {
        let at = mount.str_at("mountPath").trim_end_matches('/');
        root.starts_with(at) || at.starts_with(root)
    };
    !place.spec.list_at("volumeMounts").iter().any(covers)
        && matches!(webroot::find(scene, root, "/index.html"), Found::Nothing(Errno::Missing))
}

impl Website {
    /// What there is to show now; looked for anew when a file has changed.
    fn pages(&self, scene: &Scene<'_>) -> SitePages {
        let (files, who) = (scene.files(), scene.who());
        let turns = files.turns();
        let known = scene.memory(|known: &mut Option<SitePages>| *known);
        if let Some(known) = known.filter(|known| known.turns == turns) {
            return known;
        }
        let root = self.roots.iter().find(|root| files.holds(root, who)).copied();
        let own = root.is_some_and(|root| is_own_page(scene, root));
        let pages = SitePages { turns, root, own };
        scene.memory(|known| *known = Some(pages));
        pages
    }

    fn show(&self, scene: &Scene<'_>, root: &str, request: &Fetch) -> Fetched {
        let path = request.path.split('?').next().unwrap_or("/");
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return self.error(scene, 405, path);
        }
        match webroot::find(scene, root, path) {
            Found::File(_, _) if path.ends_with('/') => self.error(scene, 404, path),
            Found::File(name, bytes) => scene.answer(200, plain_kind(&name), bytes),
            Found::Folder(_) if !path.ends_with('/') => {
                let host = request.header("host").unwrap_or(&request.host).to_owned();
                let mut answer = self.error(scene, 301, path);
                answer.headers.push(("Location".into(), format!("http://{host}{path}/")));
                answer
            }
            Found::Folder(names) => {
                match webroot::find(scene, root, &format!("{path}index.html")) {
                    Found::File(_, bytes) => scene.answer(200, "text/html", bytes),
                    _ if self.apache => {
                        let items: String = names
                            .iter()
                            .map(|n| {
                                format!("<li><a href=\"{0}\"> {0}</a></li>\n", webroot::escaped(n))
                            })
                            .collect();
                        let title = format!("Index of {}", path.trim_end_matches('/'));
                        let text = format!(
                            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  \
                         <title>{title}</title>\n </head>\n <body>\n<h1>{title}</h1>\n<ul>{items}</ul>\n\
                         </body></html>\n"
                        );
                        scene.answer(200, "text/html;charset=UTF-8", text)
                    }
                    _ => self.error(scene, 403, path),
                }
            }
            Found::Nothing(Errno::Denied) => self.error(scene, 403, path),
            Found::Nothing(_) => self.error(scene, 404, path),
        }
    }

    /// The server's own page for a status.
    fn error(&self, scene: &Scene<'_>, status: u16, path: &str) -> Fetched {
        let reason = match status {
            301 => "Moved Permanently",
            403 => "Forbidden",
            404 => "Not Found",
            _ => "Not Allowed",
        };
        if !self.apache {
            let text = format!(
                "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} \
                 {reason}</h1></center>\r\n<hr><center>{}</center>\r\n</body>\r\n</html>\r\n",
                self.footer
            );
            return scene.answer(status, "text/html", text);
        }
        let why = match status {
            301 => "The document has moved.".to_owned(),
            403 => "You don't have permission to access this resource.".to_owned(),
            404 => "The requested URL was not found on this server.".to_owned(),
            _ => format!("The requested method is not allowed for {}.", webroot::escaped(path)),
        };
        let text = format!(
            "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status} \
             {reason}</title>\n</head><body>\n<h1>{reason}</h1>\n<p>{why}</p>\n</body></html>\n"
        );
        scene.answer(status, "text/html; charset=iso-8859-1", text)
    }
}

/// A type without its character set, as these servers send it.
fn plain_kind(name: &str) -> &'static str {
    let kind = webroot::kind(name).unwrap_or("application/octet-stream");
    kind.split(';').next().unwrap_or(kind)
}

//! Image streams as data: what pull specs mean, how tags move and what a tag resolves to.
//!
//! Pure functions over JSON objects. Nothing here knows requests, callers or rows; whatever a
//! function needs from outside (another stream, a right) is handed to it as [`Outside`].
//! Source: openshift-apiserver `pkg/image`, library-go `pkg/image`.
//!
//! | file | is |
//! |---|---|
//! | [`mod@reference`] | pull specs |
//! | [`resolve`] | what a tag means to its users |
//! | [`form`] | the one way a stream is written down |
//! | [`history`] | items of a tag, and the tags that follow it |
//! | [`tags`] | what a new or changed spec tag does |
//! | [`stream`] | creating and changing a stream: generations, then all of the above |
//! | [`limits`] | how much a stream may hold |
//! | [`validate`] | what a stream and its tags may look like |
//! | [`allowed`] | which registries it may name |
//! | [`views`] | tags and images of a stream as objects of their own |
//! | [`image`] | the objects of single images |
//! | [`docker`] | what an image's configuration says |

pub mod allowed;
pub mod docker;
pub mod form;
pub mod history;
pub mod image;
pub mod limits;
#[cfg(test)]
mod properties;
pub mod reference;
pub mod resolve;
pub mod stream;
pub mod tags;
pub mod validate;
pub mod views;

pub use stream::WritePath;

use crate::object::Value;

/// Group and resource of image streams.
pub const STREAMS: &str = "imagestreams.image.openshift.io";
/// Group and resource of images.
pub const IMAGES: &str = "images.image.openshift.io";

/// What a change of a stream looks at besides the stream.
pub struct Outside<'a> {
    /// The present moment, as written in objects.
    pub now: String,
    /// Host and port of the cluster's own registry; empty when there is none.
    pub registry: String,
    /// The name it has outside the cluster; empty when it has none.
    pub public: String,
    /// Another stream, by namespace and name.
    pub stream: Box<dyn Fn(&str, &str) -> Option<Value> + 'a>,
    /// Whether the caller may pull from a stream (namespace, name); what is said of a refusal.
    pub may_pull: Box<dyn Fn(&str, &str) -> Result<(), String> + 'a>,
    /// Which registries the stream may name.
    pub allowed: allowed::Allowed,
    /// The LimitRanges of the stream's namespace.
    pub limits: Vec<Value>,
}

//! The form of an answer. What a client accepts is read once ([`Style::chosen`]); from then on the answer is
//! written here, whatever it is: an object, a list, the events of a watch; whole, as metadata or as rows of a
//! table; in JSON, YAML or protobuf. Nobody outside looks at the form.

mod accept;
mod binary;
mod json;
mod list;
mod look;
mod table;
mod watch;

pub use accept::{Syntax, Wish};
pub use list::respond as list;
pub use look::{Look, builder};
pub use table::Include;
pub use watch::{messages, respond as watch};

use crate::{api::Item, error::Error, kinds::Served, object::json};
use accept::Form;
use actix_web::HttpResponse;
use jiff::Timestamp;

/// How to answer one request.
#[derive(Clone, Copy)]
pub struct Style {
    /// What of the objects.
    form: Form,
    /// How they are written.
    pub look: Look,
    /// The present moment, for ages in tables.
    pub now: Timestamp,
    /// Minor of Kubernetes, for warnings.
    pub minor: u8,
}

impl Style {
    /// What a request for a kind accepts.
    ///
    /// # Errors
    /// 406 when it is nothing that can be produced.
    pub fn chosen(
        accept: &str,
        include: Include,
        (kind, wish): (&Served, Wish),
        plain: Style,
    ) -> Result<Style, Error> {
        let (form, syntax) = accept::negotiate(accept, include, kind, wish)?;
        Ok(Style { form, look: Look { syntax, ..plain.look }, ..plain })
    }

    /// The same on one line of JSON.
    pub fn in_json(self) -> Style {
        Style { look: Look::default(), ..self }
    }

    /// Whole objects in JSON.
    pub fn plain(look: Look, now: Timestamp, minor: u8) -> Style {
        let look = Look { syntax: Syntax::Json, ..look };
        Style { form: Form::Plain, look, now, minor }
    }
}

/// One object as a response.
///
/// # Errors
/// 406 when it cannot be written so.
pub fn single(kind: &Served, code: u16, item: &Item, style: Style) -> Result<HttpResponse, Error> {
    let look = style.look;
    Ok(match (style.form, item) {
        (form, item) if look.syntax == Syntax::Protobuf => {
            let form = if is_status(item) { Form::Plain } else { form };
            look.binary(code, binary::object(kind, item, form)?)
        }
        (Form::Plain, Item::Entry(e)) if look.syntax == Syntax::Json => {
            look.json(builder(code).content_type("application/json"), e.bytes.to_vec())
        }
        (Form::Table(_), item) if !is_status(item) => {
            let metadata =
                json::revision(item).map_or(json!({}), |rv| json!({"resourceVersion": rv}));
            let rows = vec![json::tree(kind, item, style)];
            look.response(code, &table::table(metadata, Some(table::definitions(kind)), rows))
        }
        (Form::Partial, item) if !is_status(item) => {
            look.response(code, &json::tree(kind, item, style))
        }
        (_, item) => look.response(code, &item.value()),
    })
}

/// Whether an item is not an object but what is said instead.
pub fn is_status(item: &Item) -> bool {
    matches!(item, Item::Value(v) if v.get("kind").is_some_and(|k| k == "Status"))
}

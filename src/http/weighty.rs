//! Work that a large body makes: it is done beside the worker that read the body, which meanwhile
//! answers everybody else whose connection it has. A small body is worked on where it was read.

use crate::{
    api::{Answer, Request, Server},
    error::Error,
};
use std::{panic::resume_unwind, sync::Arc};
use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking};

/// The largest body whose work is not worth a way to another thread, in bytes.
const LIGHT: usize = 64 << 10;

/// So many large bodies are worked on at a time; the others wait without holding a worker.
static PLACES: Semaphore = Semaphore::const_new(8);

/// Does what a body of `bytes` takes.
pub async fn done<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= LIGHT {
        return work();
    }
    // Nobody closes it.
    let _place = PLACES.acquire().await.ok();
    match spawn_blocking(work).await {
        Ok(done) => done,
        // A panic is answered where every other is.
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// Carries a request out that came with a body of `bytes`.
pub async fn call(server: &Arc<Server>, request: Request, bytes: usize) -> Result<Answer, Error> {
    if bytes <= LIGHT {
        return server.call(request).await;
    }
    let (own, here) = (Arc::clone(server), Handle::current());
    done(bytes, move || here.block_on(own.call(request))).await
}

//! What images do once they are on a node: how a container behaves follows from what the catalogue
//! knows of its image and from the pod's own spec, see [`process`].

pub mod process;

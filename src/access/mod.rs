//! Who is asking and may they: credentials, users, groups and RBAC.

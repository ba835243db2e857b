//! The server, seen from raw sockets.

mod basics; // status, headers, body, keep-alive
mod peer; // the client

//! `tests/bench`: how fast Muster is and how much it takes, beside a bare gRPC server of the same shape.
//!
//! The controller is the program that ships, in a process of its own. `load` is the other process: every agent of it has a
//! certificate of its own and speaks the real protocol (`agent`) over a TLS connection of its own; what an agent promises it
//! writes to a journal first, which all agents of the load share (`journal`). `bare` is the yardstick: the controller's own
//! acceptor with mutual TLS, one stream per agent, nothing stored. `fleet` makes documents and certificates, `measure` reads
//! clocks and memory, `single` is one real agent, `history` is a store with a long past, `medium` is a GiB
//! over a link that breaks beside a `plain` copy of it, `report` prints.

pub mod agent;
pub mod bare;
pub mod child;
pub mod fleet;
pub mod history;
pub mod journal;
pub mod load;
pub mod measure;
pub mod medium;
pub mod plain;
pub mod report;
pub mod single;

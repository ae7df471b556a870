//! The roles of a process.

/// What a process does; any role runs on any number of machines once bus and
/// store are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    Source,
    Register,
    Redact,
    Analyse,
    Api,
    /// Retention, by the clock.
    Jobs,
}

impl Role {
    pub const ALL: [Role; 6] =
        [Role::Source, Role::Register, Role::Redact, Role::Analyse, Role::Api, Role::Jobs];
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Role::Source => "source",
            Role::Register => "register",
            Role::Redact => "redact",
            Role::Analyse => "analyse",
            Role::Api => "api",
            Role::Jobs => "jobs",
        })
    }
}

//! The implementations, and how each is started.

use std::fmt;
use std::path::Path;
use std::sync::{LazyLock, OnceLock};

use hallway_scenario::topology::Language;
use hallway_world::Languages;
use hallway_world::languages::{Environment, Starter};
use tokio::process::Command;

use crate::Failure;
use crate::own_retries::{self, Policy};

/// The runtimes of this machine.
static LANGUAGES: LazyLock<Languages> = LazyLock::new(|| {
    Languages::new(
        env!("CARGO_BIN_EXE_hallway").into(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services"),
        Environment::of_this_process(),
    )
});

/// How each implementation is started, once its runtime has been found.
static STARTERS: [OnceLock<Starter>; 5] = [const { OnceLock::new() }; 5];

/// A sample service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Implementation(Language);

impl Implementation {
    pub(crate) const RUST: Self = Self(Language::Rust);

    pub(crate) const ALL: [Self; 5] = [
        Self::RUST,
        Self(Language::Python),
        Self(Language::Node),
        Self(Language::Go),
        Self(Language::Java),
    ];

    /// The command that runs it, once [`Implementation::runtime`] has found what that needs.
    pub(crate) fn command(self) -> Command {
        let starter = self.starter().get();
        starter.expect("its runtime has been looked for").command()
    }

    /// Whether it has the optional group of HTTP/2 and gRPC.
    pub(crate) fn has_http2(self) -> bool {
        self.0 == Language::Rust
    }

    /// What its team's own retries do, if it has that optional group.
    pub(crate) fn own_retries(self) -> Option<Policy> {
        own_retries::policy(&self.to_string())
    }

    /// Looks for what it needs, and builds what must be built.
    pub(crate) async fn runtime(self) -> Result<(), Failure> {
        let starter = LANGUAGES.starter(self.0).await?;
        self.starter().get_or_init(|| starter);
        Ok(())
    }

    fn starter(self) -> &'static OnceLock<Starter> {
        &STARTERS[self.0 as usize]
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0.to_string().to_lowercase())
    }
}

#[test]
fn each_has_one_of_the_optional_groups() {
    for implementation in Implementation::ALL {
        assert_ne!(
            implementation.has_http2(),
            implementation.own_retries().is_some(),
            "{implementation}"
        );
    }
}

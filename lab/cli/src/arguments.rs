//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The seed when none is given: the same for everybody, so that two people see the same choices.
const DEFAULT_SEED: u64 = 1;

/// A service-mesh lab that runs on one laptop. Without a command, it grades every scenario.
#[derive(Debug, Parser)]
#[command(name = "hallway", version, max_term_width = 100, infer_subcommands = false)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The directory with the scenarios; found from the current directory upwards when absent.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) scenarios: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs one scenario, and says of each check what was expected and what was seen.
    Run(Run),
    /// Runs scenarios with all their controls, and prints a table.
    Grade(Grade),
    /// Lists the scenarios.
    List,
    /// Shows a scenario's lesson and files, or the JSON Schema of scenario files.
    Show(Show),
    /// Checks rule files without running anything.
    Check(Check),
    /// The sample service; started by the lab, with its bootstrap on standard input.
    #[command(hide = true)]
    Service,
    /// A sidecar proxy; started by the lab, with its bootstrap on standard input.
    #[command(hide = true)]
    Proxy,
    /// The control plane; started by the lab, with its bootstrap on standard input.
    #[command(hide = true)]
    ControlPlane,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// A scenario's name, or a directory with a scenario.yaml.
    #[arg(value_name = "NAME|DIR")]
    pub(crate) scenario: String,
    /// Runs this control of the scenario instead.
    #[arg(long, value_name = "NAME")]
    pub(crate) control: Option<String>,
    /// Shows the journey of one request: of one that a check judged, or of the one whose id starts so.
    #[arg(long, value_name = "CHECK|ID", num_args = 0..=1, default_missing_value = "")]
    pub(crate) explain: Option<String>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Args, Debug, Default)]
pub(crate) struct Grade {
    /// Scenarios, by name or directory; all when absent.
    #[arg(value_name = "NAME|DIR")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Where to run.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) on: On,
    /// The seed of everything random: arrivals' ids, choices of the balancers, jitter.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Writes report.json and junit.xml into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on: On::default(),
            seed: DEFAULT_SEED,
            report: None,
        }
    }
}

/// Where to run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum On {
    /// Real processes over real sockets.
    #[default]
    Processes,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// A scenario's name or directory, or the word `schema`.
    #[arg(value_name = "NAME|DIR|schema")]
    pub(crate) subject: String,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Rule files; together they are one set of rules.
    #[arg(required = true, value_name = "RULES")]
    pub(crate) files: Vec<PathBuf>,
    /// Treats references that lead nowhere as warnings.
    #[arg(long)]
    pub(crate) relaxed: bool,
}

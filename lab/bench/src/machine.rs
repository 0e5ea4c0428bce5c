//! The machine: which cores there are, and what it says of processes.

use std::io;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::system::uname;
use rustix::thread::{CpuSet, sched_getaffinity};
use serde::Serialize;

use crate::error::BenchError;

/// What the figures were measured on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name, by the kernel.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// The kernel.
    pub kernel: String,
}

/// Who is pinned where: the proxies must not share a core with those who give them work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) proxies: usize,
    pub(crate) load: usize,
}

/// CPU time of a process with all its threads. The kernel tells it in ticks of 10 ms on most machines.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuTime {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Machine {
    pub(crate) fn describe() -> Self {
        let uname = uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        Self {
            processor: processor().unwrap_or_else(|| "unknown".to_owned()),
            cores: allowed_cores().len(),
            kernel: format!(
                "{} {} {}",
                text(uname.sysname()),
                text(uname.release()),
                text(uname.machine())
            ),
        }
    }
}

impl Cores {
    /// The first two cores that this process may use.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn choose() -> Result<Self, BenchError> {
        match allowed_cores()[..] {
            [proxies, load, ..] => Ok(Self { proxies, load }),
            _ => Err(BenchError::Input(
                "this bench needs two cores: one for the proxies, one for load and application".to_owned(),
            )),
        }
    }
}

impl CpuTime {
    /// What process `pid` has used so far.
    ///
    /// # Errors
    /// When there is no such process.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        parse_stat(&text, clock_ticks_per_second())
            .ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat cannot be understood")))
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

impl std::ops::Add for CpuTime {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
        }
    }
}

/// The resident memory of process `pid`, in bytes.
///
/// # Errors
/// When there is no such process.
pub(crate) fn resident_bytes(pid: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|kibibytes| kibibytes.parse::<u64>().ok())
        .map(|kibibytes| kibibytes * 1024)
        .ok_or_else(|| io::Error::other(format!("/proc/{pid}/status does not say VmRSS")))
}

/// `utime` and `stime`, the 14th and 15th fields (proc_pid_stat(5)). The second, the name, may hold spaces and parentheses.
fn parse_stat(text: &str, ticks_per_second: u64) -> Option<CpuTime> {
    let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace().skip(11);
    let mut ticks = || {
        Some(Duration::from_secs_f64(
            fields.next()?.parse::<f64>().ok()? / ticks_per_second as f64,
        ))
    };
    Some(CpuTime {
        user: ticks()?,
        system: ticks()?,
    })
}

fn allowed_cores() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let named = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(value.trim_start().strip_prefix(':')?.trim().to_owned())
    };
    named("model name").or_else(|| named("CPU part"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CpuTime, parse_stat, resident_bytes};

    #[test]
    fn cpu_time_is_read_behind_a_name_with_parentheses() {
        let line = "17 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 1 0 100";
        let time = parse_stat(line, 100).expect("well-formed");
        assert_eq!(
            (time.user, time.system),
            (Duration::from_millis(1_500), Duration::from_millis(250))
        );
        assert!(parse_stat("17 (a) S 1 2", 100).is_none());
    }

    #[test]
    fn the_kernel_tells_of_this_process() {
        let pid = std::process::id();
        CpuTime::of(pid).expect("this process exists");
        assert!(resident_bytes(pid).expect("this process exists") > 100_000);
    }
}

//! What one machine knows: its address, its ports, and who listens on them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use crate::listener::Backlog;
use crate::machine::Skew;
use crate::trace::Name;

/// Machines are numbered in the order in which they were made.
pub(crate) type MachineId = usize;

/// Whose a socket is: a process, and which of its lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    pub(crate) process: usize,
    pub(crate) incarnation: u32,
}

/// Ports for those who do not ask for a certain one: Linux's `ip_local_port_range`.
const FREE_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

pub(crate) struct Kernel {
    pub(crate) name: Name,
    pub(crate) address: IpAddr,
    pub(crate) skew: Skew,
    pub(crate) down: bool,
    pub(crate) listeners: BTreeMap<SocketAddr, Backlog>,
    /// Local ports of connections that were opened from here.
    ports: BTreeSet<u16>,
    next_port: u16,
}

impl Kernel {
    pub(crate) fn new(name: Name, address: IpAddr) -> Self {
        Self {
            name,
            address,
            skew: Skew::default(),
            down: false,
            listeners: BTreeMap::new(),
            ports: BTreeSet::new(),
            next_port: *FREE_PORTS.start(),
        }
    }

    /// Opens a port. The address that was taken has the port that was chosen, if any would do.
    pub(crate) fn listen(&mut self, address: SocketAddr, backlog: Backlog) -> io::Result<SocketAddr> {
        if !self.is_local(address.ip()) && !address.ip().is_unspecified() {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        let address = match address.port() {
            0 => SocketAddr::new(address.ip(), self.choose_port().ok_or(ErrorKind::AddrInUse)?),
            _ => address,
        };
        if self.listeners.keys().any(|taken| overlap(*taken, address)) {
            return Err(ErrorKind::AddrInUse.into());
        }
        self.listeners.insert(address, backlog);
        Ok(address)
    }

    /// Who listens at `address`, and under which address they do.
    pub(crate) fn listener(&self, address: SocketAddr) -> Option<SocketAddr> {
        let any = match address {
            SocketAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        [address, SocketAddr::new(any, address.port())]
            .into_iter()
            .find(|address| self.listeners.contains_key(address))
    }

    /// A port for the local end of a connection. It is to be given back.
    pub(crate) fn take_port(&mut self) -> io::Result<u16> {
        let port = self.choose_port().ok_or(ErrorKind::AddrNotAvailable)?;
        self.ports.insert(port);
        Ok(port)
    }

    pub(crate) fn give_back_port(&mut self, port: u16) {
        self.ports.remove(&port);
    }

    pub(crate) fn is_local(&self, address: IpAddr) -> bool {
        address == self.address || address.is_loopback()
    }

    /// In turn, so that a port is not used again soon.
    fn choose_port(&mut self) -> Option<u16> {
        for _ in FREE_PORTS {
            let port = self.next_port;
            self.next_port = match port == *FREE_PORTS.end() {
                true => *FREE_PORTS.start(),
                false => port + 1,
            };
            let listened_on = self.listeners.keys().any(|address| address.port() == port);
            if !listened_on && !self.ports.contains(&port) {
                return Some(port);
            }
        }
        None
    }
}

fn overlap(left: SocketAddr, right: SocketAddr) -> bool {
    left.port() == right.port()
        && left.is_ipv4() == right.is_ipv4()
        && (left.ip() == right.ip() || left.ip().is_unspecified() || right.ip().is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel {
        Kernel::new("one".into(), "10.0.0.1".parse().expect("an address"))
    }

    fn backlog() -> Backlog {
        let owner = Owner {
            process: 0,
            incarnation: 0,
        };
        Backlog::new(1, owner, 1)
    }

    fn listen(kernel: &mut Kernel, address: &str) -> Result<String, ErrorKind> {
        let address = address.parse().expect("an address");
        let taken = kernel.listen(address, backlog());
        taken.map(|taken| taken.to_string()).map_err(|error| error.kind())
    }

    #[test]
    fn a_port_is_taken_once() {
        let kernel = &mut kernel();
        assert_eq!(listen(kernel, "10.0.0.1:80"), Ok("10.0.0.1:80".to_owned()));
        assert_eq!(listen(kernel, "10.0.0.1:80"), Err(ErrorKind::AddrInUse));
        assert_eq!(listen(kernel, "0.0.0.0:80"), Err(ErrorKind::AddrInUse));
        assert_eq!(listen(kernel, "127.0.0.1:80"), Ok("127.0.0.1:80".to_owned()));
        assert_eq!(listen(kernel, "10.0.0.2:80"), Err(ErrorKind::AddrNotAvailable));
    }

    #[test]
    fn free_ports_are_chosen_in_turn_and_run_out() {
        let kernel = &mut kernel();
        assert_eq!(listen(kernel, "10.0.0.1:0"), Ok("10.0.0.1:32768".to_owned()));
        let taken: Vec<u16> = std::iter::from_fn(|| kernel.take_port().ok()).collect();
        assert_eq!(taken, (32_769..=60_999).collect::<Vec<_>>());
        kernel.give_back_port(40_000);
        assert_eq!(kernel.take_port().expect("one is free"), 40_000);
        let error = kernel.take_port().expect_err("none is free");
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn a_listener_is_found_by_its_address_or_by_any() {
        let kernel = &mut kernel();
        listen(kernel, "0.0.0.0:80").expect("a free port");
        listen(kernel, "10.0.0.1:81").expect("a free port");
        let find = |address: &str| {
            let found = kernel.listener(address.parse().expect("an address"));
            found.map(|found| found.to_string())
        };
        assert_eq!(find("10.0.0.1:80").as_deref(), Some("0.0.0.0:80"));
        assert_eq!(find("10.0.0.1:81").as_deref(), Some("10.0.0.1:81"));
        assert_eq!(find("127.0.0.1:81"), None);
    }
}

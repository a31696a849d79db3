//! Identifies the Lambda function that makes a call. On Linux, this module also finds and kills the process at the
//! other end of a loopback connection. A test can therefore kill a Lambda function exactly when it makes a certain
//! call.

use std::path::Path;

use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::stand_in::http::Request;

/// Kills the process at the other end of a connection. `peer` is the port of that process, `own` is the port of the
/// local cloud.
///
/// # Errors
/// Fails if no such process is found, or if the process is this one, which runs the local cloud. The error message
/// states which of these errors occurred.
pub(crate) fn kill(peer: u16, own: u16) -> Result<Pid, String> {
    let process = process(peer, own)?;
    if process == getpid() {
        return Err("the caller is the local cloud's own process".into());
    }
    match kill_process(process, Signal::KILL) {
        Ok(()) => Ok(process),
        Err(error) => Err(format!("process {} could not be killed: {error}", process.as_raw_pid())),
    }
}

/// The Lambda function that sent a request to Microsoft, read from the comment in the request's `User-Agent` header.
/// `None` if the caller is not a function.
pub(crate) fn function(request: &Request) -> Option<String> {
    let (_, comment) = request.header("user-agent")?.split_once(" (")?;
    comment.strip_suffix(')').map(str::to_owned)
}

fn process(peer: u16, own: u16) -> Result<Pid, String> {
    let inode =
        socket_inode(peer, own).ok_or_else(|| format!("no socket on port {peer} is connected to port {own}"))?;
    holder(&inode).ok_or_else(|| format!("no process owns the socket on port {peer}"))
}

/// The inode of the socket whose local port is `local` and whose remote port is `remote`.
fn socket_inode(local: u16, remote: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let text: String = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect();
    let (local, remote) = (format!(":{local:04X}"), format!(":{remote:04X}"));
    // The fields of a line are: number, local address, remote address, state, queues, timers, retransmissions, user,
    // timeout, inode.
    // The tables list several thousand closed connections while tests run, so most lines are rejected before the split.
    text.lines().filter(|line| line.contains(&local)).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, from, to, _, _, _, _, _, _, inode, ..] = fields[..] else { return None };
        (from.ends_with(&local) && to.ends_with(&remote) && inode != "0").then(|| inode.to_owned())
    })
}

/// The process that has the socket with this inode open.
fn holder(inode: &str) -> Option<Pid> {
    let wanted = format!("socket:[{inode}]");
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|entry| {
        let process = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let mut files = std::fs::read_dir(entry.path().join("fd")).ok()?.flatten();
        let holds = files.any(|file| std::fs::read_link(file.path()).is_ok_and(|link| link == Path::new(&wanted)));
        holds.then_some(process)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::io::Write;
    use std::net::TcpListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_the_process_at_the_other_end_is_killed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let mut caller = Command::new("bash")
            .args(["-c", &format!("exec 3<>/dev/tcp/127.0.0.1/{own}; read -u 3 line")])
            .spawn()
            .unwrap();
        let (mut connection, peer) = listener.accept().unwrap();
        assert_eq!(kill(peer.port(), own), Ok(Pid::from_child(&caller)));
        assert!(!caller.wait().unwrap().success());
        // The connection still exists for a moment after the process has been killed. An error of this write to the
        // connection is ignored.
        let _ = connection.write_all(b"late\n");
    }

    #[test]
    fn the_current_process_is_never_killed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let _caller = std::net::TcpStream::connect(("127.0.0.1", own)).unwrap();
        let (_connection, peer) = listener.accept().unwrap();
        assert!(kill(peer.port(), own).unwrap_err().contains("own process"));
    }
}

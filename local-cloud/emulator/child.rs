//! Child processes that never outlive this program. Each child runs in its own process group. Dropping the [`Group`]
//! kills all processes of the group, so that no process remains after success, failure, panic or Ctrl-C.

use std::{
    io,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

/// A running child process with its descendants.
#[derive(Debug)]
pub struct Group {
    /// The process that leads the process group.
    pub child: Child,
    leader: Option<Pid>,
}

impl Group {
    /// Starts a command as the leader of a new process group.
    ///
    /// # Errors
    /// Fails if the program can't be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, leader })
    }

    /// Waits until the process that leads the group exits.
    ///
    /// # Errors
    /// Fails if the operating system reports an error.
    pub async fn wait(mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.leader = None;
        Ok(status)
    }

    /// Waits until the process that leads the group exits. Returns the output of this process.
    ///
    /// # Errors
    /// Fails if the operating system reports an error.
    pub async fn output(mut self) -> io::Result<Output> {
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        let (stdout, stderr) = tokio::try_join!(all(out), all(err))?;
        Ok(Output { status: self.wait().await?, stdout, stderr })
    }

    /// Kills the whole group. The processes have no state to save.
    pub async fn stop(mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
        self.leader = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // Killing fails only if the group has already exited.
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // A killed process keeps its files open for a moment. The caller removes the process's files next, so wait
        // until the process no longer exists.
        for _ in 0..50 {
            if self.leader.is_none() || !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Runs a command until it exits and collects its output.
///
/// # Errors
/// Fails if the program can't be started.
pub async fn output(command: &mut Command) -> io::Result<Output> {
    Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?.output().await
}

async fn all(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    /// Starts a shell that starts a child process. Returns the process group of the shell, and the process id of the
    /// child.
    async fn family() -> (Group, Pid) {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $!; wait"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut group = Group::spawn(&mut command).unwrap();
        let mut text = String::new();
        let mut out = group.child.stdout.take().unwrap();
        while !text.ends_with('\n') {
            let mut byte = [0];
            out.read_exact(&mut byte).await.unwrap();
            text.push(char::from(byte[0]));
        }
        (group, Pid::from_raw(text.trim().parse().unwrap()).unwrap())
    }

    async fn ends(pid: Pid) -> bool {
        for _ in 0..100 {
            // If a process exits after its parent, and no init process reaps it, the process remains a zombie. The test
            // counts a zombie as exited.
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            let zombie = state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
            if zombie || rustix::process::test_kill_process(pid).is_err() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    #[tokio::test]
    async fn dropping_a_group_kills_its_grandchildren() {
        let (group, grandchild) = family().await;
        drop(group);
        assert!(ends(grandchild).await);
    }

    #[tokio::test]
    async fn stopping_a_group_kills_its_grandchildren() {
        let (group, grandchild) = family().await;
        group.stop().await;
        assert!(ends(grandchild).await);
    }

    #[tokio::test]
    async fn both_outputs_and_the_status_are_collected() {
        let output = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).await.unwrap();
        assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
        assert_eq!(output.status.code(), Some(3));
    }
}

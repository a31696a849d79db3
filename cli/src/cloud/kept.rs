//! The address file: the file to which `onboard local --keep` writes the addresses of the local cloud that it keeps
//! running. Commands with `--local` read this file.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use local_cloud::{
    cloud::Cloud,
    emulator::{
        Stack, Workspace,
        stack::{ACCOUNT, REGION},
    },
};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use serde::{Deserialize, Serialize};

use crate::{args::input::unreadable, words::Words};

/// Environment variable with the path of the address file. Several local clouds can run at the same time if each has
/// its own path.
pub const FILE: &str = "ONBOARD_LOCAL_CLOUD";
/// If a local cloud accepts no connection within this time, it is treated as not running.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The addresses of a running local cloud.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Id of the process that runs the local cloud.
    pub process_id: u32,
    /// URL of the AWS emulator.
    pub endpoint: String,
    /// URL of the stand-in, which emulates the services that the AWS emulator lacks, and forwards all other AWS
    /// requests to the emulator. The URL is the endpoint of all AWS services, and of the calls that control the local
    /// cloud (`/_admin/`).
    pub stand_in: String,
    /// URL of the emulated Microsoft Graph.
    pub graph_url: String,
    /// URL of the emulated login service of Entra.
    pub login_url: String,
    /// The AWS Region that the local cloud emulates.
    pub region: String,
    /// Number of the emulated AWS account.
    pub account: String,
    /// Clock scale: how many seconds the local cloud takes for what takes one second in AWS.
    #[serde(default = "one")]
    pub clock_scale: f64,
    /// Name of the stack that is deployed in the local cloud.
    pub stack: String,
    /// Stack outputs by name.
    pub outputs: BTreeMap<String, String>,
}

impl Kept {
    /// The addresses of a local cloud that runs in this process.
    #[must_use]
    pub fn of(cloud: &Cloud, stack: &Stack, clock_scale: f64) -> Self {
        Self {
            process_id: std::process::id(),
            endpoint: cloud.emulator_url().to_owned(),
            stand_in: cloud.stand_in().aws_url(),
            graph_url: cloud.stand_in().graph_url(),
            login_url: cloud.stand_in().login_url(),
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            clock_scale,
            stack: Stack::NAME.to_owned(),
            outputs: stack.outputs.clone(),
        }
    }

    /// The path of the address file for this checkout.
    #[must_use]
    pub fn file(workspace: &Workspace) -> PathBuf {
        named_file().unwrap_or_else(|| workspace.cache().join("current.json"))
    }

    /// Returns the running local cloud. Its addresses are read from the file that the environment variable [`FILE`]
    /// specifies or, if the variable is not set, from the address file of this checkout.
    ///
    /// # Errors
    /// Returns the reason if no local cloud is running.
    pub fn running(words: Words) -> Result<Self, String> {
        let file = match named_file() {
            Some(file) => file,
            None => Self::file(&Workspace::find().map_err(|reason| words.local_cloud_not_started(&reason))?),
        };
        let kept = Self::read(&file).map_err(|error| format!("{}: {}", file.display(), unreadable(&error, words)))?;
        if kept.is_running() {
            Ok(kept)
        } else {
            Err(format!("{}: {}", file.display(), words.process_exited(kept.process_id)))
        }
    }

    /// Whether the local cloud is running: its process exists and the local cloud accepts connections. The process id
    /// alone is not sufficient: if the local cloud was killed, the operating system can have given this id to another
    /// process.
    fn is_running(&self) -> bool {
        let process = i32::try_from(self.process_id).ok().and_then(Pid::from_raw);
        // `EPERM` means that the process is running, but belongs to another user, so this program may not signal it.
        let exists = matches!(process.map(test_kill_process), Some(Ok(()) | Err(Errno::PERM)));
        let address = self.stand_in.trim_start_matches("http://").trim_end_matches('/').parse::<SocketAddr>();
        exists && address.is_ok_and(|address| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok())
    }

    /// Returns the local cloud whose addresses are in this file, if it is running.
    #[must_use]
    pub fn running_at(file: &Path) -> Option<Self> {
        Self::read(file).ok().filter(Self::is_running)
    }

    /// Reads an address file.
    ///
    /// # Errors
    /// Fails if the file does not exist or is invalid.
    pub fn read(file: &Path) -> io::Result<Self> {
        Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
    }

    /// Writes the address file. Dropping the returned value removes the file.
    ///
    /// # Errors
    /// Fails if the file can't be written.
    pub fn publish(&self, file: PathBuf) -> io::Result<Published> {
        // The file is written under another name and renamed when it is complete, because another program can be
        // waiting for this file.
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_string_pretty(self)? + "\n")?;
        fs::rename(new, &file)?;
        Ok(Published { file, process_id: self.process_id })
    }
}

/// The path of the address file that the environment variable contains. An empty variable is treated as not set.
fn named_file() -> Option<PathBuf> {
    std::env::var_os(FILE).filter(|file| !file.is_empty()).map(PathBuf::from)
}

const fn one() -> f64 {
    1.0
}

/// Represents the written address file. Dropping this value removes the file, unless another local cloud has
/// overwritten it.
#[derive(Debug)]
pub struct Published {
    file: PathBuf,
    process_id: u32,
}

impl Drop for Published {
    fn drop(&mut self) {
        if Kept::read(&self.file).is_ok_and(|kept| kept.process_id == self.process_id) {
            let _ = fs::remove_file(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    /// The addresses of a local cloud that seems to run in this process and whose stand-in has the URL `stand_in`.
    fn local_cloud(stand_in: String) -> Kept {
        Kept {
            process_id: std::process::id(),
            endpoint: "http://127.0.0.1:1".into(),
            stand_in,
            graph_url: String::new(),
            login_url: String::new(),
            region: String::new(),
            account: String::new(),
            clock_scale: 1.0,
            stack: String::new(),
            outputs: BTreeMap::from([("RegistryTable".into(), "table".into())]),
        }
    }

    #[test]
    fn the_address_file_exists_only_while_the_local_cloud_runs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("current.json");
        let published = local_cloud(String::new()).publish(file.clone()).unwrap();
        assert_eq!(Kept::read(&file).unwrap().outputs["RegistryTable"], "table");
        drop(published);
        assert!(Kept::read(&file).is_err());
    }

    #[test]
    fn a_local_cloud_removes_only_its_own_address_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("current.json");
        let first = local_cloud(String::new()).publish(file.clone()).unwrap();
        let second = Kept { process_id: 1, ..local_cloud(String::new()) }.publish(file.clone()).unwrap();
        drop(first);
        assert_eq!(Kept::read(&file).unwrap().process_id, 1);
        drop(second);
        assert!(!file.exists());
    }

    #[test]
    fn a_process_that_accepts_no_connection_is_not_the_local_cloud() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let kept = local_cloud(format!("http://{}", listener.local_addr().unwrap()));
        assert!(kept.is_running());
        drop(listener);
        assert!(!kept.is_running());
    }
}

//! The address file of a local cloud that keeps running (`--keep`). Commands with `--local` read this file.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
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

/// Environment variable with the path of another address file, so that several local clouds can run at the same time.
pub const FILE: &str = "ONBOARD_LOCAL_CLOUD";

/// The addresses of a running local cloud.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Id of the process that runs the local cloud.
    pub process_id: u32,
    /// URL of the emulator, for AWS clients.
    pub endpoint: String,
    /// URL of the stand-in, for the AWS services that the stand-in emulates and for calls to `/_admin/`.
    pub stand_in: String,
    /// URL of Microsoft Graph.
    pub graph_url: String,
    /// URL of Entra's login service.
    pub login_url: String,
    /// AWS Region.
    pub region: String,
    /// AWS account number.
    pub account: String,
    /// Clock scale: how many seconds the local cloud takes for one second of the real cloud.
    #[serde(default = "one")]
    pub clock_scale: f64,
    /// Stack name.
    pub stack: String,
    /// Stack outputs.
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
        std::env::var_os(FILE).map_or_else(|| workspace.cache().join("current.json"), PathBuf::from)
    }

    /// Returns the running local cloud. Its addresses are read from the file that the environment variable names or, if
    /// the variable is not set, from the address file of this checkout.
    ///
    /// # Errors
    /// Returns the reason if no local cloud is running.
    pub fn running(words: Words) -> Result<Self, String> {
        let file = match std::env::var_os(FILE) {
            Some(file) => PathBuf::from(file),
            None => Self::file(&Workspace::find().map_err(|reason| words.local_cloud_not_started(&reason))?),
        };
        let kept = Self::read(&file).map_err(|error| format!("{}: {}", file.display(), unreadable(&error, words)))?;
        let process = i32::try_from(kept.process_id).ok().and_then(Pid::from_raw);
        match process.map(test_kill_process) {
            // A process that this program may not signal belongs to another user, but it is running.
            Some(Ok(()) | Err(Errno::PERM)) => Ok(kept),
            _ => Err(format!("{}: {}", file.display(), words.process_exited(kept.process_id))),
        }
    }

    /// Reads an address file.
    ///
    /// # Errors
    /// Fails if the file does not exist or is invalid.
    pub fn read(file: &Path) -> io::Result<Self> {
        Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
    }

    /// Writes the address file. Dropping the returned guard removes the file.
    ///
    /// # Errors
    /// Fails if the file can't be written.
    pub fn publish(&self, file: PathBuf) -> io::Result<Published> {
        // The file appears only when it is complete, because another program can be waiting for it.
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_string_pretty(self)? + "\n")?;
        fs::rename(new, &file)?;
        Ok(Published(file))
    }
}

const fn one() -> f64 {
    1.0
}

/// Guard of the address file. Dropping the guard removes the file.
#[derive(Debug)]
pub struct Published(PathBuf);

impl Drop for Published {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_address_file_exists_only_while_the_local_cloud_runs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("current.json");
        let kept = Kept {
            process_id: 1,
            endpoint: "http://127.0.0.1:1".into(),
            stand_in: String::new(),
            graph_url: String::new(),
            login_url: String::new(),
            region: String::new(),
            account: String::new(),
            clock_scale: 1.0,
            stack: String::new(),
            outputs: BTreeMap::from([("RegistryTable".into(), "table".into())]),
        };
        let published = kept.publish(file.clone()).unwrap();
        assert_eq!(Kept::read(&file).unwrap().outputs["RegistryTable"], "table");
        drop(published);
        assert!(Kept::read(&file).is_err());
    }
}

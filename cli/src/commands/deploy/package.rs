//! Finds the files of a deployment (the template, the state machines and the functions' binary), and prepares them for
//! S3 as `sam package` does. The name of each S3 object contains a hash of the object's content, so a repeated
//! deployment with the same files uploads nothing.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, Crc, write::DeflateEncoder};
use local_cloud::emulator::Workspace;
use onboarding_core::{digest, sources};

use crate::{args::DeployArgs, cloud::error::CommandError, words::Words};

/// The prefix of all S3 object names.
const PREFIX: &str = "connect-onboarding";
/// The paths at which the functions' binary can be: the path in an unpacked release, and the output path of `cargo
/// lambda build`.
const BINARIES: [&str; 2] = ["bootstrap/bootstrap", "target/lambda/bootstrap/bootstrap"];

/// The files of a deployment.
#[derive(Debug)]
pub(super) struct Package {
    root: PathBuf,
    template: String,
    binary: Vec<u8>,
    /// The processor architecture of the binary, as a value of the parameter `Architecture`. `None` if the binary is a
    /// script.
    pub(super) architecture: Option<&'static str>,
}

/// An object to upload to S3.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) content: Vec<u8>,
}

impl Object {
    fn new(content: Vec<u8>, extension: &str) -> Self {
        let hash = digest::of(&content, 32);
        Self { key: format!("{PREFIX}/{hash}.{extension}"), content }
    }

    fn uri(&self, bucket: &str) -> String {
        format!("s3://{bucket}/{}", self.key)
    }
}

impl Package {
    /// Finds and reads the files.
    ///
    /// # Errors
    /// Fails if a file is missing, if the binary can't run in Lambda, or if the directory contains source files and the
    /// binary was built from other source files.
    pub(super) fn find(args: &DeployArgs, words: Words) -> Result<Self, CommandError> {
        let root = match &args.folder {
            Some(folder) => folder.clone(),
            None => Workspace::find().map(|workspace| workspace.root).map_err(|reason| {
                let (what, _) = words.not_started(&reason);
                CommandError::input(what, words.specify_a_folder())
            })?,
        };
        let template = read(&root.join("template.yaml"), words)?;
        let template = String::from_utf8(template).map_err(|error| unexpected(&error.to_string(), words))?;
        let file =
            args.bootstrap.clone().or_else(|| BINARIES.iter().map(|name| root.join(name)).find(|file| file.is_file()));
        let Some(file) = file else {
            let file = root.join(BINARIES[0]);
            return Err(CommandError::input(words.no_file(file.display()), words.build_for_lambda()));
        };
        let binary = read(&file, words)?;
        let architecture = architecture(&binary)
            .ok_or_else(|| CommandError::input(words.not_for_lambda(file.display()), words.build_for_lambda()))?;
        // A script is not compared with the source files, because a script only starts another program and contains no
        // code of the functions.
        if !matches!(architecture, Runnable::Script) && !belongs_to(&binary, &root, words)? {
            return Err(CommandError::input(words.old_binary(file.display()), words.build_for_lambda()));
        }
        Ok(Self { root, template, binary, architecture: architecture.value() })
    }

    /// The names of the template's parameters.
    pub(super) fn parameters(&self) -> Vec<String> {
        let lines = self.template.lines().skip_while(|line| *line != "Parameters:").skip(1);
        let section = lines.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
        let names = section.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
        names.filter(|name| name.chars().all(char::is_alphanumeric)).map(str::to_owned).collect()
    }

    /// The objects to upload to this bucket. The last object is the template, which refers to the other objects.
    ///
    /// # Errors
    /// Fails if a state machine is missing, or if the template has an unexpected form.
    pub(super) fn objects(&self, bucket: &str, words: Words) -> Result<Vec<Object>, CommandError> {
        let code = zip("bootstrap", &self.binary).map_err(|error| unexpected(&error.to_string(), words))?;
        let code = Object::new(code, "zip");
        let (mut objects, mut lines) = (Vec::new(), Vec::new());
        let mut uses_code = false;
        for line in self.template.lines() {
            let (field, value) = line.split_once(": ").unwrap_or((line, ""));
            lines.push(match (field.trim_start(), value) {
                ("CodeUri", "." | "bootstrap/") => {
                    uses_code = true;
                    format!("{field}: {}", code.uri(bucket))
                }
                ("DefinitionUri", path) => {
                    let definition = Object::new(read(&self.root.join(path), words)?, "asl.json");
                    let uri = definition.uri(bucket);
                    objects.push(definition);
                    format!("{field}: {uri}")
                }
                ("CodeUri", _) => return Err(unexpected(line, words)),
                _ => line.to_owned(),
            });
        }
        if !uses_code || objects.is_empty() {
            return Err(unexpected("CodeUri, DefinitionUri", words));
        }
        objects.push(code);
        objects.push(Object::new((lines.join("\n") + "\n").into_bytes(), "template.yaml"));
        Ok(objects)
    }
}

fn read(file: &Path, words: Words) -> Result<Vec<u8>, CommandError> {
    fs::read(file).map_err(|error| {
        CommandError::input(format!("{}: {}", file.display(), words.file_unreadable(error)), words.specify_a_folder())
    })
}

/// Whether the binary was built from the source files in this directory. Returns true if the directory contains no
/// source files, as in a release.
fn belongs_to(binary: &[u8], root: &Path, words: Words) -> Result<bool, CommandError> {
    let marker = sources::marker(root).map_err(|error| {
        CommandError::input(format!("{}: {}", root.display(), words.file_unreadable(error)), words.specify_a_folder())
    })?;
    let contained = |marker: String| binary.windows(marker.len()).any(|bytes| bytes == marker.as_bytes());
    Ok(marker.is_none_or(contained))
}

fn unexpected(what: &str, words: Words) -> CommandError {
    CommandError::input(words.unexpected_template(what), words.specify_a_folder())
}

/// The kinds of program that can run in a Lambda function with the runtime `provided.al2023`.
enum Runnable {
    X86,
    Arm,
    Script,
}

impl Runnable {
    const fn value(self) -> Option<&'static str> {
        match self {
            Self::X86 => Some("x86_64"),
            Self::Arm => Some("arm64"),
            Self::Script => None,
        }
    }
}

/// The kind of a program, or `None` if the program can't run in Lambda. The header of a Linux program (ELF) contains
/// the number of the program's processor architecture at offset 18 (elf.h, `e_machine`).
fn architecture(program: &[u8]) -> Option<Runnable> {
    match (program.get(..4)?, program.get(18..20)) {
        (b"\x7fELF", Some([62, 0])) => Some(Runnable::X86),
        (b"\x7fELF", Some([183, 0])) => Some(Runnable::Arm),
        ([b'#', b'!', ..], _) => Some(Runnable::Script),
        _ => None,
    }
}

/// Packs an executable file into a zip archive (APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16). The archive
/// contains no creation time, so the same file always results in the same archive.
///
/// The crate `zip` is not used, because it enables a further feature of a crate that the AWS SDK also uses, and cargo
/// would then compile that crate twice.
fn zip(name: &str, content: &[u8]) -> std::io::Result<Vec<u8>> {
    const TOO_LARGE: &str = "the binary is larger than a zip archive can contain";
    let size = |length: usize| u32::try_from(length).map_err(|_| std::io::Error::other(TOO_LARGE));
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    let packed = encoder.finish()?;
    let mut checksum = Crc::new();
    checksum.update(content);
    // The fields that both file headers contain: version, flags, method 8 (deflate), time, date (1980-01-01), checksum,
    // sizes, length of the name, length of the extra fields.
    let mut common = Vec::new();
    [20, 0, 8, 0, 0x21].iter().for_each(|field: &u16| common.extend(field.to_le_bytes()));
    let sizes = [checksum.sum(), size(packed.len())?, size(content.len())?];
    sizes.iter().for_each(|field| common.extend(field.to_le_bytes()));
    [size(name.len())? as u16, 0].iter().for_each(|field| common.extend(field.to_le_bytes()));

    let local = [b"PK\x03\x04".as_slice(), &common, name.as_bytes(), &packed].concat();
    // The value (20, 3) of the field "version made by" means that the archive was made on Unix. Unpacking programs
    // therefore use the upper half of the external attributes as the file mode.
    let mut central = [b"PK\x01\x02".as_slice(), &[20, 3], &common].concat();
    [0, 0, 0].iter().for_each(|field: &u16| central.extend(field.to_le_bytes()));
    [0o100_755 << 16, 0].iter().for_each(|field: &u32| central.extend(field.to_le_bytes()));
    central.extend(name.as_bytes());
    let mut end = b"PK\x05\x06".to_vec();
    [0, 0, 1, 1].iter().for_each(|field: &u16| end.extend(field.to_le_bytes()));
    [size(central.len())?, size(local.len())?].iter().for_each(|field| end.extend(field.to_le_bytes()));
    end.extend(0_u16.to_le_bytes());
    Ok([local, central, end].concat())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::process::Command;

    use clap::Parser;

    use super::*;
    use crate::exit::Exit;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        deploy: DeployArgs,
    }

    fn package(template: &str) -> Package {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Package { root, template: template.into(), binary: b"#!/bin/sh\n".into(), architecture: None }
    }

    fn of_the_checkout() -> Package {
        package(include_str!("../../../../template.yaml"))
    }

    #[test]
    fn the_parameters_are_those_of_the_template() {
        let parsed: serde_norway::Value = serde_norway::from_str(&of_the_checkout().template).unwrap();
        let names = parsed["Parameters"].as_mapping().unwrap().keys().map(|name| name.as_str().unwrap().to_owned());
        assert_eq!(of_the_checkout().parameters(), names.collect::<Vec<_>>());
    }

    #[test]
    fn only_the_locations_of_code_and_state_machines_change() {
        let package = of_the_checkout();
        let objects = package.objects("bucket", Words::default()).unwrap();
        assert_eq!(objects.len(), 8, "six state machines, the code and the template");
        let template = String::from_utf8(objects.last().unwrap().content.clone()).unwrap();
        let changed: Vec<_> = template.lines().zip(package.template.lines()).filter(|(new, old)| new != old).collect();
        assert_eq!(changed.len(), 7);
        for (new, old) in changed {
            let (field, uri) = new.split_once(": ").unwrap();
            assert!(old.starts_with(field) && uri.starts_with("s3://bucket/connect-onboarding/"), "{new}");
            assert!(objects.iter().any(|object| uri.ends_with(&object.key)), "{new}");
        }
        let again = package.objects("bucket", Words::default()).unwrap();
        assert!(objects.iter().zip(&again).all(|(one, other)| one.key == other.key));
    }

    #[test]
    fn a_template_without_known_code_is_refused() {
        for template in
            ["", "  CodeUri: elsewhere/\n", "  CodeUri: .\n", "  DefinitionUri: statemachine/plan.asl.json\n"]
        {
            assert!(package(template).objects("bucket", Words::default()).is_err(), "{template}");
        }
    }

    #[test]
    fn only_programs_that_run_in_lambda_are_accepted() {
        let elf = |machine: u8| [b"\x7fELF".as_slice(), &[0; 14], &[machine, 0]].concat();
        let value = |program: &[u8]| architecture(program).map(Runnable::value);
        assert_eq!(value(&elf(62)), Some(Some("x86_64")));
        assert_eq!(value(&elf(183)), Some(Some("arm64")));
        assert_eq!(value(b"#!/bin/sh\nexec a\n"), Some(None));
        for other in [elf(40).as_slice(), b"\xcf\xfa\xed\xfe0123456789abcdef", b"MZ", b""] {
            assert!(value(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn in_a_checkout_only_a_binary_of_its_source_files_is_deployed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, content: &[u8]| {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), content).unwrap();
        };
        write("template.yaml", of_the_checkout().template.as_bytes());
        for name in ["Cargo.lock", "Cargo.toml", "functions/main.rs"] {
            write(name, b"first");
        }
        let build = |binary: &str| {
            let marker = sources::marker(root).unwrap().unwrap();
            write(binary, &[b"\x7fELF", &[0; 14][..], &[62, 0, 1], marker.as_bytes(), &[0]].concat());
        };
        let find = |bootstrap: Option<PathBuf>| {
            let mut arguments = vec!["deploy".into(), "--folder".into(), root.as_os_str().to_owned()];
            arguments.extend(bootstrap.iter().flat_map(|file| ["--bootstrap".into(), file.as_os_str().to_owned()]));
            let found = Package::find(&Program::parse_from(arguments).deploy, Words::default());
            found.map(|package| package.architecture).map_err(|error| (error.exit, error.what, error.action))
        };
        build("target/lambda/bootstrap/bootstrap");
        assert_eq!(find(None), Ok(Some("x86_64")));
        // An old binary is rejected even if the change to the source files is not committed, and even if the operator
        // specifies the path of the binary.
        write("functions/main.rs", b"second");
        for bootstrap in [None, Some(root.join("target/lambda/bootstrap/bootstrap"))] {
            let (exit, what, action) = find(bootstrap).unwrap_err();
            assert!(exit == Exit::BadInput && what.contains("other source files"), "{what}");
            assert!(action.contains("cargo lambda build"), "{action}");
        }
        build(".aws-sam/build/Preflight/bootstrap");
        assert_eq!(find(Some(root.join(".aws-sam/build/Preflight/bootstrap"))), Ok(Some("x86_64")));
        // A release has no source files.
        fs::remove_dir_all(root.join("functions")).unwrap();
        assert_eq!(find(None), Ok(Some("x86_64")));
    }

    #[test]
    fn other_programs_read_the_archive_and_the_file_mode() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content = [b"#!/bin/sh\necho ".as_slice(), &b"x".repeat(100_000)].concat();
        fs::write(file.path(), zip("bootstrap", &content).unwrap()).unwrap();
        let program = "import sys, zipfile\nfile = zipfile.ZipFile(sys.argv[1])\nassert file.testzip() is None\n\
            info, = file.infolist()\nprint(info.filename, oct(info.external_attr >> 16), len(file.read(info)), info.date_time)";
        let output = Command::new("python3").args(["-c", program]).arg(file.path()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let expected = format!("bootstrap 0o100755 {} (1980, 1, 1, 0, 0, 0)", content.len());
        assert_eq!(printed.trim(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
